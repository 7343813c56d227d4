#include "rafthttp/http1/mux.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "rafthttp/base/check.h"

namespace rafthttp::http1 {

void Mux::Add(absl::string_view path, std::set<std::string> methods,
              Handler& handler) {
  CHECK(!is_serving_);
  CHECK(absl::StartsWith(path, "/"));
  routes_.insert_or_assign(std::string(path),
                           Route{std::move(methods), &handler});
}

const Mux::Route* Mux::Find(absl::string_view path) const {
  const auto exact = routes_.find(std::string(path));
  if (exact != routes_.end()) return &exact->second;
  // From the longest prefix that ends in a slash to the shortest.
  while (true) {
    path = path.substr(0, path.rfind('/') + 1);
    if (path.empty()) return nullptr;
    const auto found = routes_.find(std::string(path));
    if (found != routes_.end()) return &found->second;
    path.remove_suffix(1);
  }
}

void Mux::Serve(std::unique_ptr<Exchange> exchange) {
  is_serving_ = true;
  const std::string path(exchange->path());
  const Route* const route = Find(path);
  if (route == nullptr) {
    const std::string with_slash = absl::StrCat(path, "/");
    if (routes_.find(with_slash) != routes_.end()) {
      Headers headers;
      headers.Add("Location", with_slash);
      exchange->Respond(301, std::move(headers), "").IgnoreError();
      return;
    }
    exchange->RespondText(404, "404 page not found");
    return;
  }
  const std::string& method = exchange->head().method;
  const bool is_allowed = route->methods.empty() ||
                          route->methods.contains(method) ||
                          (method == "HEAD" && route->methods.contains("GET"));
  if (!is_allowed) {
    Headers headers;
    headers.Add("Allow", absl::StrJoin(route->methods, ", "));
    exchange->RespondText(405, "Method Not Allowed", std::move(headers));
    return;
  }
  route->handler->Serve(std::move(exchange));
}

}  // namespace rafthttp::http1
