#ifndef RAFTHTTP_HTTP1_MUX_H_
#define RAFTHTTP_HTTP1_MUX_H_

#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/string_view.h"
#include "rafthttp/http1/exchange.h"
#include "rafthttp/http1/handler.h"

namespace rafthttp::http1 {

// Gives each request to the handler of its path, as Go's ServeMux does.
//
//   "/raft"          that path alone
//   "/raft/stream/"  what begins so; the longest such route wins
//
// Another path is answered with 404. One that lacks only the slash of a route
// is sent there by 301. A method that the route does not list is answered with
// 405 and Allow, before anything else is looked at; HEAD goes where GET does.
//
// Threads: loop-confined once it serves. Lifetime: handlers must outlive it.
class Mux final : public Handler {
 public:
  // A route for these methods; for all of them if the set is empty. A route
  // that is there is replaced. Only before the first Serve.
  void Add(absl::string_view path, std::set<std::string> methods,
           Handler& handler);

  void Serve(std::unique_ptr<Exchange> exchange) override;

 private:
  struct Route {
    std::set<std::string> methods;
    Handler* handler;
  };

  const Route* Find(absl::string_view path) const;

  std::map<std::string, Route, std::less<>> routes_;
  bool is_serving_ = false;
};

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_MUX_H_
