#include "rafthttp/http1/request.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "rafthttp/http1/message_writer.h"

namespace rafthttp::http1 {

absl::StatusOr<std::string> RequestHeadBytes(const Request& request) {
  for (const char* name : {"Content-Length", "Transfer-Encoding"}) {
    if (request.headers.Has(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("header ", name, " is not the caller's to set"));
    }
  }
  Headers headers;
  if (!request.headers.Has("Host")) {
    headers.Add("Host", request.url.Authority());
  }
  for (const Header& header : request.headers) {
    headers.Add(header.name, header.value);
  }
  if (request.is_upload) {
    headers.Add("Transfer-Encoding", "chunked");
    return WriteRequestHead(
        request.method, request.url.target.empty() ? "/" : request.url.target,
        headers);
  }
  // A GET without a body has no length; a POST without one has length 0.
  if (!request.body.empty() || request.method == "POST" ||
      request.method == "PUT" || request.method == "PATCH") {
    headers.Add("Content-Length", absl::StrCat(request.body.size()));
  }
  const std::string& target = request.url.target;
  return WriteRequestHead(request.method, target.empty() ? "/" : target,
                          headers);
}

}  // namespace rafthttp::http1
