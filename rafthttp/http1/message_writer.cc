#include "rafthttp/http1/message_writer.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "rafthttp/http1/framing.h"

namespace rafthttp::http1 {
namespace {

// Appends the header lines and the empty line to `head`.
absl::StatusOr<std::string> WithHeaders(std::string head,
                                        const Headers& headers) {
  if (absl::Status status = headers.Validate(); !status.ok()) return status;
  // A request's rules say all that the headers alone can get wrong.
  const auto framing = RequestFraming(/*minor_version=*/1, headers);
  if (!framing.ok()) {
    return absl::InvalidArgumentError(framing.status().message());
  }
  for (const Header& header : headers) {
    absl::StrAppend(&head, header.name, ": ", header.value, "\r\n");
  }
  head += "\r\n";
  return head;
}

}  // namespace

absl::StatusOr<std::string> WriteRequestHead(absl::string_view method,
                                             absl::string_view target,
                                             const Headers& headers) {
  if (!IsToken(method)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", absl::CHexEscape(method), "\" is not a method"));
  }
  const bool is_target =
      !target.empty() &&
      std::all_of(target.begin(), target.end(),
                  [](unsigned char c) { return absl::ascii_isgraph(c); });
  if (!is_target) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", absl::CHexEscape(target), "\" is not a request target"));
  }
  return WithHeaders(absl::StrCat(method, " ", target, " HTTP/1.1\r\n"),
                     headers);
}

absl::StatusOr<std::string> WriteResponseHead(int status,
                                              absl::string_view reason,
                                              const Headers& headers) {
  if (status < 100 || status > 999) {
    return absl::InvalidArgumentError(
        absl::StrCat(status, " is not an HTTP status"));
  }
  if (!IsFieldValue(reason)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", absl::CHexEscape(reason), "\" is not a reason phrase"));
  }
  return WithHeaders(absl::StrCat("HTTP/1.1 ", status, " ", reason, "\r\n"),
                     headers);
}

}  // namespace rafthttp::http1
