/* Every function of the header, called wrongly: each says so, and neither writes nor changes anything. */
#include "check.h"
#include <limits.h>

/* The call is refused with this status, and `out` keeps what it has. */
#define REFUSED(status, out, call)                       \
  do {                                                   \
    unsigned char before[sizeof(out)];                   \
    memset(&(out), 0xa5, sizeof(out));                   \
    memcpy(before, &(out), sizeof(out));                 \
    EXPECT(status, call);                                \
    CHECK(memcmp(before, &(out), sizeof(out)) == 0);     \
  } while (0)

static const size_t TOO_LONG = (size_t)-1;

static tidings_str wrong_utf8(void) {
  tidings_str str = {"\xff\xfe", 2};
  return str;
}

/* NULL with a length. */
static tidings_str nowhere(void) {
  tidings_str str = {NULL, 1};
  return str;
}

static tidings_str endless(void) {
  tidings_str str = {"x", TOO_LONG};
  return str;
}

static void numbers(void) {
  CHECK(tidings_version() && tidings_abi_version() > 0);
  for (int status = -300; status < 300; status++) {
    CHECK(strlen(tidings_status_str(status)) > 0 && strlen(tidings_status_name(status)) > 0);
  }
  CHECK(tidings_status_str(INT32_MIN) && tidings_status_name(INT32_MIN));
  CHECK(tidings_close_reason_str(UINT32_MAX) && tidings_gap_reason_str(UINT32_MAX));
}

static void freeing_nothing(void) {
  tidings_frame_free(NULL);
  tidings_decoder_free(NULL);
  tidings_hub_free(NULL);
  tidings_client_free(NULL);
  tidings_engine_free(NULL);
}

static void texts_of_numbers(void) {
  tidings_cursor cursor = {1, 2, 0, 0, 0}, out;
  char buffer[TIDINGS_CURSOR_BYTES];
  size_t len;
  uint64_t id;
  REFUSED(TIDINGS_ERR_NULL, len, tidings_cursor_format(NULL, buffer, sizeof buffer, &len));
  REFUSED(TIDINGS_ERR_NULL, len, tidings_cursor_format(&cursor, NULL, 9, &len));
  REFUSED(TIDINGS_ERR_NULL, buffer, tidings_cursor_format(&cursor, buffer, sizeof buffer, NULL));
  REFUSED(TIDINGS_ERR_BUFFER, buffer, tidings_cursor_format(&cursor, buffer, 3, &len));
  REFUSED(TIDINGS_ERR_BUFFER, len, tidings_cursor_format(&cursor, NULL, 0, &len));
  REFUSED(TIDINGS_ERR_LENGTH, len, tidings_cursor_format(&cursor, buffer, TOO_LONG, &len));
  cursor.has_latest = 2;
  REFUSED(TIDINGS_ERR_INVALID, len, tidings_cursor_format(&cursor, buffer, sizeof buffer, &len));
  REFUSED(TIDINGS_ERR_CURSOR, out, tidings_cursor_parse(TIDINGS_STR("nonsense"), &out));
  REFUSED(TIDINGS_ERR_CURSOR, out, tidings_cursor_parse(tidings_str_of(NULL), &out));
  REFUSED(TIDINGS_ERR_UTF8, out, tidings_cursor_parse(wrong_utf8(), &out));
  REFUSED(TIDINGS_ERR_NULL, out, tidings_cursor_parse(nowhere(), &out));
  EXPECT(TIDINGS_ERR_NULL, tidings_cursor_parse(TIDINGS_STR("1~2"), NULL));
  CHECK(tidings_connection_index(UINT64_MAX) == (1u << 24) - 1);
  REFUSED(TIDINGS_ERR_BUFFER, buffer, tidings_connection_format(7, buffer, 1, &len));
  REFUSED(TIDINGS_ERR_NULL, len, tidings_connection_format(7, NULL, 9, &len));
  EXPECT(TIDINGS_ERR_NULL, tidings_connection_format(7, buffer, sizeof buffer, NULL));
  REFUSED(TIDINGS_ERR_CONNECTION_ID, id, tidings_connection_parse(TIDINGS_STR("0F"), &id));
  REFUSED(TIDINGS_ERR_LENGTH, id, tidings_connection_parse(endless(), &id));
  EXPECT(TIDINGS_ERR_NULL, tidings_connection_parse(TIDINGS_STR("f"), NULL));
}

static void events(void) {
  tidings_event event = message("data"), wrong = message("data");
  tidings_frame *frame;
  tidings_str str;
  char buffer[64];
  size_t len;
  wrong.data = wrong_utf8();
  EXPECT(TIDINGS_ERR_NULL, tidings_event_check(NULL));
  EXPECT(TIDINGS_ERR_UTF8, tidings_event_check(&wrong));
  REFUSED(TIDINGS_ERR_NULL, len, tidings_event_encoded_len(NULL, &len));
  REFUSED(TIDINGS_ERR_UTF8, len, tidings_event_encoded_len(&wrong, &len));
  EXPECT(TIDINGS_ERR_NULL, tidings_event_encoded_len(&event, NULL));
  REFUSED(TIDINGS_ERR_NULL, len, tidings_event_encode(NULL, buffer, sizeof buffer, &len));
  REFUSED(TIDINGS_ERR_UTF8, buffer, tidings_event_encode(&wrong, buffer, sizeof buffer, &len));
  REFUSED(TIDINGS_ERR_NULL, len, tidings_event_encode(&event, NULL, sizeof buffer, &len));
  REFUSED(TIDINGS_ERR_NULL, buffer, tidings_event_encode(&event, buffer, sizeof buffer, NULL));
  OK(tidings_event_encoded_len(&event, &len));
  REFUSED(TIDINGS_ERR_BUFFER, buffer, tidings_event_encode(&event, buffer, len - 1, &len));
  REFUSED(TIDINGS_ERR_BUFFER, len, tidings_event_encode(&event, NULL, 0, &len));
  wrong.data = nowhere();
  EXPECT(TIDINGS_ERR_NULL, tidings_event_check(&wrong));
  wrong.data = endless();
  EXPECT(TIDINGS_ERR_LENGTH, tidings_event_check(&wrong));
  REFUSED(TIDINGS_ERR_NULL, frame, tidings_frame_new(NULL, &frame));
  REFUSED(TIDINGS_ERR_LENGTH, frame, tidings_frame_new(&wrong, &frame));
  EXPECT(TIDINGS_ERR_NULL, tidings_frame_new(&event, NULL));
  REFUSED(TIDINGS_ERR_NULL, str, tidings_frame_bytes(NULL, &str));
  OK(tidings_frame_new(&event, &frame));
  EXPECT(TIDINGS_ERR_NULL, tidings_frame_bytes(frame, NULL));
  tidings_frame_free(frame);
  REFUSED(TIDINGS_ERR_UTF8, len, tidings_comment_encoded_len(wrong_utf8(), &len));
  EXPECT(TIDINGS_ERR_NULL, tidings_comment_encoded_len(TIDINGS_STR("x"), NULL));
  REFUSED(TIDINGS_ERR_BUFFER, buffer, tidings_comment_encode(TIDINGS_STR("x"), buffer, 3, &len));
  REFUSED(TIDINGS_ERR_NULL, len, tidings_comment_encode(TIDINGS_STR("x"), NULL, 9, &len));
  EXPECT(TIDINGS_ERR_NULL, tidings_comment_encode(TIDINGS_STR("x"), buffer, 9, NULL));
}

static void decoder(void) {
  tidings_decoder_options options = TIDINGS_INIT(tidings_decoder_options);
  tidings_decoder *decoder;
  tidings_item item;
  tidings_str str;
  size_t taken;
  EXPECT(TIDINGS_ERR_NULL, tidings_decoder_new(NULL, NULL));
  options.size = 8;
  REFUSED(TIDINGS_ERR_STRUCT_SIZE, decoder, tidings_decoder_new(&options, &decoder));
  options.size = sizeof options;
  options.flags = 0x80;
  REFUSED(TIDINGS_ERR_INVALID, decoder, tidings_decoder_new(&options, &decoder));
  REFUSED(TIDINGS_ERR_NULL, item, tidings_decoder_decode(NULL, "x", 1, &taken, &item));
  REFUSED(TIDINGS_ERR_NULL, str, tidings_decoder_last_event_id(NULL, &str));
  REFUSED(TIDINGS_ERR_NULL, str, tidings_decoder_error(NULL, &str));
  EXPECT(TIDINGS_ERR_NULL, tidings_decoder_reset(NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_decoder_resume(NULL, TIDINGS_STR("1")));

  OK(tidings_decoder_new(NULL, &decoder));
  OK(tidings_decoder_decode(decoder, "id: 1\ndata: be", 14, &taken, &item));
  REFUSED(TIDINGS_ERR_NULL, item, tidings_decoder_decode(decoder, NULL, 1, &taken, &item));
  REFUSED(TIDINGS_ERR_NULL, item, tidings_decoder_decode(decoder, "x", 1, NULL, &item));
  REFUSED(TIDINGS_ERR_NULL, taken, tidings_decoder_decode(decoder, "x", 1, &taken, NULL));
  REFUSED(TIDINGS_ERR_LENGTH, taken, tidings_decoder_decode(decoder, "x", TOO_LONG, &taken, &item));
  EXPECT(TIDINGS_ERR_NULL, tidings_decoder_last_event_id(decoder, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_decoder_error(decoder, NULL));
  EXPECT(TIDINGS_ERR_ID_LINE_BREAK, tidings_decoder_resume(decoder, TIDINGS_STR("a\nb")));
  EXPECT(TIDINGS_ERR_NULL, tidings_decoder_resume(decoder, nowhere()));
  OK(tidings_decoder_error(decoder, &str));
  CHECK(has(str, "NULL"));
  /* All of that was as if it had not been. */
  OK(tidings_decoder_decode(decoder, "fore\n\n", 6, &taken, &item));
  CHECK(item.kind == TIDINGS_ITEM_EVENT && is(item.event.data, "before"));
  OK(tidings_decoder_decode(decoder, NULL, 0, &taken, &item));
  CHECK(item.kind == TIDINGS_ITEM_NONE && taken == 0);
  tidings_decoder_free(decoder);
}

/* Without a hub nothing is done. */
static void no_hub(void) {
  tidings_open open = TIDINGS_INIT(tidings_open);
  tidings_publish publish = TIDINGS_INIT(tidings_publish);
  tidings_str slices[TIDINGS_MAX_SLICES], str;
  tidings_published published;
  tidings_cursor cursor;
  tidings_output output;
  tidings_stats stats;
  tidings_class_stats class_stats;
  uint64_t number;
  uint32_t flag;
  size_t count;
  REFUSED(TIDINGS_ERR_NULL, str, tidings_hub_error(NULL, &str));
  REFUSED(TIDINGS_ERR_NULL, number, tidings_hub_error_retry_ms(NULL, &number));
  REFUSED(TIDINGS_ERR_NULL, number, tidings_hub_open(NULL, 0, &open, &number));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_subscribe(NULL, 1, TIDINGS_STR("a")));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_unsubscribe(NULL, 1, TIDINGS_STR("a")));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_renew(NULL, 0, 1, 0, NULL, 0));
  REFUSED(TIDINGS_ERR_NULL, published, tidings_hub_publish(NULL, 0, &publish, &published));
  REFUSED(TIDINGS_ERR_NULL, published, tidings_hub_publish_all(NULL, 0, &publish, 1, &published));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_close(NULL, 0, 1));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_drain(NULL, 0, 1));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_handle_closed(NULL, 1));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_handle_writable(NULL, 1));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_handle_timeout(NULL, 1));
  REFUSED(TIDINGS_ERR_NULL, number, tidings_hub_poll_timeout(NULL, &number));
  REFUSED(TIDINGS_ERR_NULL, output, tidings_hub_poll_output(NULL, &output));
  REFUSED(TIDINGS_ERR_NULL, count,
          tidings_hub_transmit(NULL, 0, 1, slices, TIDINGS_MAX_SLICES, &count));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_consume(NULL, 0, 1, 0));
  REFUSED(TIDINGS_ERR_NULL, cursor, tidings_hub_cursor(NULL, &cursor));
  REFUSED(TIDINGS_ERR_NULL, cursor, tidings_hub_position(NULL, 1, &cursor));
  REFUSED(TIDINGS_ERR_NULL, flag, tidings_hub_is_open(NULL, 1, &flag));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_set_unix_ms(NULL, 0, 1));
  REFUSED(TIDINGS_ERR_NULL, stats, tidings_hub_stats(NULL, &stats));
  REFUSED(TIDINGS_ERR_NULL, class_stats, tidings_hub_class_stats(NULL, 0, &class_stats));
}

static void hub_options(void) {
  tidings_hub_options options = TIDINGS_INIT(tidings_hub_options);
  struct {
    tidings_hub_options known;
    char more[16];
  } newer;
  tidings_class_options class_options = TIDINGS_INIT(tidings_class_options);
  tidings_hub *hub;
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_new(NULL, NULL));
  options.class_count = 1;
  REFUSED(TIDINGS_ERR_NULL, hub, tidings_hub_new(&options, &hub));
  options.classes = &class_options;
  options.class_count = TOO_LONG;
  REFUSED(TIDINGS_ERR_LENGTH, hub, tidings_hub_new(&options, &hub));
  options.class_count = 1;
  class_options.topic_count = 1;
  REFUSED(TIDINGS_ERR_NULL, hub, tidings_hub_new(&options, &hub));
  class_options.size = 0;
  REFUSED(TIDINGS_ERR_STRUCT_SIZE, hub, tidings_hub_new(&options, &hub));
  options.class_count = 0;
  options.bye.name = wrong_utf8();
  REFUSED(TIDINGS_ERR_UTF8, hub, tidings_hub_new(&options, &hub));

  memset(&newer, 0, sizeof newer);
  newer.known.size = sizeof newer;
  OK(tidings_hub_new(&newer.known, &hub));
  tidings_hub_free(hub);
  newer.more[15] = 1;
  REFUSED(TIDINGS_ERR_STRUCT_SIZE, hub, tidings_hub_new(&newer.known, &hub));
}

static void opening(tidings_hub *hub) {
  tidings_open open = TIDINGS_INIT(tidings_open), wrong;
  tidings_str topics[] = {TIDINGS_STR("a"), wrong_utf8()};
  uint64_t id;
  wrong = open;
  wrong.size = offsetof(tidings_open, preamble);
  REFUSED(TIDINGS_ERR_STRUCT_SIZE, id, tidings_hub_open(hub, 0, &wrong, &id));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_open(hub, 0, &open, NULL));
  wrong = open;
  wrong.topics = topics;
  wrong.topic_count = 2;
  REFUSED(TIDINGS_ERR_UTF8, id, tidings_hub_open(hub, 0, &wrong, &id));
  wrong.topics = NULL;
  REFUSED(TIDINGS_ERR_NULL, id, tidings_hub_open(hub, 0, &wrong, &id));
  wrong.topics = topics;
  wrong.topic_count = TOO_LONG;
  REFUSED(TIDINGS_ERR_LENGTH, id, tidings_hub_open(hub, 0, &wrong, &id));
  wrong = open;
  wrong.grant_count = 1;
  REFUSED(TIDINGS_ERR_NULL, id, tidings_hub_open(hub, 0, &wrong, &id));
  wrong = open;
  wrong.lag = 9;
  REFUSED(TIDINGS_ERR_INVALID, id, tidings_hub_open(hub, 0, &wrong, &id));
  wrong = open;
  wrong.flags = 0x80;
  REFUSED(TIDINGS_ERR_INVALID, id, tidings_hub_open(hub, 0, &wrong, &id));
  wrong = open;
  wrong.encoding = 2;
  REFUSED(TIDINGS_ERR_INVALID, id, tidings_hub_open(hub, 0, &wrong, &id));
  wrong = open;
  wrong.user = TIDINGS_STR("");
  REFUSED(TIDINGS_ERR_INVALID_USER, id, tidings_hub_open(hub, 0, &wrong, &id));
  wrong = open;
  wrong.tab = TIDINGS_STR("short");
  REFUSED(TIDINGS_ERR_TAB_TOO_SHORT, id, tidings_hub_open(hub, 0, &wrong, &id));
  wrong = open;
  wrong.last_event_id = TIDINGS_STR("1~2!");
  REFUSED(TIDINGS_ERR_STAY_AWAY, id, tidings_hub_open(hub, 0, &wrong, &id));
  wrong = open;
  wrong.expires_ms = 1;
  REFUSED(TIDINGS_ERR_EXPIRED, id, tidings_hub_open(hub, 9, &wrong, &id));
  wrong = open;
  wrong.preamble = endless();
  REFUSED(TIDINGS_ERR_LENGTH, id, tidings_hub_open(hub, 0, &wrong, &id));
}

static void publishing(tidings_hub *hub) {
  tidings_str topic = TIDINGS_STR("a"), pattern = TIDINGS_STR("a/*");
  tidings_publish publish = TIDINGS_INIT(tidings_publish), wrong;
  tidings_published published;
  publish.topics = &topic;
  publish.topic_count = 1;
  publish.event = message("x");
  REFUSED(TIDINGS_ERR_NULL, published, tidings_hub_publish(hub, 0, NULL, &published));
  wrong = publish;
  wrong.size = 4;
  REFUSED(TIDINGS_ERR_STRUCT_SIZE, published, tidings_hub_publish(hub, 0, &wrong, &published));
  wrong = publish;
  wrong.topics = &pattern;
  REFUSED(TIDINGS_ERR_INVALID_TOPIC, published, tidings_hub_publish(hub, 0, &wrong, &published));
  wrong = publish;
  wrong.event.data = wrong_utf8();
  REFUSED(TIDINGS_ERR_UTF8, published, tidings_hub_publish(hub, 0, &wrong, &published));
  wrong = publish;
  wrong.event.event = TIDINGS_STR("gap");
  REFUSED(TIDINGS_ERR_RESERVED_EVENT, published, tidings_hub_publish(hub, 0, &wrong, &published));
  wrong = publish;
  wrong.event.id = TIDINGS_STR("1~2");
  REFUSED(TIDINGS_ERR_ID_RESERVED, published, tidings_hub_publish(hub, 0, &wrong, &published));
  wrong = publish;
  wrong.event.id = TIDINGS_STR("");
  REFUSED(TIDINGS_ERR_ID_LENGTH, published, tidings_hub_publish(hub, 0, &wrong, &published));
  wrong = publish;
  wrong.audience = 77;
  REFUSED(TIDINGS_ERR_INVALID, published, tidings_hub_publish(hub, 0, &wrong, &published));
  REFUSED(TIDINGS_ERR_NULL, published, tidings_hub_publish_all(hub, 0, NULL, 2, &published));
  REFUSED(TIDINGS_ERR_LENGTH, published,
          tidings_hub_publish_all(hub, 0, &publish, TOO_LONG, &published));
  REFUSED(TIDINGS_ERR_INVALID, published, tidings_hub_publish_all(hub, 0, &wrong, 1, &published));
}

static void one_connection(tidings_hub *hub, uint64_t id, tidings_status status) {
  tidings_str slices[TIDINGS_MAX_SLICES];
  tidings_cursor cursor;
  size_t count;
  EXPECT(status, tidings_hub_subscribe(hub, id, TIDINGS_STR("b")));
  EXPECT(status, tidings_hub_unsubscribe(hub, id, TIDINGS_STR("b")));
  EXPECT(status, tidings_hub_renew(hub, 0, id, 0, NULL, 0));
  EXPECT(status, tidings_hub_close(hub, 0, id));
  EXPECT(status, tidings_hub_handle_closed(hub, id));
  EXPECT(status, tidings_hub_handle_writable(hub, id));
  REFUSED(status, count, tidings_hub_transmit(hub, 0, id, slices, TIDINGS_MAX_SLICES, &count));
  REFUSED(status, cursor, tidings_hub_position(hub, id, &cursor));
  EXPECT(TIDINGS_ERR_NOT_TRANSMITTED, tidings_hub_consume(hub, 0, id, 0));
}

static void driving(tidings_hub *hub, uint64_t id) {
  tidings_str slices[TIDINGS_MAX_SLICES], wrong = wrong_utf8();
  tidings_stats stats = TIDINGS_INIT(tidings_stats), small = stats;
  tidings_class_stats class_stats = TIDINGS_INIT(tidings_class_stats), before = class_stats;
  size_t count, offered = 0;
  EXPECT(TIDINGS_ERR_UTF8, tidings_hub_subscribe(hub, id, wrong));
  EXPECT(TIDINGS_ERR_INVALID_TOPIC, tidings_hub_subscribe(hub, id, tidings_str_of(NULL)));
  EXPECT(TIDINGS_ERR_UTF8, tidings_hub_unsubscribe(hub, id, wrong));
  EXPECT(TIDINGS_ERR_UTF8, tidings_hub_renew(hub, 0, id, 0, &wrong, 1));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_renew(hub, 0, id, 0, NULL, 1));
  EXPECT(TIDINGS_ERR_EXPIRED, tidings_hub_renew(hub, 9, id, 1, NULL, 0));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_poll_output(hub, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_poll_timeout(hub, NULL));
  REFUSED(TIDINGS_ERR_NULL, count, tidings_hub_transmit(hub, 0, id, NULL, 1, &count));
  REFUSED(TIDINGS_ERR_BUFFER, count,
          tidings_hub_transmit(hub, 0, id, slices, TIDINGS_MAX_SLICES - 1, &count));
  REFUSED(TIDINGS_ERR_NULL, slices,
          tidings_hub_transmit(hub, 0, id, slices, TIDINGS_MAX_SLICES, NULL));
  EXPECT(TIDINGS_ERR_NOT_TRANSMITTED, tidings_hub_consume(hub, 0, id, 0));
  OK(tidings_hub_transmit(hub, 0, id, slices, TIDINGS_MAX_SLICES, &count));
  for (size_t index = 0; index < count; index++) {
    offered += slices[index].len;
  }
  EXPECT(TIDINGS_ERR_NOT_TRANSMITTED, tidings_hub_consume(hub, 0, id, offered + 1));
  OK(tidings_hub_consume(hub, 0, id, 0));
  OK(tidings_hub_handle_writable(hub, id));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_cursor(hub, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_position(hub, id, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_is_open(hub, id, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_error(hub, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_error_retry_ms(hub, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_stats(hub, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_hub_class_stats(hub, 0, NULL));
  EXPECT(TIDINGS_ERR_INVALID, tidings_hub_class_stats(hub, 1, &class_stats));
  CHECK(memcmp(&class_stats, &before, sizeof before) == 0);
  small.size = 16;
  EXPECT(TIDINGS_ERR_STRUCT_SIZE, tidings_hub_stats(hub, &small));
  OK(tidings_hub_set_unix_ms(hub, 0, 0));
  OK(tidings_hub_handle_timeout(hub, 0));
}

static void hub(void) {
  tidings_hub *hub;
  tidings_open open = TIDINGS_INIT(tidings_open);
  tidings_stats before = TIDINGS_INIT(tidings_stats), after = TIDINGS_INIT(tidings_stats);
  uint64_t id, number;
  OK(tidings_hub_new(NULL, &hub));
  OK(tidings_hub_open(hub, 0, &open, &id));
  OK(tidings_hub_stats(hub, &before));
  opening(hub);
  publishing(hub);
  one_connection(hub, id + 1, TIDINGS_ERR_NOT_FOUND);
  one_connection(hub, 0, TIDINGS_ERR_NOT_FOUND);
  one_connection(hub, UINT64_MAX, TIDINGS_ERR_NOT_FOUND);
  driving(hub, id);
  OK(tidings_hub_stats(hub, &after));
  CHECK(memcmp(&before, &after, sizeof before) == 0);
  OK(tidings_hub_drain(hub, 0, 1));
  REFUSED(TIDINGS_ERR_DRAINING, number, tidings_hub_open(hub, 0, &open, &number));
  tidings_hub_free(hub);
}

static void no_client(void) {
  tidings_client_output output;
  tidings_response response = TIDINGS_INIT(tidings_response);
  tidings_item item;
  tidings_str str;
  uint64_t number;
  uint32_t state;
  size_t taken;
  EXPECT(TIDINGS_ERR_NULL, tidings_client_connect(NULL, 0));
  EXPECT(TIDINGS_ERR_NULL, tidings_client_close(NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_client_handle_response(NULL, 0, &response));
  REFUSED(TIDINGS_ERR_NULL, item, tidings_client_handle_data(NULL, 0, "x", 1, &taken, &item));
  EXPECT(TIDINGS_ERR_NULL, tidings_client_handle_end(NULL, 0));
  EXPECT(TIDINGS_ERR_NULL, tidings_client_handle_error(NULL, 0));
  EXPECT(TIDINGS_ERR_NULL, tidings_client_handle_timeout(NULL, 0));
  REFUSED(TIDINGS_ERR_NULL, number, tidings_client_poll_timeout(NULL, &number));
  REFUSED(TIDINGS_ERR_NULL, output, tidings_client_poll_output(NULL, &output));
  REFUSED(TIDINGS_ERR_NULL, state, tidings_client_state(NULL, &state));
  REFUSED(TIDINGS_ERR_NULL, str, tidings_client_last_event_id(NULL, &str));
  REFUSED(TIDINGS_ERR_NULL, number, tidings_client_retry_ms(NULL, &number));
  REFUSED(TIDINGS_ERR_NULL, str, tidings_client_error(NULL, &str));
}

static void client(void) {
  tidings_client_options options = TIDINGS_INIT(tidings_client_options);
  tidings_client_output output = TIDINGS_INIT(tidings_client_output), before = output;
  tidings_response response = TIDINGS_INIT(tidings_response);
  tidings_client *client;
  tidings_item item;
  size_t taken;
  EXPECT(TIDINGS_ERR_NULL, tidings_client_new(NULL, NULL));
  options.bye_event = wrong_utf8();
  REFUSED(TIDINGS_ERR_UTF8, client, tidings_client_new(&options, &client));
  options.bye_event = nowhere();
  REFUSED(TIDINGS_ERR_NULL, client, tidings_client_new(&options, &client));
  options.size = sizeof options - 8;
  REFUSED(TIDINGS_ERR_STRUCT_SIZE, client, tidings_client_new(&options, &client));

  OK(tidings_client_new(NULL, &client));
  OK(tidings_client_connect(client, 0));
  output.size = 8;
  EXPECT(TIDINGS_ERR_STRUCT_SIZE, tidings_client_poll_output(client, &output));
  output.size = sizeof output;
  CHECK(memcmp(&output, &before, sizeof before) == 0);
  EXPECT(TIDINGS_ERR_NULL, tidings_client_poll_output(client, NULL));
  OK(tidings_client_poll_output(client, &output));
  CHECK(output.kind == TIDINGS_CLIENT_OUTPUT_CONNECT);
  EXPECT(TIDINGS_ERR_NULL, tidings_client_handle_response(client, 0, NULL));
  response.content_type = nowhere();
  EXPECT(TIDINGS_ERR_NULL, tidings_client_handle_response(client, 0, &response));
  response.size = 0;
  EXPECT(TIDINGS_ERR_STRUCT_SIZE, tidings_client_handle_response(client, 0, &response));
  REFUSED(TIDINGS_ERR_NULL, item, tidings_client_handle_data(client, 0, NULL, 1, &taken, &item));
  REFUSED(TIDINGS_ERR_NULL, item, tidings_client_handle_data(client, 0, "x", 1, NULL, &item));
  REFUSED(TIDINGS_ERR_NULL, taken, tidings_client_handle_data(client, 0, "x", 1, &taken, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_client_poll_timeout(client, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_client_state(client, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_client_last_event_id(client, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_client_retry_ms(client, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_client_error(client, NULL));
  tidings_client_free(client);
}

/* Without an engine nothing is done; libraries that have none say so instead. */
static void no_engine(tidings_status status) {
  tidings_publish publish = TIDINGS_INIT(tidings_publish);
  tidings_adopt adopt = TIDINGS_INIT(tidings_adopt);
  tidings_published published;
  tidings_engine_output output;
  tidings_cursor cursor;
  tidings_stats stats;
  char buffer[TIDINGS_ENGINE_ERROR_BYTES];
  uint64_t id;
  size_t len;
  int fd;
  EXPECT(status, tidings_engine_start(NULL));
  REFUSED(status, id, tidings_engine_adopt(NULL, -1, &adopt, &id));
  REFUSED(status, published, tidings_engine_publish(NULL, &publish, &published));
  REFUSED(status, published, tidings_engine_publish_all(NULL, &publish, 1, &published));
  REFUSED(status, published, tidings_engine_post(NULL, &publish, 1, &published));
  REFUSED(status, published, tidings_engine_post_all(NULL, &publish, 1, 1, &published));
  EXPECT(status, tidings_engine_subscribe(NULL, 1, TIDINGS_STR("a")));
  EXPECT(status, tidings_engine_unsubscribe(NULL, 1, TIDINGS_STR("a")));
  EXPECT(status, tidings_engine_renew(NULL, 1, 0, NULL, 0));
  EXPECT(status, tidings_engine_close(NULL, 1));
  REFUSED(status, cursor, tidings_engine_cursor(NULL, &cursor));
  REFUSED(status, stats, tidings_engine_stats(NULL, &stats));
  EXPECT(status, tidings_engine_drain(NULL, 0));
  REFUSED(status, output, tidings_engine_poll_output(NULL, &output));
  REFUSED(status, fd, tidings_engine_fd(NULL, &fd));
  REFUSED(status, buffer, tidings_engine_error(NULL, buffer, sizeof buffer, &len));
  REFUSED(status, id, tidings_engine_error_retry_ms(NULL, &id));
}

static void running_engine(tidings_engine *engine) {
  tidings_str wrong = wrong_utf8(), topic = TIDINGS_STR("a");
  tidings_publish publish = TIDINGS_INIT(tidings_publish);
  tidings_adopt adopt = TIDINGS_INIT(tidings_adopt);
  tidings_published published;
  tidings_engine_output output = TIDINGS_INIT(tidings_engine_output);
  char buffer[TIDINGS_ENGINE_ERROR_BYTES];
  uint64_t id;
  size_t len;
  publish.topics = &topic;
  publish.topic_count = 1;
  publish.event = message("x");
  REFUSED(TIDINGS_ERR_NOT_STARTED, published, tidings_engine_publish(engine, &publish, &published));
  REFUSED(TIDINGS_ERR_NOT_STARTED, id, tidings_engine_adopt(engine, -1, &adopt, &id));
  OK(tidings_engine_start(engine));
  EXPECT(TIDINGS_ERR_STARTED, tidings_engine_start(engine));
  REFUSED(TIDINGS_ERR_NULL, published, tidings_engine_publish(engine, NULL, &published));
  REFUSED(TIDINGS_ERR_NULL, published, tidings_engine_publish_all(engine, NULL, 1, &published));
  REFUSED(TIDINGS_ERR_NULL, published, tidings_engine_post(engine, NULL, 1, &published));
  REFUSED(TIDINGS_ERR_NULL, published, tidings_engine_post_all(engine, NULL, 1, 1, &published));
  publish.size = 4;
  REFUSED(TIDINGS_ERR_STRUCT_SIZE, published, tidings_engine_publish(engine, &publish, &published));
  EXPECT(TIDINGS_ERR_NULL, tidings_engine_adopt(engine, -1, &adopt, NULL));
  REFUSED(TIDINGS_ERR_BAD_FD, id, tidings_engine_adopt(engine, -1, &adopt, &id));
  EXPECT(TIDINGS_ERR_UTF8, tidings_engine_subscribe(engine, 1, wrong));
  EXPECT(TIDINGS_ERR_UTF8, tidings_engine_unsubscribe(engine, 1, wrong));
  EXPECT(TIDINGS_ERR_NULL, tidings_engine_renew(engine, 1, 0, NULL, 1));
  EXPECT(TIDINGS_ERR_NOT_FOUND, tidings_engine_close(engine, 1));
  EXPECT(TIDINGS_ERR_NULL, tidings_engine_cursor(engine, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_engine_stats(engine, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_engine_poll_output(engine, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_engine_fd(engine, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_engine_error(engine, buffer, sizeof buffer, NULL));
  REFUSED(TIDINGS_ERR_NULL, len, tidings_engine_error(engine, NULL, 9, &len));
  EXPECT(TIDINGS_ERR_NULL, tidings_engine_error_retry_ms(engine, NULL));
  output.size = 8;
  EXPECT(TIDINGS_ERR_STRUCT_SIZE, tidings_engine_poll_output(engine, &output));
}

static void engine(void) {
  tidings_engine *engine = NULL;
  tidings_engine_options options = TIDINGS_INIT(tidings_engine_options);
  tidings_status status = tidings_engine_new(NULL, &engine);
  if (status == TIDINGS_ERR_UNSUPPORTED) {
    no_engine(TIDINGS_ERR_UNSUPPORTED);
    return;
  }
  OK(status);
  no_engine(TIDINGS_ERR_NULL);
  running_engine(engine);
  tidings_engine_free(engine);
  EXPECT(TIDINGS_ERR_NULL, tidings_engine_new(NULL, NULL));
  options.size = 4;
  REFUSED(TIDINGS_ERR_STRUCT_SIZE, engine, tidings_engine_new(&options, &engine));
}

int main(void) {
  numbers();
  freeing_nothing();
  texts_of_numbers();
  events();
  decoder();
  no_hub();
  hub_options();
  hub();
  no_client();
  client();
  engine();
  return 0;
}
