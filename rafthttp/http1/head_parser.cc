#include "rafthttp/http1/head_parser.h"

#include <http_parser.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "rafthttp/http1/framing.h"
#include "rafthttp/http1/headers.h"
#include "rafthttp/http1/http_error.h"

namespace rafthttp::http1 {
namespace {

constexpr absl::string_view kResponsePrefix = "HTTP/";
// How much of what is not HTTP an error quotes.
constexpr size_t kQuotedBytes = 16;

absl::Status Malformed(absl::string_view message) {
  return MakeHttpError(HttpError::kMalformed, message);
}

absl::Status TooLarge(absl::string_view what, size_t bytes_max) {
  return MakeHttpError(HttpError::kTooLarge,
                       absl::StrCat(what, " over ", bytes_max, " bytes"));
}

absl::Status LooksLikeHttp2() {
  return MakeHttpError(HttpError::kNotHttp,
                       "not HTTP/1: looks like HTTP/2 (gRPC)");
}

// Names what speaks on the other side, judged by the first bytes it sent.
absl::Status NotHttp(absl::string_view bytes) {
  const auto first = static_cast<unsigned char>(bytes.front());
  // A TLS record begins with its type, 20 (change_cipher_spec) to 23.
  if (first >= 20 && first <= 23) {
    return MakeHttpError(
        HttpError::kLooksLikeTls,
        "not HTTP: looks like TLS; the port speaks https, not http");
  }
  if (absl::StartsWith(bytes, "SSH-")) {
    return MakeHttpError(HttpError::kNotHttp, "not HTTP: an SSH server");
  }
  // A SETTINGS frame, with which an HTTP/2 server opens: three bytes of length,
  // type 4.
  const bool is_settings =
      bytes.size() >= 4 && first == 0 && bytes[1] == 0 && bytes[3] == 4;
  if (is_settings) return LooksLikeHttp2();
  return MakeHttpError(
      HttpError::kNotHttp,
      absl::StrCat("not HTTP: it begins with \"",
                   absl::CHexEscape(bytes.substr(0, kQuotedBytes)), "\""));
}

}  // namespace

// Lines are found here, and so is the end of the head; http-parser, which is
// lenient about both, sees only bytes that passed.
class HeadParser::Machine {
 public:
  Machine(Kind kind, const Limits& limits) : kind_(kind), limits_(limits) {
    Reset(/*answers_head_request=*/false);
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void Reset(bool answers_head_request) {
    http_parser_init(&parser_,
                     kind_ == Kind::kRequest ? HTTP_REQUEST : HTTP_RESPONSE);
    parser_.data = this;
    answers_head_request_ = answers_head_request;
    state_ = State::kReading;
    prefix_.clear();
    head_bytes_ = line_bytes_ = lines_ = 0;
    previous_ = '\0';
    name_.clear();
    value_.clear();
    is_in_value_ = is_complete_ = false;
    callback_status_ = absl::OkStatus();
    target_.clear();
    reason_.clear();
    headers_ = Headers();
    framing_ = Framing();
  }

  absl::StatusOr<size_t> Consume(absl::string_view bytes) {
    CHECK(state_ != State::kFailed);
    if (state_ == State::kDone || bytes.empty()) return 0;
    absl::StatusOr<size_t> result = ConsumeSome(bytes);
    if (!result.ok()) state_ = State::kFailed;
    return result;
  }

  bool is_done() const { return state_ == State::kDone; }
  size_t head_bytes() const { return head_bytes_; }

  RequestHead TakeRequest() {
    CHECK(kind_ == Kind::kRequest);
    CHECK(is_done());
    return {.method = http_method_str(static_cast<http_method>(parser_.method)),
            .target = std::move(target_),
            .minor_version = parser_.http_minor,
            .headers = std::move(headers_),
            .framing = framing_};
  }

  ResponseHead TakeResponse() {
    CHECK(kind_ == Kind::kResponse);
    CHECK(is_done());
    return {.status = static_cast<int>(parser_.status_code),
            .reason = std::move(reason_),
            .minor_version = parser_.http_minor,
            .headers = std::move(headers_),
            .framing = framing_};
  }

 private:
  enum class State { kReading, kDone, kFailed };

  absl::StatusOr<size_t> ConsumeSome(absl::string_view bytes) {
    if (absl::Status status = CheckPrefix(bytes); !status.ok()) return status;
    size_t taken = 0;
    bool is_end = false;
    const absl::Status line_status = ScanLines(bytes, taken, is_end);
    // Even if the scan failed: a fault in the bytes before comes first, so that
    // an error does not depend on how the bytes were split.
    absl::Status status = Execute(bytes.substr(0, taken));
    if (!status.ok()) return status;
    if (!line_status.ok()) return line_status;
    if (is_end) {
      status = Complete();
      if (!status.ok()) return status;
      state_ = State::kDone;
    }
    return taken;
  }

  // Fails as soon as the first bytes cannot begin a head.
  absl::Status CheckPrefix(absl::string_view bytes) {
    if (prefix_.size() >= kQuotedBytes) return absl::OkStatus();
    const size_t known = prefix_.size();
    prefix_.append(bytes.data(), std::min(bytes.size(), kQuotedBytes - known));
    if (kind_ == Kind::kResponse) {
      const size_t n = std::min(prefix_.size(), kResponsePrefix.size());
      if (prefix_.substr(0, n) != kResponsePrefix.substr(0, n)) {
        return NotHttp(prefix_);
      }
    } else if (!absl::ascii_isupper(
                   static_cast<unsigned char>(prefix_.front()))) {
      return NotHttp(prefix_);
    }
    return absl::OkStatus();
  }

  // Counts `taken` up to and including the end of the head, or up to the first
  // byte that breaks the rules of lines.
  absl::Status ScanLines(absl::string_view bytes, size_t& taken, bool& is_end) {
    for (char c : bytes) {
      if (head_bytes_ == limits_.head_bytes_max) {
        return TooLarge("a head", limits_.head_bytes_max);
      }
      if (c == '\n') {
        if (previous_ != '\r') return Malformed("a line without CR");
        is_end = line_bytes_ == 1;
        line_bytes_ = 0;
        ++lines_;
      } else {
        if (previous_ == '\r') return Malformed("a CR without LF");
        if (line_bytes_ == 0 && lines_ > 0 && (c == ' ' || c == '\t')) {
          return Malformed("a header folded over two lines");
        }
        if (c == ' ' && previous_ == ' ' && AreBlanksSingle()) {
          return Malformed("two blanks in the first line");
        }
        ++line_bytes_;
      }
      previous_ = c;
      ++head_bytes_;
      ++taken;
      if (is_end) return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  // In the first line, up to a response's reason: "HTTP/1.1 200 any  words".
  bool AreBlanksSingle() const {
    constexpr size_t kStatusOffset = 9;
    return lines_ == 0 &&
           (kind_ == Kind::kRequest || line_bytes_ <= kStatusOffset);
  }

  absl::Status Execute(absl::string_view bytes) {
    if (bytes.empty()) return absl::OkStatus();
    static constexpr http_parser_settings kSettings = {
        .on_message_begin = nullptr,
        .on_url = &Machine::OnUrl,
        .on_status = &Machine::OnReason,
        .on_header_field = &Machine::OnHeaderField,
        .on_header_value = &Machine::OnHeaderValue,
        .on_headers_complete = &Machine::OnHeadersComplete,
        .on_body = nullptr,
        .on_message_complete = nullptr,
        .on_chunk_header = nullptr,
        .on_chunk_complete = nullptr,
    };
    http_parser_execute(&parser_, &kSettings, bytes.data(), bytes.size());
    if (!callback_status_.ok()) return callback_status_;
    switch (HTTP_PARSER_ERRNO(&parser_)) {
      case HPE_OK:
      case HPE_PAUSED:  // by OnHeadersComplete
        return absl::OkStatus();
      case HPE_UNEXPECTED_CONTENT_LENGTH:
        return MakeHttpError(HttpError::kBadFraming,
                             parser_.uses_transfer_encoding
                                 ? "both Content-Length and Transfer-Encoding"
                                 : "more than one Content-Length");
      case HPE_INVALID_CONTENT_LENGTH:
        return MakeHttpError(HttpError::kBadFraming,
                             "a Content-Length that is not a length");
      case HPE_HEADER_OVERFLOW:
        return TooLarge("a head", HTTP_MAX_HEADER_SIZE);
      case HPE_INVALID_METHOD:
        // An HTTP/2 client opens with "PRI * HTTP/2.0".
        if (absl::StartsWith(prefix_, "PRI")) return LooksLikeHttp2();
        return Malformed(absl::StrCat("an unknown method: \"",
                                      absl::CHexEscape(prefix_), "\""));
      default:
        return Malformed(
            absl::StrCat(http_errno_description(HTTP_PARSER_ERRNO(&parser_)),
                         " in line ", lines_ + 1));
    }
  }

  // Judges the whole head, all of whose bytes http-parser has seen.
  absl::Status Complete() {
    if (!is_complete_) return Malformed("a head that ends too early");
    if (parser_.http_major != 1 || parser_.http_minor > 1) {
      return Malformed(absl::StrCat("HTTP/", parser_.http_major, ".",
                                    parser_.http_minor, ", not HTTP/1.1"));
    }
    absl::StatusOr<Framing> framing;
    if (kind_ == Kind::kResponse) {
      if (parser_.status_code < 100 || parser_.status_code > 999) {
        return Malformed(absl::StrCat("a status of ", parser_.status_code + 0));
      }
      if (!IsFieldValue(reason_)) {
        return Malformed("control characters in the reason");
      }
      framing =
          ResponseFraming(static_cast<int>(parser_.status_code),
                          parser_.http_minor, headers_, answers_head_request_);
    } else {
      // http-parser takes "ICE/1.0" for a version after this method.
      if (parser_.method == HTTP_SOURCE) return Malformed("method SOURCE");
      if (!std::all_of(target_.begin(), target_.end(), [](unsigned char c) {
            return absl::ascii_isgraph(c);
          })) {
        return Malformed("control characters in the target");
      }
      framing = RequestFraming(parser_.http_minor, headers_);
    }
    if (!framing.ok()) return framing.status();
    framing_ = *framing;
    return absl::OkStatus();
  }

  absl::Status FinishHeader() {
    if (!is_in_value_) return absl::OkStatus();
    is_in_value_ = false;
    if (headers_.size() == limits_.headers_max) {
      return MakeHttpError(
          HttpError::kTooLarge,
          absl::StrCat("more than ", limits_.headers_max, " headers"));
    }
    if (!IsToken(name_)) {
      return Malformed(absl::StrCat("\"", absl::CHexEscape(name_),
                                    "\" is not a header name"));
    }
    const absl::string_view value = absl::StripAsciiWhitespace(value_);
    if (!IsFieldValue(value)) {
      return Malformed(absl::StrCat("control characters in header ", name_));
    }
    headers_.Add(name_, value);
    name_.clear();
    value_.clear();
    return absl::OkStatus();
  }

  absl::Status HeaderField(absl::string_view piece) {
    if (absl::Status status = FinishHeader(); !status.ok()) return status;
    if (piece.size() > limits_.header_name_bytes_max - name_.size()) {
      return TooLarge("a header name", limits_.header_name_bytes_max);
    }
    name_.append(piece.data(), piece.size());
    return absl::OkStatus();
  }

  absl::Status HeaderValue(absl::string_view piece) {
    is_in_value_ = true;
    if (piece.size() > limits_.header_value_bytes_max - value_.size()) {
      return TooLarge(absl::StrCat("the value of ", absl::CHexEscape(name_)),
                      limits_.header_value_bytes_max);
    }
    value_.append(piece.data(), piece.size());
    return absl::OkStatus();
  }

  // A callback's result for http-parser: anything but 0 stops it.
  static int Keep(http_parser* parser, absl::Status status) {
    auto* machine = static_cast<Machine*>(parser->data);
    machine->callback_status_ = std::move(status);
    return machine->callback_status_.ok() ? 0 : -1;
  }
  static Machine& Self(http_parser* parser) {
    return *static_cast<Machine*>(parser->data);
  }

  static int OnUrl(http_parser* parser, const char* at, size_t size) {
    Machine& self = Self(parser);
    if (size > self.limits_.target_bytes_max - self.target_.size()) {
      return Keep(parser, TooLarge("a target", self.limits_.target_bytes_max));
    }
    self.target_.append(at, size);
    return 0;
  }
  static int OnReason(http_parser* parser, const char* at, size_t size) {
    Self(parser).reason_.append(at, size);  // within head_bytes_max
    return 0;
  }
  static int OnHeaderField(http_parser* parser, const char* at, size_t size) {
    return Keep(parser, Self(parser).HeaderField({at, size}));
  }
  static int OnHeaderValue(http_parser* parser, const char* at, size_t size) {
    return Keep(parser, Self(parser).HeaderValue({at, size}));
  }
  static int OnHeadersComplete(http_parser* parser) {
    Machine& self = Self(parser);
    if (int stop = Keep(parser, self.FinishHeader()); stop != 0) return stop;
    self.is_complete_ = true;
    // Otherwise it would judge the framing too, which is Complete's to do.
    http_parser_pause(parser, 1);
    return 0;
  }

  const Kind kind_;
  const Limits limits_;
  http_parser parser_;
  State state_ = State::kReading;
  bool answers_head_request_ = false;

  std::string prefix_;        // the first kQuotedBytes
  size_t head_bytes_ = 0;     // taken in all
  size_t line_bytes_ = 0;     // of the line under way, its CR included
  size_t lines_ = 0;          // complete ones
  char previous_ = '\0';      // the byte before
  bool is_complete_ = false;  // http-parser agrees that the head has ended
  absl::Status callback_status_;

  std::string name_;
  std::string value_;
  bool is_in_value_ = false;

  std::string target_;
  std::string reason_;
  Headers headers_;
  Framing framing_;
};

HeadParser::HeadParser(Kind kind, const Limits& limits)
    : machine_(std::make_unique<Machine>(kind, limits)) {}
HeadParser::HeadParser(HeadParser&&) noexcept = default;
HeadParser& HeadParser::operator=(HeadParser&&) noexcept = default;
HeadParser::~HeadParser() = default;

void HeadParser::Reset(bool answers_head_request) {
  machine_->Reset(answers_head_request);
}
absl::StatusOr<size_t> HeadParser::Consume(absl::string_view bytes) {
  return machine_->Consume(bytes);
}
bool HeadParser::is_done() const { return machine_->is_done(); }
size_t HeadParser::head_bytes() const { return machine_->head_bytes(); }
RequestHead HeadParser::TakeRequest() { return machine_->TakeRequest(); }
ResponseHead HeadParser::TakeResponse() { return machine_->TakeResponse(); }

}  // namespace rafthttp::http1
