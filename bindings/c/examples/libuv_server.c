/* libuv_server.c: an event server on libuv, wherever that runs; the hub needs one of its timers.
 *
 *     cc -std=c11 -O2 -o libuv_server libuv_server.c $(pkg-config --cflags --libs tidings libuv)
 *     ./libuv_server 8080 50000      (keeps so many events for readers who come back)
 *     curl -N 'http://127.0.0.1:8080/events?topic=news'
 *     curl -d 'hello' 'http://127.0.0.1:8080/publish?topic=news&event=greeting'
 *
 * GET /events opens a stream: `topic` any number of times, `user`, `tab`, and Last-Event-ID to go on.
 * POST /publish publishes its body: `topic` any number of times, `event`. SIGTERM drains, and a second
 * one ends it at once. Anybody may do everything, so it listens on this machine only. For many readers
 * raise the limit on descriptors: `ulimit -n`. */
#define _POSIX_C_SOURCE 200809L
#include "http.h"
#include <signal.h>
#include <stdlib.h>
#include <uv.h>

enum {
  BACKLOG = 4096,
  CONNECTIONS = 1 << 16,
  REQUEST_MS = 10000,     /* How long a request may take, and a connection be idle between requests. */
  DRAIN_MS = 5000,        /* How long readers may take to take the rest, and to come back elsewhere. */
  WRITES_PER_TURN = 256,  /* Then new publishes are taken in: those still to come get them in one write. */
  PIECE_BYTES = 4 << 10,  /* Copied for libuv to write when a blocked socket takes bytes again. */
};

typedef struct {
  uv_tcp_t tcp;           /* The first field: a handle is its peer. */
  uint64_t connection;    /* Its stream; 0 while it sends requests. */
  uint64_t since_ms;      /* When it began to send this request. */
  char *input;            /* What has come of it. */
  size_t input_len;
  int is_stream;          /* It has, or had a stream. */
  int is_leaving;         /* It was sent its last words: what it still sends is forgotten. */
} peer;

typedef struct {
  uv_write_t request;
  char bytes[PIECE_BYTES];
} piece;

static tidings_hub *hub;
static int stream_count, is_draining;
static uv_loop_t *loop;
static uv_tcp_t listener;
static uv_timer_t hub_timer, sweep_timer;
static uv_prepare_t before_waiting;
static uv_idle_t not_waiting;
static uv_signal_t terminate, interrupt;

static void die(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static void check(const char *what, int result) {
  if (result < 0) die(what, uv_strerror(result));
}

static void on_closed(uv_handle_t *handle) {
  peer *peer = (void *)handle;
  stream_count -= peer->is_stream;
  free(peer->input);
  free(peer);
}

static void lose_peer(peer *peer) {
  if (uv_is_closing((uv_handle_t *)peer)) return;
  if (peer->connection) tidings_hub_handle_closed(hub, peer->connection);
  /* The system forgets what the peer has not taken. */
  if (uv_tcp_close_reset(&peer->tcp, on_closed) != 0) uv_close((uv_handle_t *)peer, on_closed);
}

/* All is written. A peer that was refused closes by itself, or is swept: if this side did, with bytes of
 * the request unread, the answer could be lost on its way. */
static void on_shut_down(uv_shutdown_t *request, int result) {
  peer *peer = (void *)request->handle;
  free(request);
  if (result < 0) {
    lose_peer(peer);
  } else if (peer->is_stream && !uv_is_closing((uv_handle_t *)peer)) {
    uv_close((uv_handle_t *)peer, on_closed);
  }
}

/* Ends a connection once all is written. */
static void leave_peer(peer *peer) {
  uv_shutdown_t *request = malloc(sizeof *request);
  if (!request) die("malloc", "out of memory");
  peer->connection = 0;
  peer->is_leaving = 1;
  peer->since_ms = uv_now(loop);
  if (uv_shutdown(request, (uv_stream_t *)peer, on_shut_down) == 0) return;
  free(request);
  lose_peer(peer);
}

static void on_written(uv_write_t *request, int result) {
  peer *peer = (void *)request->handle;
  free(request);
  if (result < 0) {
    lose_peer(peer);
  } else if (peer->connection) {
    tidings_hub_handle_writable(hub, peer->connection);
  }
}

/* Hands libuv a copy of what comes behind the first `skip` bytes, as much as is needed to be called when
 * the socket takes bytes again. How much that is. */
static size_t write_later(peer *peer, const uv_buf_t *buffers, size_t count, size_t skip) {
  piece *piece = malloc(sizeof *piece);
  uv_buf_t buffer = {0};
  if (!piece) die("malloc", "out of memory");
  for (size_t i = 0; i < count && buffer.len < PIECE_BYTES; i++) {
    size_t from = skip < buffers[i].len ? skip : buffers[i].len;
    size_t len = buffers[i].len - from, room = PIECE_BYTES - buffer.len;
    skip -= from;
    memcpy(piece->bytes + buffer.len, buffers[i].base + from, len < room ? len : room);
    buffer.len += len < room ? len : room;
  }
  buffer.base = piece->bytes;
  if (uv_write(&piece->request, (uv_stream_t *)peer, &buffer, 1, on_written) == 0) return buffer.len;
  free(piece);
  return 0;
}

static void write_stream(peer *peer) {
  tidings_str slices[TIDINGS_MAX_SLICES];
  uv_buf_t buffers[TIDINGS_MAX_SLICES];
  size_t count, offered = 0;
  uint64_t now_ms = uv_now(loop);
  uv_stream_t *stream = (uv_stream_t *)peer;
  if (tidings_hub_transmit(hub, now_ms, peer->connection, slices, TIDINGS_MAX_SLICES, &count) || count == 0) return;
  for (size_t i = 0; i < count; i++) {
    buffers[i] = uv_buf_init((char *)slices[i].data, (unsigned)slices[i].len);
    offered += slices[i].len;
  }
  int taken = uv_try_write(stream, buffers, (unsigned)count);
  if (taken < 0 && taken != UV_EAGAIN) {
    lose_peer(peer);
    return;
  }
  size_t total = taken < 0 ? 0 : (size_t)taken;
  if (total < offered && uv_stream_get_write_queue_size(stream) == 0) {
    total += write_later(peer, buffers, count, total);
  }
  /* Less than was offered: the hub waits until `on_written` says that the socket takes bytes again. */
  tidings_hub_consume(hub, now_ms, peer->connection, total);
}

/* Does what the hub has to do, so many things at most; whether there may be more. */
static int write_streams(int limit) {
  tidings_output output;
  while (limit-- > 0) {
    if (tidings_hub_poll_output(hub, &output) || output.kind == TIDINGS_OUTPUT_NONE) return 0;
    peer *peer = (void *)(uintptr_t)output.tag;
    if (output.kind == TIDINGS_OUTPUT_READY) write_stream(peer);
    if (output.kind == TIDINGS_OUTPUT_CLOSED) {
      peer->connection = 0;
      output.cut ? lose_peer(peer) : leave_peer(peer);
    }
  }
  return 1;
}

static void answer(peer *peer, int status, tidings_str text) {
  piece *piece = malloc(sizeof *piece);
  if (!piece) die("malloc", "out of memory");
  uv_buf_t buffer = uv_buf_init(piece->bytes, (unsigned)http_answer(piece->bytes, status, text));
  if (uv_write(&piece->request, (uv_stream_t *)peer, &buffer, 1, on_written) != 0) free(piece);
  if (status >= 300) leave_peer(peer);
}

static void refuse(peer *peer, tidings_status status) {
  tidings_str why;
  if (tidings_hub_error(hub, &why)) why = tidings_str_of(tidings_status_str(status));
  answer(peer, http_status(status), why);
}

static void publish_event(peer *peer, const tidings_publish *publish) {
  tidings_published published;
  char text[HTTP_PUBLISHED_BYTES];
  tidings_status status = tidings_hub_publish(hub, uv_now(loop), publish, &published);
  if (status == TIDINGS_ERR_FULL) {
    /* Readers that keep up have still to be offered the oldest events. Once they were, there is room. */
    while (write_streams(WRITES_PER_TURN)) continue;
    status = tidings_hub_publish(hub, uv_now(loop), publish, &published);
  }
  if (status) {
    refuse(peer, status);
  } else {
    answer(peer, 200, http_published(text, &published));
  }
}

static void open_stream(peer *peer, tidings_open *open) {
  open->tag = (uintptr_t)peer;
  tidings_status status = tidings_hub_open(hub, uv_now(loop), open, &peer->connection);
  if (status) {
    refuse(peer, status);
    return;
  }
  peer->is_stream = 1;
  stream_count++;
}

/* Who may read and publish what is to be checked here: it is yours to say. Pages of other sites can send a
 * POST to this machine, too. */
static void handle_request(peer *peer, const http_request *request) {
  static http_call call;
  int what = http_route(request, &call);
  if (what == HTTP_OPEN) {
    open_stream(peer, &call.open);
  } else if (what == HTTP_PUBLISH) {
    publish_event(peer, &call.publish);
  } else {
    answer(peer, what, TIDINGS_STR(HTTP_USAGE));
  }
}

/* Where what is read goes: one buffer for all, behind what has come of the peer's request. */
static char input[HTTP_BYTES];

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  peer *peer = (void *)handle;
  (void)suggested;
  if (peer->input_len) memcpy(input, peer->input, peer->input_len);
  *buffer = uv_buf_init(input + peer->input_len, (unsigned)(sizeof input - peer->input_len));
}

/* Keeps a request that has not come whole. */
static void keep_input(peer *peer, const char *bytes, size_t len) {
  free(peer->input);
  peer->input = NULL;
  if ((peer->input_len = len) == 0) return;
  if ((peer->input = malloc(len)) == NULL) die("malloc", "out of memory");
  memcpy(peer->input, bytes, len);
}

/* Handles each request that is whole. */
static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer) {
  peer *peer = (void *)stream;
  size_t start = 0, len = peer->input_len + (size_t)(got < 0 ? 0 : got);
  (void)buffer;
  if (got < 0) {
    lose_peer(peer);
    return;
  }
  while (start < len && !peer->connection && !peer->is_leaving) { /* A reader has nothing to say. */
    http_request request;
    int found = http_read(input + start, len - start, &request);
    if (found == HTTP_MORE) break;
    if (found == HTTP_WHOLE) {
      handle_request(peer, &request);
    } else {
      answer(peer, found, TIDINGS_STR("this is no request, or too long\n"));
    }
    start += found == HTTP_WHOLE ? request.len : len;
    peer->since_ms = uv_now(loop);
  }
  if (peer->connection || peer->is_leaving) start = len;
  keep_input(peer, input + start, len - start);
}

static void on_connection(uv_stream_t *server, int result) {
  int buffer = 32 << 10;
  if (result < 0) return; /* Where there are no descriptors left, libuv closes the connection. */
  peer *peer = calloc(1, sizeof *peer);
  if (!peer) die("calloc", "out of memory");
  check("uv_tcp_init", uv_tcp_init(loop, &peer->tcp));
  peer->since_ms = uv_now(loop);
  if (uv_accept(server, (uv_stream_t *)peer) < 0) {
    lose_peer(peer);
    return;
  }
  /* Left alone, the system holds megabytes for a reader that is stuck. */
  uv_send_buffer_size((uv_handle_t *)peer, &buffer);
  uv_tcp_nodelay(&peer->tcp, 1);
  if (uv_read_start((uv_stream_t *)peer, on_alloc, on_read) < 0) lose_peer(peer);
}

static void close_slow(uv_handle_t *handle, void *argument) {
  peer *peer = (void *)handle;
  (void)argument;
  if (handle->type != UV_TCP || handle == (uv_handle_t *)&listener || peer->connection) return;
  if (uv_now(loop) - peer->since_ms > REQUEST_MS) lose_peer(peer);
}

static void on_sweep(uv_timer_t *timer) {
  (void)timer;
  uv_walk(loop, close_slow, NULL);
}

static void close_handle(uv_handle_t *handle, void *argument) {
  (void)argument;
  if (uv_is_closing(handle)) return;
  if (handle->type == UV_TCP && handle != (uv_handle_t *)&listener) {
    lose_peer((void *)handle);
  } else {
    uv_close(handle, NULL);
  }
}

static void on_signal(uv_signal_t *handle, int number) {
  (void)handle, (void)number;
  if (is_draining) exit(1);
  is_draining = 1;
  uv_close((uv_handle_t *)&listener, NULL);
  tidings_hub_drain(hub, uv_now(loop), DRAIN_MS);
}

static void on_hub_time(uv_timer_t *timer) {
  (void)timer;
  tidings_hub_handle_timeout(hub, uv_now(loop));
}

static void on_idle(uv_idle_t *idle) {
  (void)idle; /* It is there so that the loop does not wait. */
}

/* Comes after all that happened in one turn of the loop, so that what was published meanwhile is written
 * together. */
static void on_before_waiting(uv_prepare_t *prepare) {
  uint64_t at_ms = TIDINGS_NEVER, now_ms = uv_now(loop);
  (void)prepare;
  if (write_streams(WRITES_PER_TURN)) {
    uv_idle_start(&not_waiting, on_idle);
  } else {
    uv_idle_stop(&not_waiting);
  }
  tidings_hub_poll_timeout(hub, &at_ms);
  if (at_ms == TIDINGS_NEVER) {
    uv_timer_stop(&hub_timer);
  } else {
    uv_timer_start(&hub_timer, on_hub_time, at_ms > now_ms ? at_ms - now_ms : 0, 0);
  }
  if (is_draining && stream_count == 0) uv_walk(loop, close_handle, NULL);
}

static void start_hub(uint64_t events) {
  tidings_hub_options options = TIDINGS_INIT(tidings_hub_options);
  tidings_class_options log = TIDINGS_INIT(tidings_class_options);
  uint64_t random[2];
  uv_timeval64_t time;
  check("uv_random", uv_random(NULL, NULL, random, sizeof random, 0, NULL));
  check("uv_gettimeofday", uv_gettimeofday(&time));
  log.events = events;
  options.default_class = &log;
  options.epoch = random[0];
  options.seed = random[1];
  options.connections = CONNECTIONS;
  options.unix_ms_at_zero = (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_usec / 1000 - uv_now(loop);
  tidings_status status = tidings_hub_new(&options, &hub);
  if (status) die("tidings_hub_new", tidings_status_str(status));
}

int main(int argc, char **argv) {
  struct sockaddr_in address;
  int len = sizeof address;
  loop = uv_default_loop();
  start_hub(argc > 2 ? strtoull(argv[2], NULL, 10) : 0);
#ifdef SIGPIPE
  signal(SIGPIPE, SIG_IGN); /* libuv writes to sockets whose other side may be gone. */
#endif
  check("address", uv_ip4_addr("127.0.0.1", argc > 1 ? atoi(argv[1]) : 8080, &address));
  check("uv_tcp_init", uv_tcp_init(loop, &listener));
  check("uv_tcp_bind", uv_tcp_bind(&listener, (struct sockaddr *)&address, 0));
  check("uv_listen", uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection));
  check("uv_tcp_getsockname", uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &len));
  check("uv_timer_init", uv_timer_init(loop, &hub_timer));
  check("uv_timer_init", uv_timer_init(loop, &sweep_timer));
  check("uv_timer_start", uv_timer_start(&sweep_timer, on_sweep, 1000, 1000));
  check("uv_idle_init", uv_idle_init(loop, &not_waiting));
  check("uv_prepare_init", uv_prepare_init(loop, &before_waiting));
  check("uv_prepare_start", uv_prepare_start(&before_waiting, on_before_waiting));
  check("uv_signal_init", uv_signal_init(loop, &terminate));
  check("uv_signal_start", uv_signal_start(&terminate, on_signal, SIGTERM));
  check("uv_signal_init", uv_signal_init(loop, &interrupt));
  check("uv_signal_start", uv_signal_start(&interrupt, on_signal, SIGINT));
  printf("http://127.0.0.1:%d\n", (address.sin_port & 255) << 8 | address.sin_port >> 8);
  fflush(stdout);
  uv_run(loop, UV_RUN_DEFAULT);
  uv_loop_close(loop);
  tidings_hub_free(hub);
  return 0;
}
