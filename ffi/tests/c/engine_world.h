/* What the tests of the engine are made of: sockets, and readers of streams. */
#ifndef ENGINE_WORLD_H
#define ENGINE_WORLD_H

#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Longer than anything takes. */
enum { PATIENCE_MS = 60000 };

/* The two ends of a connection: the client's, and the one that the host has read a request from. */
static inline void tcp(int ends[2]) {
  struct sockaddr_in address = {0};
  socklen_t len = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(listener >= 0);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
  CHECK(listen(listener, 1) == 0);
  CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
  ends[0] = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(ends[0] >= 0);
  CHECK(connect(ends[0], (struct sockaddr *)&address, sizeof address) == 0);
  ends[1] = accept(listener, NULL, NULL);
  CHECK(ends[1] >= 0);
  close(listener);
}

/* Adopts a socket as a stream of topic `news`. */
static inline uint64_t adopt(tidings_engine *engine, int fd, uint64_t tag) {
  tidings_str topic = TIDINGS_STR("news");
  tidings_open open = TIDINGS_INIT(tidings_open);
  tidings_adopt options = TIDINGS_INIT(tidings_adopt);
  uint64_t connection = 0;
  open.topics = &topic;
  open.topic_count = 1;
  options.open = &open;
  options.flags = TIDINGS_ADOPT_WRITE_HEAD;
  options.tag = tag;
  OK(tidings_engine_adopt(engine, fd, &options, &connection));
  CHECK(connection != 0);
  return connection;
}

/* An event for topic `news`, of text that has to live as long. */
static inline tidings_publish news(const char *data) {
  static const tidings_str topic = {"news", 4};
  tidings_publish publish = TIDINGS_INIT(tidings_publish);
  publish.topics = &topic;
  publish.topic_count = 1;
  publish.event = message(data);
  return publish;
}

static inline int is_readable(int fd, int timeout_ms) {
  struct pollfd one = {fd, POLLIN, 0};
  int ready = poll(&one, 1, timeout_ms);
  CHECK(ready >= 0);
  return ready;
}

/* The next thing that the engine has to tell; its descriptor says that it is there. */
static inline tidings_engine_output next_output(tidings_engine *engine) {
  tidings_engine_output output = TIDINGS_INIT(tidings_engine_output);
  int fd;
  OK(tidings_engine_fd(engine, &fd));
  CHECK(is_readable(fd, PATIENCE_MS));
  OK(tidings_engine_poll_output(engine, &output));
  CHECK(output.kind != TIDINGS_ENGINE_NONE);
  return output;
}

/* That there is nothing, and that the descriptor knows it. */
static inline void nothing_to_tell(tidings_engine *engine) {
  tidings_engine_output output = TIDINGS_INIT(tidings_engine_output);
  int fd;
  OK(tidings_engine_fd(engine, &fd));
  CHECK(!is_readable(fd, 0));
  OK(tidings_engine_poll_output(engine, &output));
  CHECK(output.kind == TIDINGS_ENGINE_NONE);
}

/* Reads until a text has come, byte by byte so that nothing behind it is taken. */
static inline void read_until(int fd, const char *text) {
  size_t len = strlen(text), have = 0;
  char last[64] = {0};
  CHECK(len < sizeof last);
  while (have < len || memcmp(last, text, len) != 0) {
    if (have == len) {
      memmove(last, last + 1, --have);
    }
    CHECK(is_readable(fd, PATIENCE_MS));
    CHECK(read(fd, last + have, 1) == 1);
    have++;
  }
}

/* Reads to the end, in whatever way it comes. */
static inline void read_to_end(int fd) {
  char buffer[4096];
  do {
    CHECK(is_readable(fd, PATIENCE_MS));
  } while (read(fd, buffer, sizeof buffer) > 0);
}

/* An engine that runs; NULL where the library has none, and says so. */
static inline tidings_engine *start(const tidings_engine_options *options) {
  tidings_engine *engine = NULL;
  tidings_status status = tidings_engine_new(options, &engine);
  if (status == TIDINGS_ERR_UNSUPPORTED) {
    EXPECT(TIDINGS_ERR_UNSUPPORTED, tidings_engine_start(NULL));
    EXPECT(TIDINGS_ERR_UNSUPPORTED, tidings_engine_drain(NULL, 0));
    tidings_engine_free(NULL);
    CHECK(engine == NULL);
    puts("this library has no engine, and says so");
    return NULL;
  }
  OK(status);
  OK(tidings_engine_start(engine));
  return engine;
}

#endif
