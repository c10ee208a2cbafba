/* engine_server.c: an event server of a host that only accepts and reads requests; the engine of the
 * library runs the streams, on a thread of its own. For Linux and macOS.
 *
 *     cc -std=c11 -O2 -o engine_server engine_server.c $(pkg-config --cflags --libs tidings)
 *     ./engine_server 8080 50000      (keeps so many events for readers who come back)
 *     curl -N 'http://127.0.0.1:8080/events?topic=news'
 *     curl -d 'hello' 'http://127.0.0.1:8080/publish?topic=news&event=greeting'
 *
 * GET /events opens a stream: `topic` any number of times, `user`, `tab`, and Last-Event-ID to go on.
 * POST /publish publishes its body: `topic` any number of times, `event`. SIGTERM drains, and a second
 * one ends it at once. Anybody may do everything, so it listens on this machine only. For many readers
 * raise the limit on descriptors: `ulimit -n`. */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include "http.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  BACKLOG = 4096,
  PEERS = 1024,        /* At a time, before they are the engine's. */
  REQUEST_MS = 10000,  /* How long a request may take, and a connection be idle between requests. */
  DRAIN_MS = 5000,     /* How long readers may take to take the rest, and to come back elsewhere. */
  LISTENER = 0,        /* Places in `polls` before those of the peers. */
  ENGINE = 1,
  SIGNALS = 2,
  FIRST_PEER = 3,
};

/* A connection that sends requests. */
typedef struct {
  uint64_t since_ms;            /* When it began to send this request. */
  uint64_t tag;                 /* Of the publish that it waits for; 0 if there is none. */
  tidings_published published;  /* What is known of that. */
  char *input;                  /* What has come of a request. */
  size_t input_len;
  int is_leaving;               /* It was sent its last answer: what it still sends is forgotten. */
} peer;

static tidings_engine *engine;
static struct pollfd polls[FIRST_PEER + PEERS];
static peer peers[FIRST_PEER + PEERS]; /* At the same places. */
static int poll_count = FIRST_PEER, signal_pipe[2];
static uint64_t now_ms, last_tag;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void require(const char *what, tidings_status status) {
  if (status == TIDINGS_OK) return;
  fprintf(stderr, "%s: %s\n", what, tidings_status_str(status));
  exit(1);
}

static uint64_t read_clock(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static void on_signal(int number) {
  ssize_t written = write(signal_pipe[1], &number, 1);
  (void)written;
}

/* Forgets a peer; whoever walks over them looks at this place again. */
static void forget_peer(int place) {
  free(peers[place].input);
  poll_count--;
  peers[place] = peers[poll_count];
  polls[place] = polls[poll_count];
  peers[poll_count] = (peer){0};
}

static void close_peer(int place) {
  close(polls[place].fd);
  forget_peer(place);
}

/* An answer is short: a peer that does not take it at once is not worth waiting for. After the last one
 * the peer closes: if this side did, with bytes unread, the answer could be lost on its way. */
static void answer(int place, int status, tidings_str text) {
  char bytes[HTTP_ANSWER_BYTES];
  size_t len = http_answer(bytes, status, text);
  int failed = send(polls[place].fd, bytes, len, MSG_DONTWAIT) != (ssize_t)len;
  if (failed || status >= 300) {
    peers[place].is_leaving = 1;
    shutdown(polls[place].fd, failed ? SHUT_RDWR : SHUT_WR);
  }
}

static void refuse(int place, tidings_status status) {
  char why[TIDINGS_ENGINE_ERROR_BYTES] = "";
  size_t len;
  tidings_engine_error(engine, why, sizeof why, &len);
  answer(place, http_status(status), tidings_str_of(why));
}

/* Hands the socket over; whether it is the engine's now. */
static int adopt(int place, tidings_open *open) {
  tidings_adopt adopt = TIDINGS_INIT(tidings_adopt);
  uint64_t connection;
  open->preamble = (tidings_str){NULL, 0};
  adopt.flags = TIDINGS_ADOPT_WRITE_HEAD;
  adopt.open = open;
  adopt.tag = 1; /* Any but 0: say when it has closed. */
  tidings_status status = tidings_engine_adopt(engine, polls[place].fd, &adopt, &connection);
  if (status) {
    refuse(place, status);
    return 0;
  }
  fprintf(stderr, "opened %llx\n", (unsigned long long)connection);
  forget_peer(place);
  return 1;
}

static void publish_event(int place, const tidings_publish *publish) {
  peer *peer = &peers[place];
  tidings_status status = tidings_engine_post(engine, publish, ++last_tag, &peer->published);
  if (status) {
    refuse(place, status);
    return;
  }
  peer->tag = last_tag; /* An output with this tag says that it is in the log; until then it is not read. */
  polls[place].events = 0;
}

/* Does what is asked; whether the peer is gone. Who may read and publish what is to be checked here: it is
 * yours to say. Pages of other sites can send a POST to this machine, too. */
static int handle_request(int place, const http_request *request) {
  static http_call call;
  int what = http_route(request, &call);
  if (what == HTTP_OPEN) return adopt(place, &call.open);
  if (what == HTTP_PUBLISH) {
    publish_event(place, &call.publish);
  } else {
    answer(place, what, TIDINGS_STR(HTTP_USAGE));
  }
  return 0;
}

/* Keeps what has come behind the last whole request. */
static void keep_input(peer *peer, const char *input, size_t len) {
  free(peer->input);
  peer->input = NULL;
  if ((peer->input_len = len) == 0) return;
  if ((peer->input = malloc(len)) == NULL) die("malloc");
  memcpy(peer->input, input, len);
}

/* Handles the requests that are whole, one at a time. Whether the peer is gone. */
static int handle_input(int place, const char *input, size_t len) {
  size_t start = 0;
  while (start < len && !peers[place].tag && !peers[place].is_leaving) {
    http_request request;
    int found = http_read(input + start, len - start, &request);
    if (found == HTTP_MORE) break;
    peers[place].since_ms = now_ms;
    if (found == HTTP_WHOLE) {
      if (handle_request(place, &request)) return 1;
      start += request.len;
    } else {
      answer(place, found, TIDINGS_STR("this is no request, or too long\n"));
    }
  }
  if (peers[place].is_leaving) start = len;
  keep_input(&peers[place], input + start, len - start);
  return 0;
}

/* Reads what has come. Whether the peer is gone. */
static int read_peer(int place) {
  static char input[HTTP_BYTES];
  size_t len = peers[place].input_len;
  if (len) memcpy(input, peers[place].input, len);
  ssize_t got = recv(polls[place].fd, input + len, sizeof input - len, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (got <= 0) {
    close_peer(place);
    return 1;
  }
  return handle_input(place, input, len + (size_t)got);
}

/* A publish is in the log: its peer is answered, and may have sent the next request already. */
static void answer_publish(const tidings_engine_output *output) {
  char text[HTTP_PUBLISHED_BYTES];
  for (int place = FIRST_PEER; place < poll_count; place++) {
    peer *peer = &peers[place];
    if (peer->tag != output->tag) continue;
    peer->tag = 0;
    polls[place].events = POLLIN;
    peer->published.recipients = output->recipients;
    if (output->status) {
      answer(place, 503, tidings_str_of(tidings_status_str(output->status)));
    } else {
      answer(place, 200, http_published(text, &peer->published));
    }
    char *input = peer->input;
    size_t len = peer->input_len;
    peer->input = NULL;
    if (input) handle_input(place, input, len);
    free(input);
    return;
  }
}

static void handle_outputs(void) {
  tidings_engine_output output = TIDINGS_INIT(tidings_engine_output);
  for (;;) {
    require("tidings_engine_poll_output", tidings_engine_poll_output(engine, &output));
    if (output.kind == TIDINGS_ENGINE_NONE) return;
    if (output.kind == TIDINGS_ENGINE_PUBLISHED) answer_publish(&output);
    if (output.kind == TIDINGS_ENGINE_CLOSED) {
      fprintf(stderr, "closed %llx: %s\n", (unsigned long long)output.connection,
              tidings_close_reason_str(output.reason));
    }
  }
}

static void accept_peers(void) {
  while (poll_count < FIRST_PEER + PEERS) {
    int fd = accept(polls[LISTENER].fd, NULL, NULL);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE) poll(NULL, 0, 100); /* Streams that close make room. */
      return;
    }
    polls[poll_count] = (struct pollfd){.fd = fd, .events = POLLIN};
    peers[poll_count++] = (peer){.since_ms = now_ms};
  }
}

static void start_engine(uint64_t events) {
  tidings_engine_options options = TIDINGS_INIT(tidings_engine_options);
  tidings_hub_options hub = TIDINGS_INIT(tidings_hub_options);
  tidings_class_options log = TIDINGS_INIT(tidings_class_options);
  log.events = events;
  hub.default_class = &log;
  options.hub = &hub;
  require("tidings_engine_new", tidings_engine_new(&options, &engine));
  require("tidings_engine_start", tidings_engine_start(engine));
}

static void start(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  socklen_t len = sizeof address;
  int one = 1;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  signal(SIGPIPE, SIG_IGN); /* For the answers of this program: the engine never raises it. */
  if (pipe(signal_pipe) != 0) die("pipe");
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0) die("socket");
  fcntl(listener, F_SETFL, O_NONBLOCK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, BACKLOG) != 0) die("listen");
  getsockname(listener, (struct sockaddr *)&address, &len);
  polls[LISTENER] = (struct pollfd){.fd = listener, .events = POLLIN};
  polls[ENGINE].events = polls[SIGNALS].events = POLLIN;
  require("tidings_engine_fd", tidings_engine_fd(engine, &polls[ENGINE].fd));
  polls[SIGNALS].fd = signal_pipe[0];
  printf("http://127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
}

int main(int argc, char **argv) {
  start_engine(argc > 2 ? strtoull(argv[2], NULL, 10) : 0);
  start(argc > 1 ? atoi(argv[1]) : 8080);
  while (!(polls[SIGNALS].revents & POLLIN)) {
    polls[LISTENER].events = poll_count < FIRST_PEER + PEERS ? POLLIN : 0;
    if (poll(polls, (nfds_t)poll_count, poll_count > FIRST_PEER ? 1000 : -1) < 0) continue;
    now_ms = read_clock();
    for (int place = FIRST_PEER; place < poll_count;) {
      int has_news = polls[place].revents & (POLLIN | POLLHUP | POLLERR);
      polls[place].revents = 0;
      if (!peers[place].tag && now_ms - peers[place].since_ms > REQUEST_MS) {
        close_peer(place);
      } else if (!has_news || peers[place].tag || !read_peer(place)) {
        place++;
      }
    }
    if (polls[ENGINE].revents) handle_outputs();
    if (polls[LISTENER].revents) accept_peers();
  }
  close(polls[LISTENER].fd);
  require("tidings_engine_drain", tidings_engine_drain(engine, DRAIN_MS));
  handle_outputs();
  while (poll_count > FIRST_PEER) close_peer(poll_count - 1);
  tidings_engine_free(engine);
  return 0;
}
