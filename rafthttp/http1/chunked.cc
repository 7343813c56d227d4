#include "rafthttp/http1/chunked.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "rafthttp/http1/http_error.h"

namespace rafthttp::http1 {
namespace {

constexpr absl::string_view kCrlf = "\r\n";
constexpr absl::string_view kHexDigits = "0123456789abcdef";
// What fits uint64_t.
constexpr int kSizeDigitsMax = 16;

absl::Status Malformed(absl::string_view what, char got) {
  return MakeHttpError(
      HttpError::kMalformed,
      absl::StrCat("chunked body: ", what, ", not \"",
                   absl::CHexEscape(absl::string_view(&got, 1)), "\""));
}

absl::Status TooLarge(absl::string_view message) {
  return MakeHttpError(HttpError::kTooLarge,
                       absl::StrCat("chunked body: ", message));
}

// -1 if `c` is no hex digit.
int HexValue(char c) {
  const size_t value =
      kHexDigits.find(absl::ascii_tolower(static_cast<unsigned char>(c)));
  return value == absl::string_view::npos ? -1 : static_cast<int>(value);
}

}  // namespace

absl::StatusOr<absl::string_view> ChunkDecoder::Next(absl::string_view& input) {
  if (state_ == State::kFailed) return status_;
  while (!input.empty() && state_ != State::kDone) {
    if (state_ == State::kData) {
      const auto size =
          static_cast<size_t>(std::min<uint64_t>(chunk_bytes_, input.size()));
      const absl::string_view data = input.substr(0, size);
      input.remove_prefix(size);
      chunk_bytes_ -= size;
      if (chunk_bytes_ == 0) state_ = State::kDataCr;
      return data;
    }
    status_ = TakeByte(input.front());
    if (!status_.ok()) {
      state_ = State::kFailed;
      return status_;
    }
    input.remove_prefix(1);
  }
  return absl::string_view();
}

absl::Status ChunkDecoder::TakeByte(char c) {
  switch (state_) {
    case State::kSizeFirstDigit:
      chunk_bytes_ = 0;
      digits_ = 0;
      if (HexValue(c) < 0) return Malformed("expected a chunk's size", c);
      return TakeDigit(c);
    case State::kSize:
      if (c == '\r') {
        state_ = State::kSizeLf;
      } else if (c == ';') {
        extension_bytes_ = 0;
        state_ = State::kExtension;
      } else {
        return TakeDigit(c);
      }
      return absl::OkStatus();
    case State::kExtension:
      if (c == '\r') {
        state_ = State::kSizeLf;
        return absl::OkStatus();
      }
      if (c != '\t' && absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
        return Malformed("expected an extension", c);
      }
      if (++extension_bytes_ > limits_.chunk_extension_bytes_max) {
        return TooLarge(absl::StrCat(
            "an extension over ", limits_.chunk_extension_bytes_max, " bytes"));
      }
      return absl::OkStatus();
    case State::kSizeLf:
      if (c != '\n') return Malformed("expected LF after a size", c);
      state_ = chunk_bytes_ == 0 ? State::kTrailerStart : State::kData;
      return absl::OkStatus();
    case State::kDataCr:
      if (c != '\r') return Malformed("expected CRLF after a chunk", c);
      state_ = State::kDataLf;
      return absl::OkStatus();
    case State::kDataLf:
      if (c != '\n') return Malformed("expected LF after a chunk", c);
      state_ = State::kSizeFirstDigit;
      return absl::OkStatus();
    case State::kTrailerStart:
    case State::kTrailer:
    case State::kTrailerLf:
    case State::kFinalLf:
      return TakeTrailerByte(c);
    case State::kData:
    case State::kDone:
    case State::kFailed:
      break;
  }
  CHECK(false);
  return absl::InternalError("unreachable");
}

absl::Status ChunkDecoder::TakeDigit(char c) {
  const int value = HexValue(c);
  if (value < 0) return Malformed("expected a chunk's size", c);
  if (++digits_ > kSizeDigitsMax) {
    return TooLarge("a chunk's size of more than 16 digits");
  }
  chunk_bytes_ = chunk_bytes_ * 16 + static_cast<uint64_t>(value);
  if (chunk_bytes_ > limits_.chunk_bytes_max) {
    return TooLarge(absl::StrCat("a chunk over ", limits_.chunk_bytes_max,
                                 " bytes is announced"));
  }
  state_ = State::kSize;
  return absl::OkStatus();
}

absl::Status ChunkDecoder::TakeTrailerByte(char c) {
  if (++trailer_bytes_ > limits_.trailer_bytes_max) {
    return TooLarge(
        absl::StrCat("trailers over ", limits_.trailer_bytes_max, " bytes"));
  }
  switch (state_) {
    case State::kTrailerStart:
      state_ = c == '\r' ? State::kFinalLf : State::kTrailer;
      break;
    case State::kTrailer:
      if (c == '\r') {
        state_ = State::kTrailerLf;
        return absl::OkStatus();
      }
      break;
    case State::kTrailerLf:
      if (c != '\n') return Malformed("expected LF after a trailer", c);
      state_ = State::kTrailerStart;
      return absl::OkStatus();
    default:
      if (c != '\n') return Malformed("expected the final LF", c);
      state_ = State::kDone;
      return absl::OkStatus();
  }
  if (state_ == State::kTrailer && c != '\t' &&
      absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
    return Malformed("expected a trailer", c);
  }
  return absl::OkStatus();
}

void ChunkEncoder::Add(absl::string_view piece) {
  CHECK(!is_finished_);
  if (piece.empty()) return;
  buffers_.push_back(piece);
  data_bytes_ += piece.size();
}

absl::Span<const absl::string_view> ChunkEncoder::Finish() {
  CHECK(!is_finished_);
  is_finished_ = true;
  if (data_bytes_ == 0) return {};
  char* const end = prefix_.data() + prefix_.size();
  char* begin = end - kCrlf.size();
  std::copy(kCrlf.begin(), kCrlf.end(), begin);
  for (uint64_t rest = data_bytes_; rest != 0; rest /= 16) {
    *--begin = kHexDigits[rest % 16];
  }
  buffers_.front() = absl::string_view(begin, static_cast<size_t>(end - begin));
  buffers_.push_back(kCrlf);
  return buffers_;
}

void ChunkEncoder::Clear() {
  buffers_.assign(1, absl::string_view());
  data_bytes_ = 0;
  is_finished_ = false;
}

}  // namespace rafthttp::http1
