#include "rafthttp/http1/exchange.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace rafthttp::http1 {

absl::string_view Exchange::path() const {
  const absl::string_view target = head().target;
  return target.substr(0, target.find('?'));
}

absl::string_view Exchange::query() const {
  const absl::string_view target = head().target;
  const size_t mark = target.find('?');
  return mark == absl::string_view::npos ? absl::string_view()
                                         : target.substr(mark + 1);
}

void Exchange::RespondText(int status, absl::string_view text,
                           Headers headers) {
  headers.Set("Content-Type", "text/plain; charset=utf-8");
  headers.Set("X-Content-Type-Options", "nosniff");
  // Fails only for headers that cannot be written, which are then the caller's
  // mistake; the connection is closed when the exchange goes.
  Respond(status, std::move(headers), absl::StrCat(text, "\n")).IgnoreError();
}

absl::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Request Entity Too Large";
    case 414:
      return "Request URI Too Long";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

}  // namespace rafthttp::http1
