#include "rafthttp/event/uv_status.h"

#include <uv.h>

#include <array>

#include "absl/strings/str_cat.h"
#include "rafthttp/event/io_status.h"

namespace rafthttp::event {
namespace {

IoCause CauseOf(int err) {
  switch (err) {
    case UV_EAI_ADDRFAMILY:
    case UV_EAI_AGAIN:
    case UV_EAI_FAIL:
    case UV_EAI_NODATA:
    case UV_EAI_NONAME:
    case UV_EAI_SERVICE:
      return IoCause::kNotResolved;
    case UV_ECONNREFUSED:
      return IoCause::kRefused;
    case UV_EADDRNOTAVAIL:  // such as ::1 on a host without IPv6
    case UV_EHOSTDOWN:
    case UV_EHOSTUNREACH:
    case UV_ENETDOWN:
    case UV_ENETUNREACH:
      return IoCause::kUnreachable;
    case UV_ECONNABORTED:
    case UV_ECONNRESET:
    case UV_EPIPE:
      return IoCause::kReset;
    case UV_ETIMEDOUT:
      return IoCause::kTimedOut;
    case UV_EAI_CANCELED:
    case UV_ECANCELED:
      return IoCause::kCancelled;
    default:
      return IoCause::kOther;
  }
}

}  // namespace

absl::Status StatusFromUv(int err, absl::string_view op) {
  if (err >= 0) return absl::OkStatus();
  // uv_strerror would leak a string for each code that it does not know.
  std::array<char, 128> text;
  uv_strerror_r(err, text.data(), text.size());
  return IoError(CauseOf(err), absl::StrCat(op, ": ", text.data()));
}

}  // namespace rafthttp::event
