/* decode.cpp: what decode.c does, in C++: an event stream on standard input, as readable lines.
 *
 *     c++ -std=c++17 -O2 -o decode decode.cpp $(pkg-config --cflags --libs tidings)
 *     curl -sN https://example.com/stream | ./decode
 *
 * Each event is a line: its type, its id in brackets if it has one, its data. Control characters are
 * escaped. Exit status 1: an event is over the limit, or reading failed. It builds without exceptions
 * too. */
#include <cerrno>
#include <cstdio>
#include <tidings.hpp>
#include <unistd.h>

/* A stream is not to be trusted with a terminal. */
static void print_text(std::string_view text) {
  for (unsigned char c : text) {
    if (c == '\n') {
      std::fputs("\\n", stdout);
    } else if (c < ' ' || c == 127 || c == '\\') {
      std::printf("\\x%02x", c);
    } else {
      std::putchar(c);
    }
  }
}

static void print_item(const tidings::item &item) {
  if (item.kind == TIDINGS_ITEM_RETRY) {
    std::printf("(reconnect after %llu ms)\n", static_cast<unsigned long long>(*item.retry_ms));
    return;
  }
  print_text(item.type);
  if (!item.last_event_id.empty()) {
    std::fputs(" [", stdout);
    print_text(item.last_event_id);
    std::putchar(']');
  }
  std::fputs(": ", stdout);
  print_text(item.data);
  std::putchar('\n');
}

int main() {
  static char input[64 << 10];
  auto decoder = tidings::decoder::make();
  if (!decoder) {
    std::fprintf(stderr, "%s\n", decoder.status().message());
    return 1;
  }
  for (;;) {
    auto got = read(0, input, sizeof input);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) std::perror("read");
    if (got <= 0) return got < 0 || std::ferror(stdout) ? 1 : 0;
    auto status = decoder->decode_each({input, static_cast<size_t>(got)}, print_item);
    std::fflush(stdout); /* Before waiting for more. */
    if (!status) {
      auto why = decoder->error();
      std::fprintf(stderr, "%.*s\n", static_cast<int>(why.size()), why.data());
      return 1;
    }
  }
}
