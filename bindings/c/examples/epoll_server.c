/* epoll_server.c: a complete event server for Linux: one thread, one timer, thousands of streams.
 *
 *     cc -std=c11 -O2 -o epoll_server epoll_server.c $(pkg-config --cflags --libs tidings)
 *     ./epoll_server 8080 50000      (keeps so many events for readers who come back)
 *     curl -N 'http://127.0.0.1:8080/events?topic=news'
 *     curl -d 'hello' 'http://127.0.0.1:8080/publish?topic=news&event=greeting'
 *
 * GET /events opens a stream: `topic` any number of times, `user`, `tab`, and Last-Event-ID to go on.
 * POST /publish publishes its body: `topic` any number of times, `event`. SIGTERM drains, and a second
 * one ends it at once. Anybody may do everything, so it listens on this machine only. */
#define _GNU_SOURCE
#include "http.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
  BACKLOG = 4096,
  REQUEST_MS = 10000,     /* How long a request may take, and a connection be idle between requests. */
  DRAIN_MS = 5000,        /* How long readers may take to take the rest, and to come back elsewhere. */
  WRITES_PER_TURN = 256,  /* Then new publishes are taken in: those still to come get them in one write. */
  EVENTS_PER_TURN = 256,
  SPARE_FILES = 16,
};

typedef struct {
  uint64_t connection;  /* Its stream; 0 while it sends requests. */
  uint64_t since_ms;    /* When it began to send this request. */
  char *input;          /* What has come of it. */
  size_t input_len;
  int is_open;
  int is_leaving;       /* It was sent its last answer: what it still sends is forgotten. */
} peer;

static tidings_hub *hub;
static peer *peers;  /* By descriptor, which is the tag of a connection. */
static int fd_end, peer_limit, peer_count, request_count, stream_count;
static int poller, listener, signals, is_draining, is_accepting = 1;
static uint64_t now_ms, sweep_at_ms;

static uint64_t read_clock(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int how, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(poller, how, fd, &event) != 0) die("epoll_ctl");
}

/* At the limit on descriptors the rest waits in the backlog. */
static void accept_if(int wanted) {
  if (wanted != is_accepting && !is_draining) watch(EPOLL_CTL_MOD, listener, wanted ? EPOLLIN : 0);
  is_accepting = wanted;
}

/* With `reset` the system forgets what the peer has not taken. The hub knows already, or never did. */
static void close_peer(int fd, int reset) {
  struct linger linger = {1, 0};
  *(peers[fd].connection ? &stream_count : &request_count) -= 1;
  peer_count--;
  free(peers[fd].input);
  peers[fd] = (peer){0};
  if (reset) setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(fd);
  accept_if(1);
}

static void lose_peer(int fd) {
  if (peers[fd].connection) tidings_hub_handle_closed(hub, peers[fd].connection);
  close_peer(fd, 1);
}

static void write_stream(uint64_t connection, int fd) {
  tidings_str slices[TIDINGS_MAX_SLICES];
  size_t count, offered = 0;
  if (tidings_hub_transmit(hub, now_ms, connection, slices, TIDINGS_MAX_SLICES, &count) || count == 0) return;
  for (size_t i = 0; i < count; i++) offered += slices[i].len;
  struct msghdr message = {.msg_iov = (struct iovec *)(void *)slices, .msg_iovlen = count};
  ssize_t taken = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (taken < 0 && errno != EAGAIN && errno != EINTR) {
    lose_peer(fd);
    return;
  }
  if (taken < 0) taken = 0;
  tidings_hub_consume(hub, now_ms, connection, (size_t)taken);
  if ((size_t)taken < offered) watch(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT);
}

/* Does what the hub has to do, so many things at most; whether there may be more. */
static int write_streams(int limit) {
  tidings_output output;
  while (limit-- > 0) {
    if (tidings_hub_poll_output(hub, &output) || output.kind == TIDINGS_OUTPUT_NONE) return 0;
    if (output.kind == TIDINGS_OUTPUT_READY) write_stream(output.connection, (int)output.tag);
    if (output.kind == TIDINGS_OUTPUT_CLOSED) close_peer((int)output.tag, (int)output.cut);
  }
  return 1;
}

/* An answer is short: a peer that does not take it at once is not worth waiting for. After the last one
 * the peer closes: if this side did, with bytes unread, the answer could be lost on its way. */
static void answer(int fd, int status, tidings_str text) {
  char bytes[HTTP_ANSWER_BYTES];
  size_t len = http_answer(bytes, status, text);
  if (send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len) {
    close_peer(fd, 1);
  } else if (status >= 300) {
    peers[fd].is_leaving = 1;
    shutdown(fd, SHUT_WR);
  }
}

static void refuse(int fd, tidings_status status) {
  tidings_str why;
  if (tidings_hub_error(hub, &why)) why = tidings_str_of(tidings_status_str(status));
  answer(fd, http_status(status), why);
}

static void publish_event(int fd, const tidings_publish *publish) {
  tidings_published published;
  char text[HTTP_PUBLISHED_BYTES];
  tidings_status status = tidings_hub_publish(hub, now_ms, publish, &published);
  if (status == TIDINGS_ERR_FULL) {
    /* Readers that keep up have still to be offered the oldest events. Once they were, there is room. */
    while (write_streams(WRITES_PER_TURN)) continue;
    status = tidings_hub_publish(hub, now_ms, publish, &published);
  }
  if (status) {
    refuse(fd, status);
  } else {
    answer(fd, 200, http_published(text, &published));
  }
}

static void open_stream(int fd, tidings_open *open) {
  open->tag = (uint64_t)fd;
  tidings_status status = tidings_hub_open(hub, now_ms, open, &peers[fd].connection);
  if (status) {
    refuse(fd, status);
    return;
  }
  request_count--;
  stream_count++;
}

/* Who may read and publish what is to be checked here: it is yours to say. Pages of other sites can send a
 * POST to this machine, too. */
static void handle_request(int fd, const http_request *request) {
  static http_call call;
  int what = http_route(request, &call);
  if (what == HTTP_OPEN) {
    open_stream(fd, &call.open);
  } else if (what == HTTP_PUBLISH) {
    publish_event(fd, &call.publish);
  } else {
    answer(fd, what, TIDINGS_STR(HTTP_USAGE));
  }
}

/* Keeps a request that has not come whole. */
static void keep_input(peer *peer, const char *input, size_t len) {
  free(peer->input);
  peer->input = NULL;
  if ((peer->input_len = len) == 0) return;
  if ((peer->input = malloc(len)) == NULL) die("malloc");
  memcpy(peer->input, input, len);
}

/* Reads what has come, and handles each request that is whole. */
static void read_peer(int fd) {
  static char input[HTTP_BYTES];
  peer *peer = &peers[fd];
  size_t start = 0, len = peer->input_len;
  if (len) memcpy(input, peer->input, len);
  ssize_t got = recv(fd, input + len, sizeof input - len, MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
    lose_peer(fd);
    return;
  }
  if (got < 0 || peer->connection || peer->is_leaving) return; /* A reader has nothing to say. */
  len += (size_t)got;
  while (start < len) {
    http_request request;
    int found = http_read(input + start, len - start, &request);
    if (found == HTTP_MORE) break;
    if (found != HTTP_WHOLE) {
      answer(fd, found, TIDINGS_STR("this is no request, or too long\n"));
      return;
    }
    handle_request(fd, &request);
    start = !peer->is_open || peer->connection || peer->is_leaving ? len : start + request.len;
    peer->since_ms = now_ms;
  }
  keep_input(peer, input + start, len - start);
}

static void accept_peers(void) {
  int fd, one = 1, buffer = 32 << 10, unsent = 16 << 10;
  for (int i = 0; i < EVENTS_PER_TURN; i++) {
    if (peer_count >= peer_limit || ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0 &&
                                     errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)) {
      accept_if(0);
      return;
    }
    if (fd < 0) return;
    /* Left alone, the system holds megabytes for a reader that is stuck. */
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    peers[fd] = (peer){.is_open = 1, .since_ms = now_ms};
    if (fd >= fd_end) fd_end = fd + 1;
    peer_count++;
    request_count++;
  }
}

static void drain(void) {
  struct signalfd_siginfo signal;
  if (read(signals, &signal, sizeof signal) < 0) return;
  if (is_draining) exit(1);
  is_draining = 1;
  close(listener);
  tidings_hub_drain(hub, now_ms, DRAIN_MS);
}

/* An event may be of a peer that is gone, and its descriptor another's by now. To look there does no harm. */
static void handle_event(int fd, uint32_t events) {
  if (fd == listener && !is_draining) {
    accept_peers();
  } else if (fd == signals) {
    drain();
  } else if (peers[fd].is_open) {
    if (events & ~(uint32_t)EPOLLOUT) read_peer(fd);
    if ((events & EPOLLOUT) && peers[fd].connection) {
      watch(EPOLL_CTL_MOD, fd, EPOLLIN);
      tidings_hub_handle_writable(hub, peers[fd].connection);
    }
  }
}

/* Once a second, if there are requests under way: closes those that take too long. */
static void sweep(void) {
  if (now_ms < sweep_at_ms) return;
  sweep_at_ms = now_ms + 1000;
  for (int fd = 0; request_count > 0 && fd < fd_end; fd++) {
    if (peers[fd].is_open && !peers[fd].connection && now_ms - peers[fd].since_ms > REQUEST_MS) close_peer(fd, 1);
  }
  accept_if(peer_count < peer_limit);
}

static int wait_ms(int has_more) {
  uint64_t at_ms = TIDINGS_NEVER;
  tidings_hub_poll_timeout(hub, &at_ms);
  if ((request_count > 0 || !is_accepting) && sweep_at_ms < at_ms) at_ms = sweep_at_ms;
  if (has_more || at_ms <= now_ms) return 0;
  return at_ms == TIDINGS_NEVER ? -1 : (int)(at_ms - now_ms < 60000 ? at_ms - now_ms : 60000);
}

static void start(int port, uint64_t events) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  socklen_t len = sizeof address;
  struct rlimit files;
  sigset_t set;
  int one = 1;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) die("getrlimit");
  files.rlim_cur = files.rlim_max < 1 << 20 ? files.rlim_max : 1 << 20;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) die("setrlimit");
  peer_limit = (int)files.rlim_cur - SPARE_FILES;
  peers = calloc(files.rlim_cur, sizeof *peers);
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  poller = epoll_create1(EPOLL_CLOEXEC);
  signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (!peers || poller < 0 || signals < 0 || listener < 0) die("start");
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, BACKLOG) != 0) die("listen");
  getsockname(listener, (struct sockaddr *)&address, &len);
  watch(EPOLL_CTL_ADD, listener, EPOLLIN);
  watch(EPOLL_CTL_ADD, signals, EPOLLIN);

  tidings_hub_options options = TIDINGS_INIT(tidings_hub_options);
  tidings_class_options log = TIDINGS_INIT(tidings_class_options);
  uint64_t random[2];
  now_ms = read_clock(CLOCK_MONOTONIC);
  if (getrandom(random, sizeof random, 0) != sizeof random) die("getrandom");
  log.events = events;
  options.default_class = &log;
  options.epoch = random[0];
  options.seed = random[1];
  options.connections = (uint64_t)peer_limit;
  options.unix_ms_at_zero = read_clock(CLOCK_REALTIME) - now_ms;
  tidings_status status = tidings_hub_new(&options, &hub);
  if (status) {
    fprintf(stderr, "%s\n", tidings_status_str(status));
    exit(1);
  }
  printf("http://127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
}

int main(int argc, char **argv) {
  struct epoll_event events[EVENTS_PER_TURN];
  int has_more = 0;
  start(argc > 1 ? atoi(argv[1]) : 8080, argc > 2 ? strtoull(argv[2], NULL, 10) : 0);
  while (!is_draining || stream_count > 0) {
    int count = epoll_wait(poller, events, EVENTS_PER_TURN, wait_ms(has_more));
    now_ms = read_clock(CLOCK_MONOTONIC);
    for (int i = 0; i < count; i++) handle_event(events[i].data.fd, events[i].events);
    tidings_hub_handle_timeout(hub, now_ms);
    sweep();
    has_more = write_streams(WRITES_PER_TURN);
  }
  for (int fd = 0; fd < fd_end; fd++) free(peers[fd].input);
  free(peers);
  tidings_hub_free(hub);
  return 0;
}
