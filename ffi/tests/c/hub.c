/* A hub over a real socket pair: the slices are an iovec, and a reader decodes what comes. */
#include "check.h"
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { EVENTS = 200 };

static uint64_t open_reader(tidings_hub *hub) {
  tidings_str topics[] = {TIDINGS_STR("news"), TIDINGS_STR("rooms/*")};
  tidings_open open = TIDINGS_INIT(tidings_open);
  uint64_t connection = 0;
  open.user = TIDINGS_STR("ada");
  open.topics = topics;
  open.topic_count = 2;
  open.preamble = TIDINGS_STR(": welcome\n");
  OK(tidings_hub_open(hub, 0, &open, &connection));
  CHECK(connection != 0);
  return connection;
}

static void publish(tidings_hub *hub, int number) {
  static const tidings_str topic = {"rooms/7", 7};
  char data[1001];
  tidings_publish publish = TIDINGS_INIT(tidings_publish);
  tidings_published published;
  memset(data, 'a' + number % 26, 1000);
  data[1000] = 0;
  publish.topics = &topic;
  publish.topic_count = 1;
  publish.event = message(data);
  OK(tidings_hub_publish(hub, 0, &publish, &published));
  CHECK(published.recipients == 1 && published.cursor.sequence == (uint64_t)number + 1);
}

/* Writes what the hub says is ready; true if the socket took all of it. */
static int write_ready(tidings_hub *hub, int socket) {
  tidings_output output;
  for (;;) {
    tidings_str slices[TIDINGS_MAX_SLICES];
    size_t count, offered = 0;
    ssize_t sent;
    OK(tidings_hub_poll_output(hub, &output));
    if (output.kind == TIDINGS_OUTPUT_NONE) {
      return 1;
    }
    CHECK(output.kind == TIDINGS_OUTPUT_READY);
    OK(tidings_hub_transmit(hub, 0, output.connection, slices, TIDINGS_MAX_SLICES, &count));
    if (count == 0) {
      continue;
    }
    for (size_t index = 0; index < count; index++) {
      offered += slices[index].len;
    }
    struct msghdr head = {0};
    head.msg_iov = (struct iovec *)slices;
    head.msg_iovlen = count;
    sent = sendmsg(socket, &head, MSG_DONTWAIT);
    OK(tidings_hub_consume(hub, 0, output.connection, sent < 0 ? 0 : (size_t)sent));
    if (sent < (ssize_t)offered) {
      return 0;
    }
  }
}

/* Reads what has come, and returns how many events there were of type `message`. */
static int read_events(tidings_decoder *decoder, int socket, int seen) {
  char buffer[700];
  ssize_t len;
  while ((len = recv(socket, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
    size_t done = 0;
    while (done < (size_t)len) {
      tidings_item item;
      size_t taken;
      OK(tidings_decoder_decode(decoder, buffer + done, (size_t)len - done, &taken, &item));
      done += taken;
      if (item.kind != TIDINGS_ITEM_EVENT || !is(item.event.event, "message")) {
        continue;
      }
      char id[TIDINGS_CURSOR_BYTES];
      tidings_cursor cursor = {1, (uint64_t)++seen, 0, 0, 0};
      size_t id_len;
      OK(tidings_cursor_format(&cursor, id, sizeof id, &id_len));
      CHECK(is(item.event.id, id));
      CHECK(item.event.data.len == 1000 && item.event.data.data[999] == 'a' + (seen - 1) % 26);
    }
  }
  return seen;
}

static void everything_arrives(void) {
  tidings_hub *hub;
  tidings_decoder *decoder;
  tidings_stats stats = TIDINGS_INIT(tidings_stats);
  int sockets[2], seen = 0, blocked = 0;
  uint64_t reader;
  OK(tidings_hub_new(NULL, &hub));
  OK(tidings_decoder_new(NULL, &decoder));
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
  CHECK(setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &(int){8192}, sizeof(int)) == 0);
  reader = open_reader(hub);
  for (int number = 0; number < EVENTS; number++) {
    publish(hub, number);
  }
  while (!write_ready(hub, sockets[0])) {
    blocked = 1;
    seen = read_events(decoder, sockets[1], seen);
    OK(tidings_hub_handle_writable(hub, reader));
  }
  seen = read_events(decoder, sockets[1], seen);
  CHECK(seen == EVENTS && blocked);
  OK(tidings_hub_stats(hub, &stats));
  CHECK(stats.delivered == EVENTS && stats.connections == 1 && stats.size == sizeof stats);
  OK(tidings_hub_handle_closed(hub, reader));
  EXPECT(TIDINGS_ERR_NOT_FOUND, tidings_hub_handle_closed(hub, reader));
  close(sockets[0]);
  close(sockets[1]);
  tidings_decoder_free(decoder);
  tidings_hub_free(hub);
}

/* The same events as WebSocket messages: whole frames, the first of them `connected`. */
static void as_messages(void) {
  tidings_str topics[] = {TIDINGS_STR("rooms/7")};
  tidings_open open = TIDINGS_INIT(tidings_open);
  tidings_str slices[TIDINGS_MAX_SLICES], wire;
  tidings_hub *hub;
  uint64_t reader;
  size_t count;
  OK(tidings_hub_new(NULL, &hub));
  open.topics = topics;
  open.topic_count = 1;
  open.encoding = TIDINGS_ENCODING_WEBSOCKET;
  OK(tidings_hub_open(hub, 0, &open, &reader));
  publish(hub, 0);
  OK(tidings_hub_transmit(hub, 0, reader, slices, TIDINGS_MAX_SLICES, &count));
  CHECK(count == 2);
  /* The length of either takes 16 bits. */
  CHECK((uint8_t)slices[0].data[0] == 0x81 && slices[0].data[1] == 126);
  CHECK(has(slices[0], "\"event\":\"connected\""));
  wire = slices[1];
  CHECK((uint8_t)wire.data[0] == 0x81 && wire.data[1] == 126);
  CHECK(wire.len == 4u + ((uint8_t)wire.data[2] << 8 | (uint8_t)wire.data[3]));
  CHECK(has(wire, "{\"id\":\"1~1\",\"event\":\"message\",\"data\":\"aaa"));
  CHECK(has(wire, "aaa\",\"topic\":\"rooms/7\"}"));
  OK(tidings_hub_consume(hub, 0, reader, slices[0].len + wire.len));
  tidings_hub_free(hub);
}

/* A hub that is freed with connections, events and bytes in flight leaves nothing behind. */
static void freed_in_the_middle(void) {
  tidings_hub *hub;
  tidings_str slices[TIDINGS_MAX_SLICES], why;
  size_t count;
  uint64_t reader, at_ms;
  OK(tidings_hub_new(NULL, &hub));
  reader = open_reader(hub);
  publish(hub, 0);
  OK(tidings_hub_poll_timeout(hub, &at_ms));
  CHECK(at_ms != TIDINGS_NEVER);
  EXPECT(TIDINGS_ERR_INVALID_TOPIC, tidings_hub_subscribe(hub, reader, TIDINGS_STR("a*")));
  OK(tidings_hub_error(hub, &why));
  CHECK(has(why, "pattern"));
  OK(tidings_hub_transmit(hub, 0, reader, slices, TIDINGS_MAX_SLICES, &count));
  CHECK(count > 0 && has(slices[0], ": welcome\n"));
  tidings_hub_free(hub);
}

int main(void) {
  everything_arrives();
  as_messages();
  freed_in_the_middle();
  return 0;
}
