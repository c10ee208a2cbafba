/* Streams decoded from C: item by item, and written again. */
#include "check.h"

static const char STREAM[] =
    "\xef\xbb\xbf: comment\n"
    "id: 1\nevent: greeting\ndata: hello\n\n"
    "data: two\r\ndata: lines\r\n\r\n"
    "retry: 250\rdata\r\r";

/* Checks the items of STREAM, and returns how many there are. */
static void check_item(int number, const tidings_item *item) {
  const tidings_event *event = &item->event;
  CHECK(item->reserved == 0);
  switch (number) {
    case 0:
      CHECK(item->kind == TIDINGS_ITEM_EVENT && is(event->event, "greeting"));
      CHECK(is(event->id, "1") && is(event->data, "hello") && event->flags == 0);
      break;
    case 1:
      CHECK(item->kind == TIDINGS_ITEM_EVENT && is(event->event, "message"));
      CHECK(event->id.data == NULL && is(item->last_event_id, "1"));
      CHECK(is(event->data, "two\nlines"));
      break;
    case 2:
      CHECK(item->kind == TIDINGS_ITEM_RETRY && event->retry_ms == 250);
      break;
    case 3:
      CHECK(item->kind == TIDINGS_ITEM_EVENT && event->data.len == 0);
      CHECK(event->flags == TIDINGS_EVENT_RETRY && event->retry_ms == 250);
      break;
    default:
      CHECK(!"more items than there are");
  }
}

/* A copy of exactly so many bytes, so that whoever reads beyond them is found out. */
static char *exactly(const char *from, size_t len) {
  char *copy = malloc(len ? len : 1);
  CHECK(copy);
  memcpy(copy, from, len);
  return copy;
}

static void one_by_one(size_t size) {
  tidings_decoder *decoder;
  int number = 0;
  OK(tidings_decoder_new(NULL, &decoder));
  for (size_t at = 0; at < sizeof STREAM - 1; at += size) {
    size_t len = sizeof STREAM - 1 - at < size ? sizeof STREAM - 1 - at : size;
    char *chunk = exactly(STREAM + at, len);
    size_t done = 0;
    for (;;) {
      size_t taken;
      tidings_item item;
      OK(tidings_decoder_decode(decoder, chunk + done, len - done, &taken, &item));
      done += taken;
      if (item.kind == TIDINGS_ITEM_NONE) {
        break;
      }
      check_item(number++, &item);
    }
    CHECK(done == len);
    free(chunk);
  }
  CHECK(number == 4);
  tidings_decoder_free(decoder);
}

/* What is read can be written, and means the same. */
static void there_and_back(void) {
  tidings_decoder *decoder;
  tidings_frame *frame;
  tidings_str wire;
  tidings_item item;
  size_t taken, len, written;
  char *buffer;
  const char stream[] = "id: 7\nevent: x\nretry: 0\ndata: a\ndata: b\n\n";
  OK(tidings_decoder_new(NULL, &decoder));
  OK(tidings_decoder_decode(decoder, stream, sizeof stream - 1, &taken, &item));
  CHECK(item.kind == TIDINGS_ITEM_RETRY);
  OK(tidings_decoder_decode(decoder, stream + taken, sizeof stream - 1 - taken, &taken, &item));
  OK(tidings_event_check(&item.event));
  OK(tidings_event_encoded_len(&item.event, &len));
  buffer = malloc(len);
  CHECK(buffer);
  OK(tidings_event_encode(&item.event, buffer, len, &written));
  CHECK(written == len && len == sizeof stream - 1 && memcmp(buffer, stream, len) == 0);
  OK(tidings_frame_new(&item.event, &frame));
  tidings_decoder_free(decoder);
  OK(tidings_frame_bytes(frame, &wire));
  CHECK(is(wire, stream));
  tidings_frame_free(frame);
  free(buffer);
}

static void comment(void) {
  char buffer[8];
  size_t len;
  OK(tidings_comment_encoded_len(TIDINGS_STR("alive"), &len));
  CHECK(len == sizeof buffer);
  OK(tidings_comment_encode(TIDINGS_STR("alive"), buffer, sizeof buffer, &len));
  CHECK(len == sizeof buffer && memcmp(buffer, ": alive\n", len) == 0);
}

int main(void) {
  for (size_t size = 1; size < sizeof STREAM; size++) {
    one_by_one(size);
  }
  there_and_back();
  comment();
  return 0;
}
