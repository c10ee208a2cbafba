/** Tidings for C++17: what tidings.h has, as classes that own their handle and move.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The manual is the opening comment of tidings.h, and each function here does what the one of the same
 * name does there. What is different:
 *
 * - A handle is freed with the object that has it. One that was moved from answers TIDINGS_ERR_NULL.
 * - What can fail returns a `status` or a `result<T>`; neither can be dropped unseen. No function here
 *   throws but `result::value()`, which ends the program where it is compiled without exceptions.
 * - Text is a `std::string_view`; one without a pointer, such as `{}`, is absent. What is handed out is
 *   borrowed for as long as in C.
 * - Structs of C are as in C: `tidings::sized<tidings_hub_options>` has its size set. `opening` and
 *   `publication` make those with lists in them, and borrow the texts they are given.
 */
#ifndef TIDINGS_HPP
#define TIDINGS_HPP

#include <tidings.h>

#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidings {

/** The number of a connection, never 0. */
using connection_id = uint64_t;

/** A struct of C with its size set and all else zero. */
template <typename T>
struct sized : T {
  sized() : T() { this->size = sizeof(T); }
};

inline tidings_str str(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view(tidings_str text) { return {text.data, text.len}; }

/** What became of a call. */
class [[nodiscard]] status {
 public:
  status(tidings_status code) : code_(code) {}
  explicit operator bool() const { return code_ == TIDINGS_OK; }
  bool operator==(tidings_status code) const { return code_ == code; }
  bool operator!=(tidings_status code) const { return code_ != code; }
  tidings_status code() const { return code_; }
  const char *message() const { return tidings_status_str(code_); }
  const char *name() const { return tidings_status_name(code_); }

 private:
  tidings_status code_;
};

#ifdef __cpp_exceptions
/** What `result::value()` throws. */
class error : public std::runtime_error {
 public:
  explicit error(class status status) : std::runtime_error(status.message()), status_(status) {}
  class status status() const { return status_; }

 private:
  class status status_;
};
#endif

/** A value, or why there is none. */
template <typename T>
class [[nodiscard]] result {
 public:
  result(T value) : status_(TIDINGS_OK), value_(std::move(value)) {}
  result(class status status) : status_(status) {}
  explicit operator bool() const { return value_.has_value(); }
  class status status() const { return status_; }
  /** Only where there is a value. */
  T &operator*() & { return *value_; }
  const T &operator*() const & { return *value_; }
  T &&operator*() && { return *std::move(value_); }
  T *operator->() { return &*value_; }
  const T *operator->() const { return &*value_; }
  T &value() & { return must(), *value_; }
  T &&value() && { return must(), *std::move(value_); }
  T value_or(T other) && { return value_ ? *std::move(value_) : std::move(other); }

 private:
  void must() const {
    if (value_) return;
#ifdef __cpp_exceptions
    throw error(status_);
#else
    std::fprintf(stderr, "tidings: %s\n", status_.message());
    std::abort();
#endif
  }

  class status status_;
  std::optional<T> value_;
};

namespace detail {

/** What a call wrote, if it did. */
template <typename T>
result<T> made(tidings_status status, T &&value) {
  if (status != TIDINGS_OK) return tidings::status(status);
  return std::forward<T>(value);
}

/** What a function of C writes through its last parameter, in room for it. */
template <typename T, typename Room = T, typename... Parameters, typename... Arguments>
result<T> get(tidings_status (*function)(Parameters...), Arguments... arguments) {
  Room room = Room();
  auto status = function(arguments..., &room);
  return made<T>(status, std::move(room));
}

/** The text that a function of C lends; empty if it does not. */
template <typename Function, typename Handle>
std::string_view lent(Function function, Handle handle) {
  tidings_str text = {};
  function(handle, &text);
  return view(text);
}

/** The text that a call writes into a buffer of its size. */
template <size_t Size, typename Write>
result<std::string> written(Write write) {
  char buffer[Size];
  size_t len = 0;
  auto status = write(buffer, Size, &len);
  return made(status, std::string(buffer, len));
}

inline std::vector<tidings_str> strs(std::initializer_list<std::string_view> texts) {
  std::vector<tidings_str> strs;
  for (auto text : texts) strs.push_back(str(text));
  return strs;
}

}  // namespace detail

/** What frees a handle of C with itself. */
template <typename Handle, void (*Free)(Handle *)>
class owner {
 public:
  /** Of an object that was moved from, NULL. */
  Handle *c() const { return handle_.get(); }

 protected:
  explicit owner(Handle *handle) : handle_(handle) {}

  template <typename Self, typename New, typename From>
  static result<Self> owned(New create, const From &from) {
    Handle *handle = nullptr;
    auto status = create(&from, &handle);
    return detail::made(status, Self(handle));
  }

 private:
  struct deleter {
    void operator()(Handle *handle) const { Free(handle); }
  };
  std::unique_ptr<Handle, deleter> handle_;
};

/** A server-sent event, to publish or as it was read. */
struct event {
  std::string_view id, type, data;
  std::optional<uint64_t> retry_ms;

  event() = default;
  explicit event(const tidings_event &from)
      : id(view(from.id)), type(view(from.event)), data(view(from.data)) {
    if (from.flags & TIDINGS_EVENT_RETRY) retry_ms = from.retry_ms;
  }

  tidings_event c() const {
    tidings_event raw = {};
    raw.id = str(id);
    raw.event = str(type);
    raw.data = str(data);
    raw.retry_ms = retry_ms.value_or(0);
    raw.flags = retry_ms ? TIDINGS_EVENT_RETRY : 0;
    return raw;
  }

  status check() const {
    auto raw = c();
    return tidings_event_check(&raw);
  }

  result<std::string> encode() const {
    auto raw = c();
    size_t len = 0;
    auto status = tidings_event_encoded_len(&raw, &len);
    std::string bytes(len, 0);
    if (status == TIDINGS_OK) status = tidings_event_encode(&raw, &bytes[0], len, &len);
    return detail::made(status, std::move(bytes));
  }
};

/** What was found in a stream. False if the input is used up. */
struct item : event {
  tidings_item_kind kind;
  std::string_view last_event_id;

  explicit item(const tidings_item &from)
      : event(from.event), kind(static_cast<tidings_item_kind>(from.kind)),
        last_event_id(view(from.last_event_id)) {}
  explicit operator bool() const { return kind != TIDINGS_ITEM_NONE; }
};

/** A position in the log of a hub. */
struct cursor : tidings_cursor {
  cursor() : tidings_cursor() {}
  cursor(const tidings_cursor &from) : tidings_cursor(from) {}

  static result<cursor> parse(std::string_view text) {
    return detail::get<cursor>(tidings_cursor_parse, str(text));
  }

  result<std::string> text() const {
    return detail::written<TIDINGS_CURSOR_BYTES>([this](char *buffer, size_t size, size_t *len) {
      return tidings_cursor_format(this, buffer, size, len);
    });
  }
};

inline result<std::string> connection_format(connection_id connection) {
  return detail::written<TIDINGS_CONNECTION_BYTES>([=](char *buffer, size_t size, size_t *len) {
    return tidings_connection_format(connection, buffer, size, len);
  });
}

inline result<connection_id> connection_parse(std::string_view text) {
  return detail::get<connection_id>(tidings_connection_parse, str(text));
}

/** An encoded event. Any number of threads may read it. */
class frame : public owner<tidings_frame, tidings_frame_free> {
 public:
  static result<frame> make(const event &event) {
    return owned<frame>(tidings_frame_new, event.c());
  }

  /** Empty if it was moved from. */
  std::string_view bytes() const { return detail::lent(tidings_frame_bytes, c()); }

 private:
  using owner::owner;
};

/** Reads a stream of events, cut into pieces anywhere. */
class decoder : public owner<tidings_decoder, tidings_decoder_free> {
 public:
  using options = sized<tidings_decoder_options>;

  static result<decoder> make(const tidings_decoder_options &options = decoder::options()) {
    return owned<decoder>(tidings_decoder_new, options);
  }

  /** Takes the next item from the front of the input, until there is none. */
  result<item> decode(std::string_view &input) {
    tidings_item found = {};
    size_t taken = 0;
    auto status = tidings_decoder_decode(c(), input.data(), input.size(), &taken, &found);
    input.remove_prefix(taken);
    return detail::made(status, item(found));
  }

  /** Gives each item of the input to a function. */
  template <typename Each>
  status decode_each(std::string_view input, Each each) {
    for (;;) {
      auto found = decode(input);
      if (!found || !*found) return found.status();
      each(*found);
    }
  }

  std::string_view last_event_id() const { return detail::lent(tidings_decoder_last_event_id, c()); }
  status reset() { return tidings_decoder_reset(c()); }
  status resume(std::string_view last_event_id) { return tidings_decoder_resume(c(), str(last_event_id)); }

  /** What was wrong in the last call that failed. */
  std::string_view error() { return detail::lent(tidings_decoder_error, c()); }

 private:
  using owner::owner;
};

/** Who opens a stream, and for what. */
class opening {
 public:
  opening &user(std::string_view user) { return raw_.user = str(user), *this; }
  opening &tab(std::string_view tab) { return raw_.tab = str(tab), *this; }
  opening &topic(std::string_view topic) { return topics_.push_back(str(topic)), *this; }
  opening &grant(std::string_view grant) { return grants_.push_back(str(grant)), *this; }
  opening &last_event_id(std::string_view id) { return raw_.last_event_id = str(id), *this; }
  opening &expires_ms(uint64_t unix_ms) { return raw_.expires_ms = unix_ms, *this; }
  opening &lag(tidings_lag lag) { return raw_.lag = lag, *this; }
  opening &encoding(tidings_encoding encoding) { return raw_.encoding = encoding, *this; }
  opening &comment_heartbeats() { return raw_.flags |= TIDINGS_OPEN_COMMENT_HEARTBEATS, *this; }
  opening &preamble(std::string_view bytes) { return raw_.preamble = str(bytes), *this; }
  opening &tag(uint64_t tag) { return raw_.tag = tag, *this; }

  /** It lives as long as this, and until this is changed. */
  const tidings_open &c() const {
    raw_.topics = topics_.data();
    raw_.topic_count = topics_.size();
    raw_.grants = grants_.data();
    raw_.grant_count = grants_.size();
    return raw_;
  }

 private:
  mutable sized<tidings_open> raw_;
  std::vector<tidings_str> topics_, grants_;
};

/** An event and whom it is for. */
class publication {
 public:
  using texts = std::initializer_list<std::string_view>;

  static publication to(std::string_view topic) { return to_topics({topic}); }
  static publication to_topics(texts topics) { return {TIDINGS_AUDIENCE_TOPICS, topics}; }
  static publication to_user_in_topics(std::string_view user, texts topics) {
    publication made(TIDINGS_AUDIENCE_USER_IN_TOPICS, topics);
    made.raw_.user = str(user);
    return made;
  }
  static publication to_user(std::string_view user) {
    publication made(TIDINGS_AUDIENCE_USER, {});
    made.raw_.user = str(user);
    return made;
  }
  static publication to_everyone() { return {TIDINGS_AUDIENCE_EVERYONE, {}}; }
  static publication to_connection(connection_id connection) {
    publication made(TIDINGS_AUDIENCE_CONNECTION, {});
    made.raw_.connection = connection;
    return made;
  }

  publication &event(const tidings::event &event) { return raw_.event = event.c(), *this; }
  publication &id(std::string_view id) { return raw_.event.id = str(id), *this; }
  publication &type(std::string_view type) { return raw_.event.event = str(type), *this; }
  publication &data(std::string_view data) { return raw_.event.data = str(data), *this; }
  publication &except(connection_id connection) { return raw_.except = connection, *this; }
  publication &only_granted() { return raw_.flags |= TIDINGS_PUBLISH_PRIVATE, *this; }

  /** It lives as long as this, and until this is changed. */
  const tidings_publish &c() const {
    raw_.topics = topics_.data();
    raw_.topic_count = topics_.size();
    return raw_;
  }

 private:
  publication(tidings_audience audience, texts topics) : topics_(detail::strs(topics)) {
    raw_.audience = audience;
  }

  mutable sized<tidings_publish> raw_;
  std::vector<tidings_str> topics_;
};

namespace detail {

/** Publishes them all, or none, by a function of C that wants an array of them, and room for as many. */
template <typename Publish>
result<std::vector<tidings_published>> published(const std::vector<publication> &all, Publish publish) {
  std::vector<tidings_publish> from;
  for (const auto &one : all) from.push_back(one.c());
  std::vector<tidings_published> published(all.size());
  auto status = publish(from.data(), from.size(), published.data());
  return made(status, std::move(published));
}

}  // namespace detail

/** What to send to a connection. On POSIX systems `data()` is a `struct iovec[]`. */
struct slices {
  tidings_str parts[TIDINGS_MAX_SLICES];
  size_t count = 0;

  bool empty() const { return count == 0; }
  size_t size() const { return count; }
  tidings_str *data() { return parts; }
  const tidings_str *begin() const { return parts; }
  const tidings_str *end() const { return parts + count; }
  size_t bytes() const {
    size_t bytes = 0;
    for (auto part : *this) bytes += part.len;
    return bytes;
  }
};

/** One bounded log of events, and connections that are cursors into it. */
class hub : public owner<tidings_hub, tidings_hub_free> {
 public:
  using options = sized<tidings_hub_options>;

  static result<hub> make(const tidings_hub_options &options = hub::options()) {
    return owned<hub>(tidings_hub_new, options);
  }

  result<connection_id> open(uint64_t now_ms, const opening &opening) {
    return detail::get<connection_id>(tidings_hub_open, c(), now_ms, &opening.c());
  }

  status subscribe(connection_id connection, std::string_view topic) {
    return tidings_hub_subscribe(c(), connection, str(topic));
  }
  status unsubscribe(connection_id connection, std::string_view topic) {
    return tidings_hub_unsubscribe(c(), connection, str(topic));
  }
  status renew(uint64_t now_ms, connection_id connection, uint64_t expires_ms, publication::texts grants) {
    auto strs = detail::strs(grants);
    return tidings_hub_renew(c(), now_ms, connection, expires_ms, strs.data(), strs.size());
  }

  result<tidings_published> publish(uint64_t now_ms, const publication &publication) {
    return detail::get<tidings_published>(tidings_hub_publish, c(), now_ms, &publication.c());
  }

  /** All or none. */
  result<std::vector<tidings_published>> publish_all(uint64_t now_ms, const std::vector<publication> &all) {
    return detail::published(all, [&](auto from, auto count, auto to) {
      return tidings_hub_publish_all(c(), now_ms, from, count, to);
    });
  }

  status close(uint64_t now_ms, connection_id connection) { return tidings_hub_close(c(), now_ms, connection); }
  status drain(uint64_t now_ms, uint64_t over_ms) { return tidings_hub_drain(c(), now_ms, over_ms); }
  status handle_closed(connection_id connection) { return tidings_hub_handle_closed(c(), connection); }
  status handle_writable(connection_id connection) { return tidings_hub_handle_writable(c(), connection); }
  status handle_timeout(uint64_t now_ms) { return tidings_hub_handle_timeout(c(), now_ms); }
  result<uint64_t> poll_timeout() const { return detail::get<uint64_t>(tidings_hub_poll_timeout, c()); }
  result<tidings_output> poll_output() { return detail::get<tidings_output>(tidings_hub_poll_output, c()); }

  result<slices> transmit(uint64_t now_ms, connection_id connection) {
    slices slices;
    auto status =
        tidings_hub_transmit(c(), now_ms, connection, slices.parts, TIDINGS_MAX_SLICES, &slices.count);
    return detail::made(status, std::move(slices));
  }

  status consume(uint64_t now_ms, connection_id connection, size_t taken) {
    return tidings_hub_consume(c(), now_ms, connection, taken);
  }

  result<tidings::cursor> cursor() const { return detail::get<tidings::cursor>(tidings_hub_cursor, c()); }

  result<tidings::cursor> position(connection_id connection) const {
    return detail::get<tidings::cursor>(tidings_hub_position, c(), connection);
  }

  bool is_open(connection_id connection) const {
    uint32_t is_open = 0;
    return tidings_hub_is_open(c(), connection, &is_open) == TIDINGS_OK && is_open;
  }

  status set_unix_ms(uint64_t now_ms, uint64_t unix_ms) {
    return tidings_hub_set_unix_ms(c(), now_ms, unix_ms);
  }

  result<tidings_stats> stats() const {
    return detail::get<tidings_stats, sized<tidings_stats>>(tidings_hub_stats, c());
  }

  result<tidings_class_stats> class_stats(size_t index) const {
    return detail::get<tidings_class_stats, sized<tidings_class_stats>>(tidings_hub_class_stats, c(), index);
  }

  std::string_view error() { return detail::lent(tidings_hub_error, c()); }
  result<uint64_t> error_retry_ms() const { return detail::get<uint64_t>(tidings_hub_error_retry_ms, c()); }

 private:
  using owner::owner;
};

/** Reads a stream through reconnects. */
class client : public owner<tidings_client, tidings_client_free> {
 public:
  using options = sized<tidings_client_options>;

  static result<client> make(const tidings_client_options &options = client::options()) {
    return owned<client>(tidings_client_new, options);
  }

  status connect(uint64_t now_ms) { return tidings_client_connect(c(), now_ms); }
  status close() { return tidings_client_close(c()); }

  status handle_response(uint64_t now_ms, uint32_t http_status, std::string_view content_type,
                         std::optional<uint64_t> retry_after_ms = {}) {
    sized<tidings_response> response;
    response.status = http_status;
    response.content_type = str(content_type);
    response.retry_after_ms = retry_after_ms.value_or(0);
    response.flags = retry_after_ms ? TIDINGS_RESPONSE_RETRY_AFTER : 0;
    return tidings_client_handle_response(c(), now_ms, &response);
  }

  /** Takes the next item from the front of the input, until there is none. */
  result<item> handle_data(uint64_t now_ms, std::string_view &input) {
    tidings_item found = {};
    size_t taken = 0;
    auto status = tidings_client_handle_data(c(), now_ms, input.data(), input.size(), &taken, &found);
    input.remove_prefix(taken);
    return detail::made(status, item(found));
  }

  status handle_end(uint64_t now_ms) { return tidings_client_handle_end(c(), now_ms); }
  status handle_error(uint64_t now_ms) { return tidings_client_handle_error(c(), now_ms); }
  status handle_timeout(uint64_t now_ms) { return tidings_client_handle_timeout(c(), now_ms); }
  result<uint64_t> poll_timeout() const { return detail::get<uint64_t>(tidings_client_poll_timeout, c()); }

  result<tidings_client_output> poll_output() {
    return detail::get<tidings_client_output, sized<tidings_client_output>>(tidings_client_poll_output, c());
  }

  result<tidings_client_state_kind> state() const {
    uint32_t at = 0;
    auto status = tidings_client_state(c(), &at);
    return detail::made(status, static_cast<tidings_client_state_kind>(at));
  }

  std::string_view last_event_id() { return detail::lent(tidings_client_last_event_id, c()); }
  result<uint64_t> retry_ms() const { return detail::get<uint64_t>(tidings_client_retry_ms, c()); }
  std::string_view error() { return detail::lent(tidings_client_error, c()); }

 private:
  using owner::owner;
};

/** A hub on threads of its own. Several threads may use it at a time, but not move or free it. */
class engine : public owner<tidings_engine, tidings_engine_free> {
 public:
  using options = sized<tidings_engine_options>;

  static result<engine> make(const tidings_engine_options &options = engine::options()) {
    return owned<engine>(tidings_engine_new, options);
  }

  status start() const { return tidings_engine_start(c()); }

  /** The descriptor is the engine's if there is a result, and else the caller's. */
  result<connection_id> adopt(int fd, const opening &opening, uint32_t flags = 0, uint64_t tag = 0) const {
    sized<tidings_adopt> adopt;
    adopt.flags = flags;
    adopt.open = &opening.c();
    adopt.tag = tag;
    return this->adopt(fd, adopt);
  }

  result<connection_id> adopt(int fd, const tidings_adopt &adopt) const {
    return detail::get<connection_id>(tidings_engine_adopt, c(), fd, &adopt);
  }

  result<tidings_published> publish(const publication &publication) const {
    return detail::get<tidings_published>(tidings_engine_publish, c(), &publication.c());
  }

  result<std::vector<tidings_published>> publish_all(const std::vector<publication> &all) const {
    return detail::published(all, [&](auto from, auto count, auto to) {
      return tidings_engine_publish_all(c(), from, count, to);
    });
  }

  result<tidings_published> post(const publication &publication, uint64_t tag = 0) const {
    return detail::get<tidings_published>(tidings_engine_post, c(), &publication.c(), tag);
  }

  result<std::vector<tidings_published>> post_all(const std::vector<publication> &all, uint64_t tag = 0) const {
    return detail::published(all, [&](auto from, auto count, auto to) {
      return tidings_engine_post_all(c(), from, count, tag, to);
    });
  }

  status subscribe(connection_id connection, std::string_view topic) const {
    return tidings_engine_subscribe(c(), connection, str(topic));
  }
  status unsubscribe(connection_id connection, std::string_view topic) const {
    return tidings_engine_unsubscribe(c(), connection, str(topic));
  }
  status renew(connection_id connection, uint64_t expires_ms, publication::texts grants) const {
    auto strs = detail::strs(grants);
    return tidings_engine_renew(c(), connection, expires_ms, strs.data(), strs.size());
  }
  status close(connection_id connection) const { return tidings_engine_close(c(), connection); }
  status drain(uint64_t over_ms) const { return tidings_engine_drain(c(), over_ms); }
  result<tidings::cursor> cursor() const { return detail::get<tidings::cursor>(tidings_engine_cursor, c()); }

  result<tidings_stats> stats() const {
    return detail::get<tidings_stats, sized<tidings_stats>>(tidings_engine_stats, c());
  }

  result<tidings_engine_output> poll_output() const {
    return detail::get<tidings_engine_output, sized<tidings_engine_output>>(tidings_engine_poll_output, c());
  }

  result<int> fd() const { return detail::get<int>(tidings_engine_fd, c()); }

  result<std::string> error() const {
    return detail::written<TIDINGS_ENGINE_ERROR_BYTES>([this](char *buffer, size_t size, size_t *len) {
      return tidings_engine_error(c(), buffer, size, len);
    });
  }

  result<uint64_t> error_retry_ms() const { return detail::get<uint64_t>(tidings_engine_error_retry_ms, c()); }

 private:
  using owner::owner;
};

}  // namespace tidings

#endif  // TIDINGS_HPP
