#ifndef TOOLS_RAFTHTTPCTL_TESTING_FAKE_PEER_H_
#define TOOLS_RAFTHTTPCTL_TESTING_FAKE_PEER_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/http1/url.h"

namespace rafthttpctl {

// A peer port on loopback whose answers a test decides, byte for byte. What it
// has no answer for gets etcd's 404.
//
// Threads: loop-confined.
class FakePeer {
 public:
  // Cluster 15f22ffeda2243cf, member 1.
  static constexpr char kCluster[] = "15f22ffeda2243cf";

  // `loop` must outlive the peer.
  explicit FakePeer(rafthttp::event::UvLoop& loop);
  ~FakePeer();

  // "http://127.0.0.1:PORT".
  const rafthttp::http1::Url& url() const { return url_; }

  // Answers GETs of `path` with these bytes, or what the function makes.
  void Answer(const std::string& path, std::function<std::string()> answer);
  void Answer(const std::string& path, const std::string& bytes);
  // 200 with `body`, and the cluster's ID.
  void AnswerOk(const std::string& path, const std::string& body);
  // /version and /raft/probing as etcd 3.4.23 has them, and /members with
  // itself as member 1 and the elements of `others` behind it.
  void BeEtcd(const std::string& others);
  // Sent to whoever connects, before anything is asked.
  void set_greeting(std::string greeting) { greeting_ = std::move(greeting); }
  // Closes instead of answering.
  void set_hangs_up(bool hangs_up) { hangs_up_ = hangs_up; }
  // Says nothing.
  void set_is_silent(bool is_silent) { is_silent_ = is_silent; }

  // The heads of all requests so far, in order.
  const std::vector<std::string>& requests() const { return requests_; }
  // How many of them begin with "GET `prefix`".
  size_t CountOf(absl::string_view prefix) const;

 private:
  class Connection;

  std::string AnswerTo(const std::string& head);

  rafthttp::http1::Url url_;
  std::map<std::string, std::function<std::string()>> answers_;
  std::string greeting_;
  bool hangs_up_ = false;
  bool is_silent_ = false;
  std::vector<std::string> requests_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::unique_ptr<rafthttp::event::Listener> listener_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_TESTING_FAKE_PEER_H_
