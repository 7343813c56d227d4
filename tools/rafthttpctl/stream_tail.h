#ifndef TOOLS_RAFTHTTPCTL_STREAM_TAIL_H_
#define TOOLS_RAFTHTTPCTL_STREAM_TAIL_H_

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/stream/stream_kind.h"
#include "rafthttp/stream/stream_reader.h"
#include "raftpb/raft.pb.h"
#include "tools/rafthttpctl/stream_events.h"
#include "tools/rafthttpctl/stream_preflight.h"
#include "tools/rafthttpctl/tail_session.h"
#include "tools/rafthttpctl/tail_source.h"

namespace rafthttpctl {

// The source behind `tail --stream URL --id HEX`: what the member at URL would
// send to HEX.
//
// First StreamPreflight, which may refuse; then the streams are kept open. One
// that cannot be opened at first ends the tail, one that breaks later is
// dialled again.
class StreamTail final : public TailSource,
                         private rafthttp::StreamReader::Events {
 public:
  struct Options {
    StreamPreflight::Options target;
    std::vector<rafthttp::StreamKind> kinds;
    bool shows_link_heartbeats = false;
    bool wants_raw = false;
  };

  // `session` must outlive the source.
  StreamTail(TailSession& session, Options options);
  ~StreamTail() override;

  void Start(absl::AnyInvocable<void(ExitCode)> on_end) override;
  void Stop(absl::AnyInvocable<void(ExitCode)> on_stopped) override;
  void set_is_paused(bool is_paused) override;
  ExitCode PatienceLost() const override;

 private:
  // rafthttp::StreamReader::Events:
  void OnStreamOpened(rafthttp::StreamReader& reader,
                      const rafthttp::StreamReader::Opened& opened) override;
  void OnStreamMessage(rafthttp::StreamReader& reader,
                       const rafthttp::codec::MessageView& message) override;
  void OnStreamLinkHeartbeat(rafthttp::StreamReader& reader) override;
  void OnStreamClosed(rafthttp::StreamReader& reader,
                      const rafthttp::StreamReader::Closed& closed) override;

  void Dial();
  void Show(rafthttp::StreamKind kind, const raftpb::Message& message,
            size_t bytes, absl::string_view raw);
  // Ends with what was said.
  void End(ExitCode code);

  TailSession& session_;
  const Options options_;
  rafthttp::event::UvConnector connector_;
  rafthttp::http1::Client client_;
  absl::AnyInvocable<void(ExitCode)> on_end_;
  ExitCode end_code_ = ExitCode::kDone;
  std::unique_ptr<rafthttp::event::Timer> end_timer_;
  std::unique_ptr<rafthttp::event::Timer> dial_timer_;

  std::optional<StreamPreflight> preflight_;
  // Of the addressees, the first that is not refused is the one.
  StreamPreflight::Cleared target_;
  rafthttp::UrlPicker picker_;
  std::vector<std::unique_ptr<rafthttp::StreamReader>> readers_;
  StreamEvents events_;
  std::set<rafthttp::StreamKind> opened_;
  std::optional<ExitCode> last_failure_;
  bool is_paused_ = false;
};

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_STREAM_TAIL_H_
