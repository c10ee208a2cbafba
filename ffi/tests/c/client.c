/* A client from C: connect, read, lose the connection, come back with the last event id. */
#include "check.h"

static void read_all(tidings_client *client, const char *input, int events) {
  size_t len = strlen(input), done = 0, taken;
  tidings_item item;
  for (;;) {
    OK(tidings_client_handle_data(client, 20, input + done, len - done, &taken, &item));
    done += taken;
    if (item.kind == TIDINGS_ITEM_NONE) {
      break;
    }
    CHECK(item.kind == TIDINGS_ITEM_EVENT);
    events--;
  }
  CHECK(events == 0 && done == len);
}

int main(void) {
  tidings_client_options options = TIDINGS_INIT(tidings_client_options);
  tidings_client_output output = TIDINGS_INIT(tidings_client_output);
  tidings_response response = TIDINGS_INIT(tidings_response);
  tidings_client *client;
  tidings_str id;
  uint64_t at_ms, retry_ms;
  uint32_t state;
  options.seed = 7;
  OK(tidings_client_new(&options, &client));
  OK(tidings_client_connect(client, 0));
  OK(tidings_client_poll_output(client, &output));
  CHECK(output.kind == TIDINGS_CLIENT_OUTPUT_CONNECT && output.last_event_id.data == NULL);
  response.status = 200;
  response.content_type = TIDINGS_STR("text/event-stream");
  OK(tidings_client_handle_response(client, 10, &response));
  OK(tidings_client_poll_output(client, &output));
  CHECK(output.kind == TIDINGS_CLIENT_OUTPUT_OPEN);
  read_all(client, "retry: 300\nid: 4\ndata: a\n\ndata: b\n\nid: 5\ndata: unfinis", 2);
  OK(tidings_client_retry_ms(client, &retry_ms));
  CHECK(retry_ms == 300);

  OK(tidings_client_handle_end(client, 30));
  OK(tidings_client_poll_timeout(client, &at_ms));
  CHECK(at_ms >= 30 + 240 && at_ms <= 30 + 360);
  OK(tidings_client_handle_timeout(client, at_ms));
  OK(tidings_client_poll_output(client, &output));
  CHECK(output.kind == TIDINGS_CLIENT_OUTPUT_CONNECT && is(output.last_event_id, "4"));
  response.status = 500;
  OK(tidings_client_handle_response(client, at_ms, &response));
  do {
    OK(tidings_client_poll_output(client, &output));
    CHECK(output.kind != TIDINGS_CLIENT_OUTPUT_NONE);
  } while (output.kind != TIDINGS_CLIENT_OUTPUT_FAILED);
  CHECK(output.reason == TIDINGS_ERR_HTTP_STATUS && output.http_status == 500);
  CHECK(has(output.message, "500"));
  OK(tidings_client_last_event_id(client, &id));
  CHECK(is(id, "4"));

  OK(tidings_client_connect(client, at_ms));
  OK(tidings_client_handle_error(client, at_ms));
  OK(tidings_client_close(client));
  OK(tidings_client_state(client, &state));
  CHECK(state == TIDINGS_CLIENT_CLOSED);
  tidings_client_free(client);
  return 0;
}
