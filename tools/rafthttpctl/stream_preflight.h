#ifndef TOOLS_RAFTHTTPCTL_STREAM_PREFLIGHT_H_
#define TOOLS_RAFTHTTPCTL_STREAM_PREFLIGHT_H_

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/url.h"
#include "tools/rafthttpctl/exit_code.h"

namespace rafthttpctl {

// What must be known before a stream is asked for in another member's name, and
// whether that would do harm.
//
// A peer serves one stream of a kind to a member at a time: asking for it takes
// it from that member while it is up. So the member must be down, which it is
// if no peer URL of it answers, or stealing must be asked for. One whose peer
// URL cannot be probed (https, unix) is not known to be down.
//
// In order: /members (who is there, which cluster), /version (what to claim),
// /raft/probing of the member.
//
// Threads: loop-confined. Lifetime: destroying it cancels it.
class StreamPreflight {
 public:
  struct Options {
    rafthttp::http1::Url url;
    // On whose behalf.
    rafthttp::MemberId id;
    // The addressee, if it is known.
    std::optional<rafthttp::MemberId> peer;
    std::optional<rafthttp::ClusterId> cluster;
    bool steals = false;
    absl::Duration timeout = absl::Seconds(10);
  };
  struct Cleared {
    rafthttp::Identity identity;
    // Who may be at the URL, most likely first; never empty.
    std::vector<rafthttp::MemberId> addressees;
  };
  struct Refused {
    ExitCode code = ExitCode::kCheckFailed;
    std::string why;
  };
  using Result = std::variant<Cleared, Refused>;

  // `client` must outlive the preflight.
  StreamPreflight(rafthttp::http1::Client& client, Options options);

  // `on_result` runs once, in a later turn, and may destroy the preflight.
  void Start(absl::AnyInvocable<void(Result)> on_result);

 private:
  using Response = rafthttp::http1::Response;

  void OnMembers(const absl::StatusOr<Response>& response);
  void OnVersion(const absl::StatusOr<Response>& response);
  void ProbeNext();
  void Clear();
  void Refuse(ExitCode code, std::string why);

  rafthttp::http1::Client& client_;
  const Options options_;
  absl::AnyInvocable<void(Result)> on_result_;
  std::unique_ptr<rafthttp::http1::Client::Call> call_;
  Cleared cleared_;
  // Where the member would answer if it were up; the last is asked next.
  std::vector<rafthttp::http1::Url> probe_urls_;
  // A peer URL of the member that we cannot ask; empty if there is none.
  std::string opaque_url_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_STREAM_PREFLIGHT_H_
