/* The engine from C: sockets are adopted, events published and posted, ends polled, all is drained. */
#include "engine_world.h"
#include <fcntl.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void streams(tidings_engine *engine) {
  int ends[2];
  tidings_published published;
  tidings_publish publish = news("hello");
  tidings_stats stats = TIDINGS_INIT(tidings_stats);
  char id[TIDINGS_CONNECTION_BYTES];
  size_t len;
  tcp(ends);
  uint64_t connection = adopt(engine, ends[1], 5);
  read_until(ends[0], "HTTP/1.1 200 OK\r\n");
  read_until(ends[0], "\r\n\r\n");
  OK(tidings_connection_format(connection, id, sizeof id, &len));
  read_until(ends[0], id);
  OK(tidings_engine_publish(engine, &publish, &published));
  CHECK(published.recipients == 1);
  read_until(ends[0], "data: hello\n\n");
  OK(tidings_engine_stats(engine, &stats));
  CHECK(stats.connections == 1 && stats.published == published.cursor.sequence);
  OK(tidings_engine_subscribe(engine, connection, TIDINGS_STR("more/*")));
  OK(tidings_engine_unsubscribe(engine, connection, TIDINGS_STR("news")));
  OK(tidings_engine_renew(engine, connection, 0, NULL, 0));
  nothing_to_tell(engine);
  OK(tidings_engine_close(engine, connection));
  read_until(ends[0], "event: bye\n");
  read_to_end(ends[0]);
  tidings_engine_output output = next_output(engine);
  CHECK(output.kind == TIDINGS_ENGINE_CLOSED && output.tag == 5);
  CHECK(output.connection == connection && output.reason == TIDINGS_CLOSE_CLOSED);
  nothing_to_tell(engine);
  EXPECT(TIDINGS_ERR_NOT_FOUND, tidings_engine_close(engine, connection));
  close(ends[0]);
}

static void posts(tidings_engine *engine) {
  tidings_publish publishes[] = {news("one"), news("two")};
  tidings_published published[2], one;
  tidings_cursor cursor;
  OK(tidings_engine_post_all(engine, publishes, 2, 9, published));
  OK(tidings_engine_post(engine, publishes, 0, &one));
  CHECK(published[1].cursor.sequence == published[0].cursor.sequence + 1);
  CHECK(one.cursor.sequence == published[1].cursor.sequence + 1);
  OK(tidings_engine_cursor(engine, &cursor));
  CHECK(cursor.sequence == one.cursor.sequence);
  for (uint64_t index = 0; index < 2; index++) {
    tidings_engine_output output = next_output(engine);
    CHECK(output.kind == TIDINGS_ENGINE_PUBLISHED && output.tag == 9);
    CHECK(output.status == TIDINGS_OK && output.index == index && output.recipients == 0);
  }
  nothing_to_tell(engine);
}

/* A reader that comes back with the id it has seen last gets what it missed. */
static void resume(tidings_engine *engine) {
  int ends[2];
  tidings_publish publishes[] = {news("seen"), news("missed")};
  tidings_published published[2];
  tidings_str topic = TIDINGS_STR("news");
  tidings_open open = TIDINGS_INIT(tidings_open);
  tidings_adopt options = TIDINGS_INIT(tidings_adopt);
  uint64_t connection;
  char id[TIDINGS_CURSOR_BYTES];
  size_t len;
  OK(tidings_engine_publish_all(engine, publishes, 2, published));
  OK(tidings_cursor_format(&published[0].cursor, id, sizeof id, &len));
  open.topics = &topic;
  open.topic_count = 1;
  open.last_event_id = tidings_str_of(id);
  open.preamble = TIDINGS_STR("HTTP/1.1 200 OK\r\n\r\n");
  options.open = &open;
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  OK(tidings_engine_adopt(engine, ends[1], &options, &connection));
  read_until(ends[0], "HTTP/1.1 200 OK\r\n\r\n");
  read_until(ends[0], "data: missed\n\n");
  close(ends[0]);
}

/* A host that asks hears of what a reader missed, one output for each stream; others never do. */
static void missed(void) {
  enum { EVENTS = 6 };
  int ends[2], fd;
  tidings_engine_options options = TIDINGS_INIT(tidings_engine_options);
  tidings_hub_options hub = TIDINGS_INIT(tidings_hub_options);
  tidings_class_options class = TIDINGS_INIT(tidings_class_options);
  tidings_str topic = TIDINGS_STR("news");
  tidings_open open = TIDINGS_INIT(tidings_open);
  tidings_adopt adopt = TIDINGS_INIT(tidings_adopt);
  tidings_publish publishes[EVENTS];
  tidings_published published[EVENTS];
  tidings_engine *engine;
  tidings_engine_output output;
  uint64_t connection;
  char id[TIDINGS_CURSOR_BYTES];
  size_t len;
  class.events = 2;
  hub.default_class = &class;
  options.hub = &hub;
  engine = start(&options);
  for (int index = 0; index < EVENTS; index++) {
    publishes[index] = news(index == EVENTS - 1 ? "last" : "gone");
    OK(tidings_engine_publish(engine, &publishes[index], &published[index]));
  }
  OK(tidings_cursor_format(&published[0].cursor, id, sizeof id, &len));
  open.topics = &topic;
  open.topic_count = 1;
  open.last_event_id = tidings_str_of(id);
  adopt.open = &open;
  adopt.flags = TIDINGS_ADOPT_GAPS;
  tcp(ends);
  EXPECT(TIDINGS_ERR_INVALID, tidings_engine_adopt(engine, ends[1], &adopt, &connection));
  adopt.tag = 8;
  OK(tidings_engine_adopt(engine, ends[1], &adopt, &connection));
  read_until(ends[0], "data: last\n\n");
  output = next_output(engine);
  CHECK(output.kind == TIDINGS_ENGINE_GAP && output.tag == 8 && output.connection == connection);
  CHECK(output.reason == TIDINGS_GAP_TRIMMED && output.missed == EVENTS - 3);
  CHECK(strcmp(tidings_gap_reason_str(output.reason), "trimmed") == 0);
  nothing_to_tell(engine);
  close(ends[0]);
  output = next_output(engine);
  CHECK(output.kind == TIDINGS_ENGINE_CLOSED && output.tag == 8);

  /* A program of an older header has no place for the number. */
  struct {
    tidings_engine_output output;
    char beyond;
  } older = {{0}, 7};
  older.output.size = offsetof(tidings_engine_output, missed);
  older.output.missed = 7;
  open.last_event_id = TIDINGS_STR("none of this log");
  tcp(ends);
  OK(tidings_engine_adopt(engine, ends[1], &adopt, &connection));
  OK(tidings_engine_fd(engine, &fd));
  CHECK(is_readable(fd, PATIENCE_MS));
  OK(tidings_engine_poll_output(engine, &older.output));
  CHECK(older.output.kind == TIDINGS_ENGINE_GAP && older.output.reason == TIDINGS_GAP_UNKNOWN_CURSOR);
  CHECK(older.output.missed == 7 && older.beyond == 7);
  close(ends[0]);
  tidings_engine_free(engine);
}

static void refused(tidings_engine *engine) {
  int ends[2], pipes[2];
  char error[TIDINGS_ENGINE_ERROR_BYTES];
  size_t len;
  tidings_adopt options = TIDINGS_INIT(tidings_adopt);
  tidings_header header = {TIDINGS_STR("x"), TIDINGS_STR("a\r\nset-cookie: b")};
  uint64_t connection = 7;
  CHECK(pipe(pipes) == 0);
  tcp(ends);
  EXPECT(TIDINGS_ERR_NOT_A_STREAM_SOCKET, tidings_engine_adopt(engine, pipes[0], NULL, &connection));
  EXPECT(TIDINGS_ERR_BAD_FD, tidings_engine_adopt(engine, -1, NULL, &connection));
  options.flags = TIDINGS_ADOPT_WRITE_HEAD;
  options.headers = &header;
  options.header_count = 1;
  EXPECT(TIDINGS_ERR_HEADER, tidings_engine_adopt(engine, ends[1], &options, &connection));
  OK(tidings_engine_error(engine, error, sizeof error, &len));
  CHECK(strlen(error) == len && strstr(error, "header"));
  options.size = 3;
  EXPECT(TIDINGS_ERR_STRUCT_SIZE, tidings_engine_adopt(engine, ends[1], &options, &connection));
  EXPECT(TIDINGS_ERR_NULL, tidings_engine_adopt(engine, ends[1], NULL, NULL));
  EXPECT(TIDINGS_ERR_NULL, tidings_engine_publish(NULL, NULL, NULL));
  CHECK(connection == 7);
  /* All are still the host's. */
  CHECK((fcntl(ends[1], F_GETFL) & O_NONBLOCK) == 0);
  CHECK(write(ends[1], "sorry", 5) == 5);
  read_until(ends[0], "sorry");
  CHECK(close(pipes[0]) == 0 && close(pipes[1]) == 0);
  CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}

/* Where the process has no descriptor left, the system says so, and the socket is the host's. */
static void without_descriptors(tidings_engine *engine) {
  int ends[2];
  struct rlimit before, none;
  char error[TIDINGS_ENGINE_ERROR_BYTES];
  size_t len;
  uint64_t connection;
  tcp(ends);
  CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
  none = before;
  none.rlim_cur = 0;
  CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
  EXPECT(TIDINGS_ERR_SYSTEM, tidings_engine_adopt(engine, ends[1], NULL, &connection));
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  OK(tidings_engine_error(engine, error, sizeof error, &len));
  CHECK(strstr(error, "the system: "));
  OK(tidings_engine_adopt(engine, ends[1], NULL, &connection));
  read_until(ends[0], "event: connected\n");
  close(ends[0]);
}

/* An engine that is made and not started goes over to a child. */
static void forked(void) {
  tidings_engine *engine;
  tidings_publish publish = news("from a child");
  int status;
  OK(tidings_engine_new(NULL, &engine));
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    int ends[2];
    OK(tidings_engine_start(engine));
    tcp(ends);
    adopt(engine, ends[1], 0);
    OK(tidings_engine_publish(engine, &publish, NULL));
    read_until(ends[0], "data: from a child\n\n");
    tidings_engine_free(engine);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  tidings_engine_free(engine);
}

static int has_engine(void) {
  tidings_engine *engine;
  if (tidings_engine_new(NULL, &engine) == TIDINGS_ERR_UNSUPPORTED) {
    return 0;
  }
  tidings_engine_free(engine);
  return 1;
}

int main(void) {
  int ends[2];
  /* The child of a process whose engines ran would miss their threads: this comes first. */
  if (has_engine()) {
    forked();
  }
  tidings_engine_options options = TIDINGS_INIT(tidings_engine_options);
  tidings_hub_options hub = TIDINGS_INIT(tidings_hub_options);
  options.hub = &hub;
  options.shards = 2;
  tidings_engine *engine = start(&options);
  if (!engine) {
    return 0;
  }
  EXPECT(TIDINGS_ERR_STARTED, tidings_engine_start(engine));
  streams(engine);
  posts(engine);
  resume(engine);
  missed();
  refused(engine);
  without_descriptors(engine);

  tcp(ends);
  adopt(engine, ends[1], 1);
  OK(tidings_engine_drain(engine, 1000));
  read_until(ends[0], "event: bye\n");
  read_to_end(ends[0]);
  close(ends[0]);
  tidings_engine_output output = next_output(engine);
  CHECK(output.tag == 1 && output.reason == TIDINGS_CLOSE_DRAIN);
  tidings_publish late = news("late");
  EXPECT(TIDINGS_ERR_STOPPED, tidings_engine_publish(engine, &late, NULL));
  EXPECT(TIDINGS_ERR_STOPPED, tidings_engine_post(engine, &late, 1, NULL));
  tidings_engine_free(engine);

  /* Live streams end with their engine. */
  engine = start(NULL);
  tcp(ends);
  adopt(engine, ends[1], 1);
  tidings_engine_free(engine);
  read_to_end(ends[0]);
  close(ends[0]);
  return 0;
}
