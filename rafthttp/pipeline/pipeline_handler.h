#ifndef RAFTHTTP_PIPELINE_PIPELINE_HANDLER_H_
#define RAFTHTTP_PIPELINE_PIPELINE_HANDLER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/codec/limits.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/http1/exchange.h"
#include "rafthttp/http1/handler.h"
#include "rafthttp/http1/url.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {

// Answers POST /raft: one message each, handed to Raft before it is answered.
//
//   method      405, by the mux
//   versions    400 malformed, 412 "incompatible version"
//   cluster     412 "cluster ID mismatch"
//   body        413 longer than the limit, 400 "error reading raft message", or
//               "error unmarshalling ..."
//   Raft        204, or the error's own answer, or 500 "error processing ..."
//
// Threads: loop-confined. Lifetime: destroy it at any moment; requests under
// way are closed without an answer.
class PipelineHandler final : public http1::Handler {
 public:
  struct Options {
    Identity identity;
    codec::Limits limits;
  };
  // Who takes what was received.
  class Receiver {
   public:
    // A sender has shown where it can be reached (X-PeerURLs).
    virtual void OnSender(MemberId from, std::vector<http1::Url> urls) = 0;
    // `on_processed` runs once in a later turn, or never; then the request is
    // not answered.
    virtual void Receive(
        raftpb::Message message, size_t body_bytes,
        absl::AnyInvocable<void(absl::Status)> on_processed) = 0;
    // A request that could not be read; `from` is zero where it does not say.
    virtual void OnReceiveFailed(MemberId from,
                                 absl::string_view remote_address) = 0;

   protected:
    ~Receiver() = default;
  };

  // `receiver` must outlive the handler.
  PipelineHandler(Receiver& receiver, Options options);
  ~PipelineHandler() override;

  void Serve(std::unique_ptr<http1::Exchange> exchange) override;

 private:
  // A request under way.
  struct Request {
    std::unique_ptr<http1::Exchange> exchange;
    MemberId from;
  };

  void OnBody(uint64_t id, absl::StatusOr<std::string> body);
  void Refuse(uint64_t id, int status, absl::string_view text);
  void OnProcessed(uint64_t id, const absl::Status& status);
  http1::Headers OwnHeaders() const;

  Receiver& receiver_;
  const Options options_;
  uint64_t next_request_ = 0;
  std::map<uint64_t, Request> requests_;
  std::vector<codec::EntryView> entries_;
  // So that what comes back from Raft later finds out that we are gone.
  std::shared_ptr<PipelineHandler*> self_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_PIPELINE_PIPELINE_HANDLER_H_
