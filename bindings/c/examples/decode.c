/* decode.c: an event stream on standard input, as readable lines on standard output.
 *
 *     cc -std=c99 -O2 -o decode decode.c $(pkg-config --cflags --libs tidings)
 *     curl -sN https://example.com/stream | ./decode
 *
 * Each event is a line: its type, its id in brackets if it has one, its data. Control characters are
 * escaped. Exit status 1: an event is over the limit, or reading failed; 2: wrong usage.
 * `./decode 1000000` sets the limit, in bytes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <tidings.h>
#include <unistd.h>

enum { INPUT_BYTES = 64 << 10 };

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

static void print_item(const tidings_item *item) {
  if (item->kind == TIDINGS_ITEM_RETRY) {
    printf("(reconnect after %llu ms)\n", (unsigned long long)item->event.retry_ms);
    return;
  }
  print_text(item->event.event);
  if (item->last_event_id.len) {
    fputs(" [", stdout);
    print_text(item->last_event_id);
    putchar(']');
  }
  fputs(": ", stdout);
  print_text(item->event.data);
  putchar('\n');
}

/* Prints what the bytes complete. */
static tidings_status decode(tidings_decoder *decoder, const char *input, size_t len) {
  for (;;) {
    size_t taken;
    tidings_item item;
    tidings_status status = tidings_decoder_decode(decoder, input, len, &taken, &item);
    if (status || item.kind == TIDINGS_ITEM_NONE) return status;
    print_item(&item);
    input += taken;
    len -= taken;
  }
}

int main(int argc, char **argv) {
  static char input[INPUT_BYTES];
  tidings_decoder_options options = TIDINGS_INIT(tidings_decoder_options);
  tidings_decoder *decoder = NULL;
  char *end = NULL;
  if (argc > 2 || (argc == 2 && ((options.event_bytes = strtoull(argv[1], &end, 10)) == 0 || *end))) {
    fprintf(stderr, "usage: %s [most bytes of an event] < stream\n", argv[0]);
    return 2;
  }
  tidings_status status = tidings_decoder_new(&options, &decoder);
  ssize_t got = 0;
  while (status == TIDINGS_OK && ((got = read(0, input, sizeof input)) > 0 || (got < 0 && errno == EINTR))) {
    if (got > 0) status = decode(decoder, input, (size_t)got);
    fflush(stdout); /* Before waiting for more. */
  }
  if (status) {
    tidings_str why = tidings_str_of(tidings_status_str(status));
    if (decoder) tidings_decoder_error(decoder, &why);
    fprintf(stderr, "%.*s\n", (int)why.len, why.data);
  } else if (got < 0) {
    perror("read");
  }
  tidings_decoder_free(decoder);
  return status || got < 0 || ferror(stdout);
}
