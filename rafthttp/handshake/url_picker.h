#ifndef RAFTHTTP_HANDSHAKE_URL_PICKER_H_
#define RAFTHTTP_HANDSHAKE_URL_PICKER_H_

#include <cstddef>
#include <vector>

#include "rafthttp/http1/url.h"

namespace rafthttp {

// Which of a peer's URLs to use: one is picked until somebody reports it
// unreachable, then the next one is. Everything that talks to one peer shares
// one picker, so that all move on together (etcd's urlPicker).
//
// Not thread-safe.
class UrlPicker {
 public:
  // `urls` must not be empty; they are tried in the order of their text.
  explicit UrlPicker(std::vector<http1::Url> urls);

  // Starts anew with other URLs. Open connections are not touched.
  void Update(std::vector<http1::Url> urls);

  const http1::Url& Pick() const { return urls_[picked_]; }
  // Whether there is another one to move on to.
  bool has_others() const { return urls_.size() > 1; }
  // Moves on if `url` is the one that is picked; an older report changes
  // nothing.
  void ReportUnreachable(const http1::Url& url);

 private:
  std::vector<http1::Url> urls_;
  size_t picked_ = 0;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_HANDSHAKE_URL_PICKER_H_
