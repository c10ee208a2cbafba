/* The shapes and numbers that programs are compiled with: they never change within one ABI version. */
#include "check.h"
#include <stddef.h>
#include <sys/uio.h>

static void iovec(void) {
  CHECK(sizeof(tidings_str) == sizeof(struct iovec));
  CHECK(offsetof(tidings_str, data) == offsetof(struct iovec, iov_base));
  CHECK(offsetof(tidings_str, len) == offsetof(struct iovec, iov_len));
}

static void sizes(void) {
  if (sizeof(void *) != 8) {
    return;
  }
  CHECK(sizeof(tidings_event) == 64);
  CHECK(sizeof(tidings_item) == 88);
  CHECK(sizeof(tidings_cursor) == 32);
  CHECK(sizeof(tidings_published) == 48);
  CHECK(sizeof(tidings_output) == 32);
  CHECK(sizeof(tidings_control_event) == 40);
  /* These may grow, and only at the end. */
  CHECK(sizeof(tidings_decoder_options) >= 24);
  CHECK(offsetof(tidings_open, encoding) == 100);
  CHECK(offsetof(tidings_open, tag) == 120);
  CHECK(offsetof(tidings_publish, reserved) == 124);
  CHECK(offsetof(tidings_class_options, records) == 48);
  CHECK(offsetof(tidings_hub_options, bye) == 376);
  CHECK(offsetof(tidings_stats, closed) == 120);
  CHECK(offsetof(tidings_class_stats, first) == 32);
  CHECK(offsetof(tidings_client_options, kept_bytes) == 112);
  CHECK(offsetof(tidings_client_output, http_status) == 44);
  CHECK(offsetof(tidings_response, reserved) == 36);
  CHECK(offsetof(tidings_engine_output, recipients) == 40);
}

static void versions(void) {
  char version[32];
  CHECK(strcmp(tidings_version(), TIDINGS_VERSION) == 0);
  snprintf(version, sizeof version, "%d.%d.%d", TIDINGS_VERSION_MAJOR, TIDINGS_VERSION_MINOR,
           TIDINGS_VERSION_PATCH);
  CHECK(strncmp(version, TIDINGS_VERSION, strlen(version)) == 0);
  CHECK(tidings_abi_version() == TIDINGS_ABI_VERSION);
}

static void names(void) {
  CHECK(strcmp(tidings_status_str(TIDINGS_OK), "done") == 0);
  CHECK(strcmp(tidings_status_str(1), tidings_status_str(-100000)) == 0);
  CHECK(strcmp(tidings_status_name(TIDINGS_ERR_NULL), "TIDINGS_ERR_NULL") == 0);
  CHECK(strcmp(tidings_status_name(1), "unknown") == 0);
  CHECK(strcmp(tidings_close_reason_str(TIDINGS_CLOSE_SUPERSEDED), "superseded") == 0);
  CHECK(strcmp(tidings_close_reason_str(TIDINGS_CLOSE_GONE), "gone") == 0);
  CHECK(strcmp(tidings_close_reason_str(TIDINGS_CLOSE_REASONS), "unknown") == 0);
  CHECK(strcmp(tidings_gap_reason_str(TIDINGS_GAP_REPLAY_LIMIT), "replay_limit") == 0);
  CHECK(strcmp(tidings_gap_reason_str(TIDINGS_GAP_REPLAY_LIMIT + 1), "unknown") == 0);
  CHECK(tidings_str_of(NULL).data == NULL && tidings_str_of("").data != NULL);
  CHECK(is(TIDINGS_STR("a literal"), "a literal"));
}

int main(void) {
  iovec();
  sizes();
  versions();
  names();
  return 0;
}
