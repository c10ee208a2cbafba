/* http.h: the HTTP/1.1 that a small event server needs, which is to read requests with limits.
 *
 * It does no I/O and keeps nothing: whoever has the socket collects the bytes. */
#ifndef HTTP_H
#define HTTP_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <tidings.h>

/* The most bytes of a request line with all headers, and of a body. */
enum { HTTP_HEAD_BYTES = 8 << 10, HTTP_BODY_BYTES = 64 << 10, HTTP_BYTES = HTTP_HEAD_BYTES + HTTP_BODY_BYTES };

/* What http_read and http_route return beside a status to answer with. */
enum { HTTP_WHOLE, HTTP_MORE, HTTP_OPEN, HTTP_PUBLISH };

/* A request. Its texts are in the buffer that it was read from. */
typedef struct {
  tidings_str method, path, query, last_event_id, body;
  size_t len; /* All of it: the next request begins here. */
} http_request;

static inline int http_is(tidings_str text, const char *what) {
  return text.len == strlen(what) && memcmp(text.data, what, text.len) == 0;
}

/* Cuts off the part before a character, or all, and leaves the rest behind that character. */
static inline tidings_str http_cut(tidings_str *rest, char at) {
  const char *found = rest->len ? memchr(rest->data, at, rest->len) : NULL;
  tidings_str part = {rest->data, found ? (size_t)(found - rest->data) : rest->len};
  size_t used = part.len + (found != NULL);
  rest->data += used;
  rest->len -= used;
  return part;
}

static inline tidings_str http_trim(tidings_str text) {
  while (text.len && strchr(" \t\r", text.data[text.len - 1])) text.len--;
  while (text.len && strchr(" \t", text.data[0])) text.data++, text.len--;
  return text;
}

/* A header that says how long the body is; 0 if all is well. */
static inline int http_read_length(tidings_str value, int *is_known, size_t *length) {
  size_t number = 0;
  if (*is_known || value.len == 0) return 400;
  for (size_t i = 0; i < value.len; i++) {
    if (value.data[i] < '0' || value.data[i] > '9') return 400;
    if ((number = number * 10 + (size_t)(value.data[i] - '0')) > HTTP_BODY_BYTES) return 413;
  }
  *is_known = 1;
  *length = number;
  return 0;
}

/* Reads the request at the begin of the bytes: HTTP_WHOLE, HTTP_MORE if there are too few, or the status
 * of an answer after which the connection has to be closed. */
static inline int http_read(const char *bytes, size_t len, http_request *request) {
  size_t end = 0, length = 0, limit = len < HTTP_HEAD_BYTES ? len : HTTP_HEAD_BYTES;
  int is_known = 0;
  while (end + 4 <= limit && memcmp(bytes + end, "\r\n\r\n", 4) != 0) end++;
  if (end + 4 > limit) return len < HTTP_HEAD_BYTES ? HTTP_MORE : 431;
  tidings_str lines = {bytes, end}, line = http_trim(http_cut(&lines, '\n'));
  memset(request, 0, sizeof *request);
  request->method = http_cut(&line, ' ');
  request->query = http_cut(&line, ' ');
  request->path = http_cut(&request->query, '?');
  if (!http_is(line, "HTTP/1.1") || request->path.len == 0) return 400;
  while (lines.len) {
    tidings_str value = http_cut(&lines, '\n'), name = http_cut(&value, ':');
    value = http_trim(value);
    /* What others might take for another name, this must not pass over. */
    if (name.len == 0 || memchr(name.data, ' ', name.len) || memchr(name.data, '\t', name.len)) return 400;
    if (name.len == 13 && strncasecmp(name.data, "last-event-id", 13) == 0) {
      request->last_event_id = value;
    } else if (name.len == 14 && strncasecmp(name.data, "content-length", 14) == 0) {
      int wrong = http_read_length(value, &is_known, &length);
      if (wrong) return wrong;
    } else if (name.len == 17 && strncasecmp(name.data, "transfer-encoding", 17) == 0) {
      return 501;
    }
  }
  request->body = (tidings_str){bytes + end + 4, length};
  request->len = end + 4 + length;
  return len < request->len ? HTTP_MORE : HTTP_WHOLE;
}

static inline int http_digit(char c) {
  const char *digits = "0123456789abcdef", *found = c ? strchr(digits, c | (c >= 'A' ? 32 : 0)) : NULL;
  return found ? (int)(found - digits) : -1;
}

/* Takes the next parameter off a query, and decodes it into the room, of which it takes its share. 0 when
 * there is none left. The room is enough if it is as long as the query. */
static inline int http_parameter(tidings_str *query, char **room, tidings_str *name, tidings_str *value) {
  if (query->len == 0) return 0;
  tidings_str from[2];
  from[1] = http_cut(query, '&');
  from[0] = http_cut(&from[1], '=');
  for (int part = 0; part < 2; part++) {
    char *to = *room;
    for (size_t i = 0; i < from[part].len; i++) {
      char c = from[part].data[i];
      int high = i + 2 < from[part].len ? http_digit(from[part].data[i + 1]) : -1;
      int low = high >= 0 ? http_digit(from[part].data[i + 2]) : -1;
      if (c == '%' && low >= 0) {
        c = (char)(high * 16 + low);
        i += 2;
      }
      *to++ = c == '+' ? ' ' : c;
    }
    *(part ? value : name) = (tidings_str){*room, (size_t)(to - *room)};
    *room = to;
  }
  return 1;
}

/* What the response begins with that becomes a stream. */
#define HTTP_STREAM \
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n" \
  "x-accel-buffering: no\r\nconnection: close\r\n\r\n"

/* What a request asks for. */
typedef struct {
  tidings_open open;
  tidings_publish publish;
  tidings_str topics[32];
  char room[HTTP_HEAD_BYTES];
} http_call;

#define HTTP_USAGE \
  "GET /events?topic=...&user=...&tab=... opens a stream, with `topic` any number of times;\n" \
  "POST /publish?topic=...&event=... publishes its body\n"

/* Finds out what a request asks for: HTTP_OPEN, HTTP_PUBLISH, or the status of an answer. What it says is
 * borrowed from the request. */
static inline int http_route(const http_request *request, http_call *call) {
  int is_open = http_is(request->method, "GET") && http_is(request->path, "/events");
  int is_publish = http_is(request->method, "POST") && http_is(request->path, "/publish");
  tidings_str name, value, query = request->query;
  size_t topics = 0;
  char *room = call->room;
  if (!is_open && !is_publish) return 404;
  call->open = (tidings_open)TIDINGS_INIT(tidings_open);
  call->publish = (tidings_publish)TIDINGS_INIT(tidings_publish);
  while (http_parameter(&query, &room, &name, &value)) {
    if (http_is(name, "topic") && topics < sizeof call->topics / sizeof *call->topics) {
      call->topics[topics++] = value;
    } else if (is_publish && http_is(name, "event")) {
      call->publish.event.event = value;
    } else if (is_open && http_is(name, "user")) {
      call->open.user = value;
    } else if (is_open && http_is(name, "tab")) {
      call->open.tab = value;
    } else {
      return 400; /* A typing error would otherwise be a stream on which nothing ever comes. */
    }
  }
  call->open.topics = call->publish.topics = call->topics;
  call->open.topic_count = call->publish.topic_count = topics;
  call->open.last_event_id = request->last_event_id;
  call->open.preamble = TIDINGS_STR(HTTP_STREAM);
  call->publish.event.data = request->body;
  return is_open ? HTTP_OPEN : HTTP_PUBLISH;
}

enum { HTTP_ANSWER_BYTES = 1024, HTTP_PUBLISHED_BYTES = 192 };

/* Writes an answer, and says how long it is. After one that is no success the connection has to end. */
static inline size_t http_answer(char to[HTTP_ANSWER_BYTES], int status, tidings_str text) {
  if (status == 204) return (size_t)snprintf(to, HTTP_ANSWER_BYTES, "HTTP/1.1 204 -\r\nconnection: close\r\n\r\n");
  if (text.len > HTTP_ANSWER_BYTES / 2) text.len = HTTP_ANSWER_BYTES / 2;
  int len = snprintf(to, HTTP_ANSWER_BYTES,
                     "HTTP/1.1 %d -\r\ncontent-type: text/plain\r\ncontent-length: %zu\r\n"
                     "connection: %s\r\n\r\n",
                     status, text.len, status < 300 ? "keep-alive" : "close");
  memcpy(to + len, text.data, text.len);
  return (size_t)len + text.len;
}

/* What became of a publish, in JSON. */
static inline tidings_str http_published(char to[HTTP_PUBLISHED_BYTES], const tidings_published *published) {
  char id[TIDINGS_CURSOR_BYTES] = "";
  size_t len;
  tidings_cursor_format(&published->cursor, id, sizeof id, &len);
  snprintf(to, HTTP_PUBLISHED_BYTES, "{\"id\":\"%s\",\"recipients\":%llu}\n", id,
           (unsigned long long)published->recipients);
  return tidings_str_of(to);
}

/* The status to answer with where a stream was not opened or an event not published. */
static inline int http_status(tidings_status status) {
  switch (status) {
    case TIDINGS_ERR_STAY_AWAY:
      return 204; /* The client has another stream; this ends an EventSource for good. */
    case TIDINGS_ERR_DRAINING:
    case TIDINGS_ERR_TOO_MANY_CONNECTIONS:
    case TIDINGS_ERR_TOO_MANY_USER_CONNECTIONS:
    case TIDINGS_ERR_SUPERSEDED_TOO_SOON:
    case TIDINGS_ERR_FULL:
    case TIDINGS_ERR_BUSY:
    case TIDINGS_ERR_UNPOLLED:
    case TIDINGS_ERR_STOPPED:
      return 503;
    default:
      return 400;
  }
}

#endif
