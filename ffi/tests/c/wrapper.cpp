/* The C++ wrapper: handles move and are freed once, failures are seen, each machine does its work. */
#include <tidings.hpp>

#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <type_traits>
#include <unistd.h>

#define CHECK(condition)                                                             \
  do {                                                                               \
    if (!(condition)) {                                                              \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
      std::exit(1);                                                                  \
    }                                                                                \
  } while (0)

using tidings::publication;

template <typename Handle>
constexpr bool moves_only = std::is_nothrow_move_constructible_v<Handle> &&
                            std::is_nothrow_move_assignable_v<Handle> && !std::is_copy_constructible_v<Handle>;
static_assert(moves_only<tidings::decoder> && moves_only<tidings::hub> && moves_only<tidings::client>);
static_assert(moves_only<tidings::engine> && moves_only<tidings::frame>);

static void values() {
  tidings::event event;
  event.id = "1";
  event.type = "greeting";
  event.data = "two\nlines";
  event.retry_ms = 250;
  auto bytes = event.encode();
  CHECK(bytes && *bytes == "id: 1\nevent: greeting\nretry: 250\ndata: two\ndata: lines\n\n");
  auto frame = tidings::frame::make(event);
  CHECK(frame && frame->bytes() == *bytes);
  event.id = "1\n2";
  CHECK(event.check() == TIDINGS_ERR_ID_LINE_BREAK);
  CHECK(event.encode().status() == TIDINGS_ERR_ID_LINE_BREAK);
  CHECK(tidings::frame::make(event).status() == TIDINGS_ERR_ID_LINE_BREAK);

  auto cursor = tidings::cursor::parse("5f3a9c1b20~7");
  CHECK(cursor && cursor->sequence == 7 && *cursor->text() == "5f3a9c1b20~7");
  CHECK(tidings::cursor::parse("no").status() == TIDINGS_ERR_CURSOR);
  CHECK(tidings::connection_parse("no").status() == TIDINGS_ERR_CONNECTION_ID);
}

static void decodes() {
  auto made = tidings::decoder::make();
  CHECK(made);
  auto decoder = *std::move(made);
  std::string_view input = "id: 4\nevent: a\ndata: one\n\nretry: 9\ndata: two\n\ndata: unfin";
  auto item = decoder.decode(input);
  CHECK(item && *item && item->type == "a" && item->data == "one" && item->id == "4");
  CHECK(input.substr(0, 5) == "retry");
  int items = 0;
  CHECK(decoder.decode_each(input, [&](const tidings::item &found) {
    if (found.kind == TIDINGS_ITEM_RETRY) CHECK(found.retry_ms == 9u);
    if (found.kind == TIDINGS_ITEM_EVENT) CHECK(found.data == "two" && !found.id.data() && found.last_event_id == "4");
    items++;
  }));
  CHECK(items == 2 && decoder.last_event_id() == "4");
  CHECK(decoder.decode_each({}, [](const tidings::item &) { CHECK(!"an item"); }));

  auto moved = std::move(decoder);
  std::string_view none;
  CHECK(decoder.decode(none).status() == TIDINGS_ERR_NULL && decoder.last_event_id().empty());
  CHECK(moved.last_event_id() == "4" && moved.resume("5") && moved.last_event_id() == "5");

  tidings::decoder::options options;
  options.event_bytes = 4;
  auto small = tidings::decoder::make(options);
  input = "data: more than four\n\n";
  CHECK(small && small->decode(input).status() == TIDINGS_ERR_EVENT_TOO_LARGE && !small->error().empty());
  CHECK(small->reset());
}

static std::string sent(tidings::hub &hub, tidings::connection_id connection) {
  std::string sent;
  for (;;) {
    auto output = hub.poll_output();
    CHECK(output);
    if (output->kind != TIDINGS_OUTPUT_READY) return sent;
    CHECK(output->connection == connection);
    auto slices = hub.transmit(0, connection);
    CHECK(slices);
    for (auto slice : *slices) sent.append(slice.data, slice.len);
    if (!slices->empty()) CHECK(hub.consume(0, connection, slices->bytes()));
  }
}

static void serves() {
  tidings::hub::options options;
  options.seed = 7;
  auto hub = tidings::hub::make(options);
  CHECK(hub);
  auto connection = hub->open(0, tidings::opening().user("ada").topic("news").topic("rooms/*").grant("news"));
  CHECK(connection && hub->is_open(*connection));
  auto text = tidings::connection_format(*connection);
  CHECK(text && *tidings::connection_parse(*text) == *connection);

  CHECK(hub->publish(0, publication::to("rooms/7").type("said").data("one"))->recipients == 1);
  CHECK(hub->publish(0, publication::to_user("ada").data("two"))->recipients == 1);
  CHECK(hub->publish(0, publication::to_user_in_topics("bob", {"news"}).data("x"))->recipients == 0);
  CHECK(hub->publish(0, publication::to_everyone().except(*connection).data("x"))->recipients == 0);
  CHECK(hub->publish(0, publication::to_connection(*connection).data("three"))->recipients == 1);
  CHECK(hub->publish(0, publication::to_topics({}).data("x")).status() == TIDINGS_ERR_NO_TOPIC);
  CHECK(!hub->error().empty());
  auto all = hub->publish_all(0, {publication::to("news").data("four"), publication::to("news").only_granted().data("five")});
  CHECK(all && all->size() == 2 && (*all)[1].recipients == 1);
  auto bytes = sent(*hub, *connection);
  for (auto part : {"event: said\ndata: one\n", "data: two\n", "data: three\n", "data: four\n", "data: five\n"}) {
    CHECK(bytes.find(part) != std::string::npos);
  }
  CHECK(hub->stats()->delivered == 5 && hub->class_stats(0) && hub->class_stats(1).status() == TIDINGS_ERR_INVALID);
  CHECK(hub->cursor()->sequence == hub->position(*connection)->sequence);
  CHECK(hub->subscribe(*connection, "more") && hub->unsubscribe(*connection, "more"));
  CHECK(hub->renew(0, *connection, 0, {"news"}) && hub->set_unix_ms(0, 1));
  CHECK(hub->poll_timeout() && hub->handle_timeout(1) && hub->handle_writable(*connection));
  CHECK(hub->close(1, *connection) && sent(*hub, *connection).find("event: bye\n") != std::string::npos);
  CHECK(hub->handle_closed(*connection) == TIDINGS_ERR_NOT_FOUND && !hub->is_open(*connection));
  CHECK(hub->drain(1, 10) && hub->open(1, tidings::opening()).status() == TIDINGS_ERR_DRAINING);
}

static void tags() {
  auto hub = tidings::hub::make();
  auto connection = hub->open(0, tidings::opening().user("ada").tab("1").tag(7));
  CHECK(connection);
  auto output = hub->poll_output();
  CHECK(output && output->connection == *connection && output->tag == 7);
  CHECK(*hub->error_retry_ms() == 0 && hub->open(0, tidings::opening().user("ada").tab("1")));
  auto soon = hub->open(400, tidings::opening().user("ada").tab("1"));
  CHECK(soon.status() == TIDINGS_ERR_SUPERSEDED_TOO_SOON && *hub->error_retry_ms() == 600);
}

static void reads() {
  auto client = tidings::client::make();
  CHECK(client && client->connect(0));
  CHECK(client->poll_output()->kind == TIDINGS_CLIENT_OUTPUT_CONNECT);
  CHECK(client->handle_response(10, 200, "text/event-stream"));
  CHECK(client->poll_output()->kind == TIDINGS_CLIENT_OUTPUT_OPEN && *client->state() == TIDINGS_CLIENT_CONNECTED);
  std::string_view input = "retry: 300\nid: 4\ndata: a\n\n";
  int events = 0;
  for (;;) {
    auto item = client->handle_data(20, input);
    CHECK(item);
    if (!*item) break;
    events += item->kind == TIDINGS_ITEM_EVENT;
  }
  CHECK(events == 1 && client->last_event_id() == "4" && *client->retry_ms() == 300);
  CHECK(client->handle_end(30) && client->handle_timeout(*client->poll_timeout()));
  auto again = client->poll_output();
  CHECK(again->kind == TIDINGS_CLIENT_OUTPUT_CONNECT && tidings::view(again->last_event_id) == "4");
  CHECK(client->handle_response(1000, 503, {}, 60000u) && client->handle_error(1001) && client->close());
  CHECK(*client->state() == TIDINGS_CLIENT_CLOSED && client->error().empty());
}

/* Reads from a socket until a text has come. */
static void await(int socket, const char *text) {
  std::string got;
  while (got.find(text) == std::string::npos) {
    char buffer[4096];
    auto count = read(socket, buffer, sizeof buffer);
    CHECK(count > 0);
    got.append(buffer, static_cast<size_t>(count));
  }
}

static void runs() {
  auto made = tidings::engine::make();
  if (made.status() == TIDINGS_ERR_UNSUPPORTED) return;
  CHECK(made);
  const auto engine = *std::move(made);
  CHECK(engine.start());
  int pair[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  CHECK(engine.adopt(-1, tidings::opening()).status() == TIDINGS_ERR_BAD_FD && !engine.error()->empty());
  CHECK(*engine.error_retry_ms() == 0);
  auto connection = engine.adopt(pair[0], tidings::opening().topic("news"), TIDINGS_ADOPT_WRITE_HEAD, 9);
  CHECK(connection);
  await(pair[1], "event: connected\n");
  CHECK(engine.publish(publication::to("news").data("one"))->recipients == 1);
  CHECK(engine.publish_all({publication::to("news").data("two")}));
  CHECK(engine.post(publication::to("news").data("three"), 5) && engine.post_all({publication::to("news").data("four")}));
  await(pair[1], "data: four\n");
  CHECK(engine.subscribe(*connection, "more") && engine.unsubscribe(*connection, "more"));
  CHECK(engine.renew(*connection, 0, {"news"}) && engine.cursor()->sequence == 4);
  CHECK(engine.stats()->published == 4 && engine.close(*connection));
  await(pair[1], "event: bye\n");
  bool answered = false, closed = false;
  while (!answered || !closed) {
    pollfd wait = {*engine.fd(), POLLIN, 0};
    CHECK(poll(&wait, 1, -1) == 1);
    auto output = engine.poll_output();
    CHECK(output);
    answered |= output->kind == TIDINGS_ENGINE_PUBLISHED && output->tag == 5;
    closed |= output->kind == TIDINGS_ENGINE_CLOSED && output->tag == 9;
  }
  CHECK(engine.drain(0) && engine.publish(publication::to("news").data("x")).status() == TIDINGS_ERR_STOPPED);
  ::close(pair[1]);
}

static void fails() {
  tidings::hub::options wrong;
  wrong.flags = 1u << 31;
  auto hub = tidings::hub::make(wrong);
  CHECK(!hub && hub.status() == TIDINGS_ERR_INVALID && hub.status().code() != TIDINGS_OK);
  CHECK(std::strlen(hub.status().message()) > 0);
  CHECK(hub.status().name() == std::string("TIDINGS_ERR_INVALID"));
  CHECK(tidings::result<int>(tidings::status(TIDINGS_ERR_NULL)).value_or(7) == 7);
#ifdef __cpp_exceptions
  bool thrown = false;
  try {
    tidings::hub::make(wrong).value();
  } catch (const tidings::error &error) {
    thrown = error.status() == TIDINGS_ERR_INVALID;
  }
  CHECK(thrown);
#endif
}

int main() {
  values();
  decodes();
  serves();
  tags();
  reads();
  runs();
  fails();
  return 0;
}
