/* What the C tests check with: a failure says where, and ends the program. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tidings.h>

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
      exit(1);                                                                  \
    }                                                                           \
  } while (0)

#define EXPECT(status, call) check_status((status), (call), __FILE__, __LINE__, #call)
#define OK(call) EXPECT(TIDINGS_OK, call)

static inline void check_status(tidings_status expected, tidings_status actual, const char *file,
                                int line, const char *call) {
  if (actual != expected) {
    fprintf(stderr, "%s:%d: %s\n  is: %s\n  not: %s\n", file, line, call,
            tidings_status_str(actual), tidings_status_str(expected));
    exit(1);
  }
}

/* Whether a borrowed text is this one. */
static inline int is(tidings_str text, const char *expected) {
  return text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
}

/* Whether a borrowed text has this one in it. */
static inline int has(tidings_str text, const char *part) {
  size_t len = strlen(part);
  for (size_t at = 0; at + len <= text.len; at++) {
    if (memcmp(text.data + at, part, len) == 0) {
      return 1;
    }
  }
  return 0;
}

/* An event of data alone. */
static inline tidings_event message(const char *data) {
  tidings_event event = {0};
  event.data = tidings_str_of(data);
  return event;
}

#endif
