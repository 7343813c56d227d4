#ifndef TOOLS_RAFTHTTPCTL_PEER_DIAL_H_
#define TOOLS_RAFTHTTPCTL_PEER_DIAL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/stream/stream_kind.h"
#include "rafthttp/stream/stream_reader.h"
#include "tools/rafthttpctl/exit_code.h"
#include "tools/rafthttpctl/peer_api.h"
#include "tools/rafthttpctl/stream_preflight.h"

namespace rafthttpctl {

// Looks at one peer port: resolves and connects, asks for /version, /members
// and /raft/probing and, if wanted, how it answers to a stream.
//
// The clock offset is the peer's clock minus ours. The peer read its clock at
// some moment of the round trip, so that the offset is known to half of it.
//
// Threads: loop-confined. Lifetime: destroying it cancels it.
class PeerDial final : private rafthttp::StreamReader::Events {
 public:
  struct Options {
    // `url` and `timeout` are always needed, the rest only with `stream`.
    StreamPreflight::Options target;
    std::optional<rafthttp::StreamKind> stream;
  };
  // What came of it.
  struct Report {
    // As printed with -w json.
    nlohmann::ordered_json json;
    // What is wrong, a line each; empty if nothing is.
    std::vector<std::string> problems;
    ExitCode code = ExitCode::kDone;
    // What it said, as far as it did.
    std::optional<PeerMembers> members;
    std::optional<PeerVersion> version;
    std::optional<absl::Duration> round_trip;
    absl::Duration clock_offset;  // its clock minus ours, to half a round trip
  };

  // `loop` and `connector` must outlive it.
  PeerDial(rafthttp::event::EventLoop& loop,
           rafthttp::event::Connector& connector, Options options);
  ~PeerDial();

  // `on_report` runs once, in a later turn, and may destroy this.
  void Start(absl::AnyInvocable<void(Report)> on_report);

 private:
  using Response = rafthttp::http1::Response;

  void OnConnected(
      absl::StatusOr<std::unique_ptr<rafthttp::event::ByteStream>> stream);
  void OnVersion(const absl::StatusOr<Response>& response);
  void OnMembers(const absl::StatusOr<Response>& response);
  void Probe();
  void OnProbe(const absl::StatusOr<Response>& response, absl::Time wall_time);
  void OpenStream();
  void Problem(ExitCode code, std::string text);
  void Finish();

  void OnStreamOpened(rafthttp::StreamReader& reader,
                      const rafthttp::StreamReader::Opened& opened) override;
  void OnStreamMessage(rafthttp::StreamReader& reader,
                       const rafthttp::codec::MessageView& message) override;
  void OnStreamLinkHeartbeat(rafthttp::StreamReader& reader) override;
  void OnStreamClosed(rafthttp::StreamReader& reader,
                      const rafthttp::StreamReader::Closed& closed) override;

  rafthttp::event::EventLoop& loop_;
  rafthttp::event::Connector& connector_;
  const Options options_;
  rafthttp::http1::Client client_;
  std::unique_ptr<rafthttp::event::Connector::Attempt> attempt_;
  std::unique_ptr<rafthttp::http1::Client::Call> call_;
  absl::AnyInvocable<void(Report)> on_report_;
  Report report_;
  absl::Time started_at_;
  int probes_left_ = 0;
  std::optional<absl::Duration> round_trip_;
  absl::Duration clock_offset_;

  std::optional<StreamPreflight> preflight_;
  StreamPreflight::Cleared target_;
  rafthttp::UrlPicker picker_;
  std::unique_ptr<rafthttp::StreamReader> reader_;
  std::unique_ptr<rafthttp::event::Timer> finish_timer_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_PEER_DIAL_H_
