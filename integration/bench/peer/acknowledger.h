#ifndef INTEGRATION_BENCH_PEER_ACKNOWLEDGER_H_
#define INTEGRATION_BENCH_PEER_ACKNOWLEDGER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "absl/time/time.h"
#include "integration/bench/peer/workload.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/event/event_loop.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::bench {

// The receiving side of the measuring stick: counts what comes, sees whether
// each message follows the one before, and answers cumulatively: Index is the
// highest number seen, Commit how many messages were.
class Acknowledger {
 public:
  struct Options {
    MemberId self;
    // Answers each message, rather than each `every` messages, `every_bytes`
    // bytes of data, or `delay` after the first that is not answered.
    bool is_echo = false;
    uint64_t every = 64;
    uint64_t every_bytes = 1 << 20;
    absl::Duration delay = absl::Milliseconds(1);
    bool checks_entries = false;
  };
  struct Counters {
    uint64_t received = 0;
    uint64_t bytes = 0;
    uint64_t gaps = 0;
    uint64_t repeats = 0;
    uint64_t bad_data = 0;
    uint64_t answers = 0;
    uint64_t other = 0;
    uint64_t snapshots = 0;
  };
  using Send = std::function<void(raftpb::Message)>;

  Acknowledger(event::EventLoop& loop, Options options, Send send);

  void OnMessage(const codec::MessageView& message);
  const Counters& counters() const { return counters_; }

 private:
  struct Flow {
    uint64_t last = 0;
    uint64_t count = 0;
    uint64_t unanswered = 0;
  };
  struct Sender {
    std::array<Flow, kKinds> flows;
    uint64_t unanswered_bytes = 0;
  };

  void Answer(uint64_t to, Sender& sender, size_t kind);
  void AnswerAll();

  const Options options_;
  const Send send_;
  const std::unique_ptr<event::Timer> timer_;
  std::map<uint64_t, Sender> senders_;
  // The one that sent last, which usually sends next.
  uint64_t last_from_ = 0;
  Sender* last_sender_ = nullptr;
  Counters counters_;
};

}  // namespace rafthttp::bench

#endif  // INTEGRATION_BENCH_PEER_ACKNOWLEDGER_H_
