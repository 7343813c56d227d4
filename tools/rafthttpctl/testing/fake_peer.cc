#include "tools/rafthttpctl/testing/fake_peer.h"

#include <list>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "rafthttp/base/check.h"
#include "rafthttp/event/uv_listener.h"

namespace rafthttpctl {

using rafthttp::event::ByteStream;
using rafthttp::event::UvListener;

class FakePeer::Connection final : private ByteStream::Reader {
 public:
  Connection(FakePeer& peer, std::unique_ptr<ByteStream> stream)
      : peer_(peer), stream_(std::move(stream)) {
    if (!peer_.greeting_.empty()) Send(peer_.greeting_);
    stream_->StartReading(*this);
  }

 private:
  void Send(std::string bytes) {
    sent_.push_back(std::move(bytes));
    const absl::string_view view = sent_.back();
    stream_->Write(absl::MakeConstSpan(&view, 1), [](absl::Status) {});
  }

  void OnBytes(absl::string_view bytes) override {
    absl::StrAppend(&received_, bytes);
    for (size_t end = received_.find("\r\n\r\n"); end != received_.npos;
         end = received_.find("\r\n\r\n")) {
      const std::string head = received_.substr(0, end);
      received_.erase(0, end + 4);
      peer_.requests_.push_back(head);
      if (peer_.hangs_up_) {
        stream_.reset();
        return;
      }
      if (!peer_.is_silent_) Send(peer_.AnswerTo(head));
    }
  }
  void OnEnd(absl::Status) override { stream_.reset(); }

  FakePeer& peer_;
  std::list<std::string> sent_;
  std::string received_;
  std::unique_ptr<ByteStream> stream_;
};

FakePeer::FakePeer(rafthttp::event::UvLoop& loop) {
  auto listener = UvListener::Listen(
      loop, {"127.0.0.1", 0}, {}, [this](std::unique_ptr<ByteStream> stream) {
        connections_.push_back(
            std::make_unique<Connection>(*this, std::move(stream)));
      });
  CHECK(listener.ok());
  listener_ = *std::move(listener);
  url_ = *rafthttp::http1::ParsePeerUrl(
      absl::StrCat("http://127.0.0.1:", listener_->port()));
}

FakePeer::~FakePeer() = default;

void FakePeer::Answer(const std::string& path,
                      std::function<std::string()> answer) {
  answers_[path] = std::move(answer);
}

void FakePeer::Answer(const std::string& path, const std::string& bytes) {
  Answer(path, [bytes] { return bytes; });
}

void FakePeer::AnswerOk(const std::string& path, const std::string& body) {
  Answer(path,
         absl::StrCat("HTTP/1.1 200 OK\r\nX-Etcd-Cluster-Id: ", kCluster,
                      "\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
}

void FakePeer::BeEtcd(const std::string& others) {
  AnswerOk("/version", R"({"etcdserver":"3.4.23","etcdcluster":"3.4.0"})");
  AnswerOk("/members", absl::StrCat(R"([{"id":1,"name":"m1","peerURLs":[")",
                                    url_.ToString(), R"("],"clientURLs":[]})",
                                    others.empty() ? "" : ",", others, "]\n"));
  Answer("/raft/probing", [] {
    const std::string body = absl::StrCat(
        R"({"OK":true,"Now":")",
        absl::FormatTime(absl::RFC3339_full, absl::Now(), absl::UTCTimeZone()),
        "\"}\n");
    return absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", body.size(),
                        "\r\n\r\n", body);
  });
}

size_t FakePeer::CountOf(absl::string_view prefix) const {
  size_t count = 0;
  for (const std::string& head : requests_) {
    if (absl::StartsWith(head, absl::StrCat("GET ", prefix))) ++count;
  }
  return count;
}

std::string FakePeer::AnswerTo(const std::string& head) {
  const size_t from = head.find(' ') + 1;
  const auto found =
      answers_.find(head.substr(from, head.find(' ', from) - from));
  if (found != answers_.end()) return found->second();
  return "HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\n\r\n"
         "404 page not found\n";
}

}  // namespace rafthttpctl
