/* libcurl_client.c: reads a live stream with libcurl, through cuts and restarts, and misses nothing.
 *
 *     cc -std=c99 -O2 -o libcurl_client libcurl_client.c $(pkg-config --cflags --libs tidings libcurl)
 *     ./libcurl_client 'http://127.0.0.1:8080/events?topic=news'
 *     ./libcurl_client 'http://127.0.0.1:8080/events?topic=news' 5f3a9c1b20~7
 *
 * Each event is a line of standard output: its type, its id in brackets, its data; what happens to the
 * connection goes to standard error. The second argument is an id to go on behind. It ends with status 1
 * when the client gives up: after an answer 204, or one that is no event stream. */
#define _POSIX_C_SOURCE 200809L
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tidings.h>
#include <time.h>

static tidings_client *client;
static CURLM *multi;
static CURL *transfer;              /* The request or stream under way. */
static struct curl_slist *headers;  /* Of that request. */
static int has_answered;

static void die(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(2);
}

static uint64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* A stream is not to be trusted with a terminal. */
static void print_text(tidings_str text) {
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.data[i];
    if (c == '\n') {
      fputs("\\n", stdout);
    } else if (c < ' ' || c == 127 || c == '\\') {
      printf("\\x%02x", c);
    } else {
      putchar(c);
    }
  }
}

static void print_event(const tidings_item *item) {
  print_text(item->event.event);
  fputs(" [", stdout);
  print_text(item->last_event_id);
  fputs("]: ", stdout);
  print_text(item->event.data);
  putchar('\n');
}

static void handle_response(void) {
  tidings_response response = TIDINGS_INIT(tidings_response);
  long status = 0;
  char *content_type = NULL;
  curl_off_t retry_after_s = 0;
  curl_easy_getinfo(transfer, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(transfer, CURLINFO_CONTENT_TYPE, &content_type);
  curl_easy_getinfo(transfer, CURLINFO_RETRY_AFTER, &retry_after_s);
  response.status = (uint32_t)status;
  response.content_type = tidings_str_of(content_type);
  if (retry_after_s > 0) {
    response.flags = TIDINGS_RESPONSE_RETRY_AFTER;
    response.retry_after_ms = (uint64_t)retry_after_s * 1000;
  }
  has_answered = 1;
  tidings_client_handle_response(client, now_ms(), &response);
}

/* The blank line ends the head. Where it is that of a redirect or an interim answer, another follows. */
static size_t on_header(char *line, size_t size, size_t len, void *argument) {
  long status = 0;
  (void)size, (void)argument;
  curl_easy_getinfo(transfer, CURLINFO_RESPONSE_CODE, &status);
  if (len <= 2 && line[0] == '\r' && status >= 200 && (status < 300 || status >= 400)) handle_response();
  return len;
}

static size_t on_data(char *input, size_t size, size_t len, void *argument) {
  size_t start = 0, taken;
  tidings_item item;
  (void)size, (void)argument;
  for (;;) {
    tidings_status status = tidings_client_handle_data(client, now_ms(), input + start, len - start, &taken, &item);
    if (status) die("tidings_client_handle_data", tidings_status_str(status));
    if (item.kind == TIDINGS_ITEM_NONE) break;
    start += taken;
    if (item.kind == TIDINGS_ITEM_EVENT) print_event(&item);
  }
  fflush(stdout);
  return len;
}

static void disconnect(void) {
  if (!transfer) return;
  curl_multi_remove_handle(multi, transfer);
  curl_easy_cleanup(transfer);
  curl_slist_free_all(headers);
  transfer = NULL;
  headers = NULL;
}

static void add_header(const char *name, tidings_str value) {
  size_t len = strlen(name) + value.len + 1;
  char *line = malloc(len);
  if (!line) die("malloc", "out of memory");
  snprintf(line, len, "%s%.*s", name, (int)value.len, value.data);
  headers = curl_slist_append(headers, line);
  free(line);
  if (!headers) die("curl_slist_append", "out of memory");
}

static void connect_to(const char *url, tidings_str last_event_id) {
  disconnect();
  if (!(transfer = curl_easy_init())) die("curl_easy_init", "out of memory");
  has_answered = 0;
  add_header("Accept: ", TIDINGS_STR("text/event-stream"));
  add_header("Cache-Control: ", TIDINGS_STR("no-cache"));
  if (last_event_id.data) add_header("Last-Event-ID: ", last_event_id);
  curl_easy_setopt(transfer, CURLOPT_URL, url);
  curl_easy_setopt(transfer, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(transfer, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(transfer, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(transfer, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(transfer, CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt(transfer, CURLOPT_NOSIGNAL, 1L);
  if (curl_multi_add_handle(multi, transfer) != CURLM_OK) die("curl_multi_add_handle", url);
}

/* Does what the client says; 0 once it has given up. */
static int follow_client(const char *url) {
  tidings_client_output output = TIDINGS_INIT(tidings_client_output);
  while (tidings_client_poll_output(client, &output) == TIDINGS_OK) {
    switch (output.kind) {
      case TIDINGS_CLIENT_OUTPUT_CONNECT:
        connect_to(url, output.last_event_id);
        break;
      case TIDINGS_CLIENT_OUTPUT_OPEN:
        fputs("connected\n", stderr);
        break;
      case TIDINGS_CLIENT_OUTPUT_DISCONNECT:
        fprintf(stderr, "disconnected: %.*s\n", (int)output.message.len, output.message.data);
        disconnect();
        break;
      case TIDINGS_CLIENT_OUTPUT_FAILED:
        fprintf(stderr, "given up: %.*s\n", (int)output.message.len, output.message.data);
        return 0;
      default:
        return 1;
    }
  }
  return 0;
}

/* Tells the client how the transfer ended, if it did. */
static void watch_transfer(void) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(multi, &left))) {
    CURLcode result = message->data.result;
    if (message->msg != CURLMSG_DONE) continue;
    if (result == CURLE_OK && !has_answered) handle_response(); /* A redirect to nowhere. */
    disconnect();
    if (result == CURLE_OK) {
      tidings_client_handle_end(client, now_ms());
    } else {
      fprintf(stderr, "%s\n", curl_easy_strerror(result));
      tidings_client_handle_error(client, now_ms());
    }
  }
}

static void wait_for_news(void) {
  uint64_t at_ms = TIDINGS_NEVER, now = now_ms();
  int timeout_ms = 60000;
  tidings_client_poll_timeout(client, &at_ms);
  if (at_ms < now + 60000) timeout_ms = at_ms > now ? (int)(at_ms - now) : 0;
  curl_multi_poll(multi, NULL, 0, timeout_ms, NULL);
}

int main(int argc, char **argv) {
  tidings_client_options options = TIDINGS_INIT(tidings_client_options);
  int still_running;
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: %s URL [last event id]\n", argv[0]);
    return 2;
  }
  options.seed = (uint64_t)time(NULL) ^ now_ms() << 20 ^ (uint64_t)(uintptr_t)&options;
  options.last_event_id = tidings_str_of(argv[2]);
  tidings_status status = tidings_client_new(&options, &client);
  if (status) die("tidings_client_new", tidings_status_str(status));
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || !(multi = curl_multi_init())) die("curl", "cannot start");
  tidings_client_connect(client, now_ms());
  while (follow_client(argv[1])) {
    wait_for_news();
    curl_multi_perform(multi, &still_running);
    watch_transfer();
    tidings_client_handle_timeout(client, now_ms());
  }
  disconnect();
  curl_multi_cleanup(multi);
  curl_global_cleanup();
  tidings_client_free(client);
  return 1;
}
