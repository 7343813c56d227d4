#ifndef INTEGRATION_BENCH_PEER_SENDER_H_
#define INTEGRATION_BENCH_PEER_SENDER_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "integration/bench/peer/histogram.h"
#include "integration/bench/peer/workload.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/transport/transport.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::bench {

// The sending side: pushes numbered messages to one member, and never has more
// than a window of them unanswered.
//
// Threads: the loop's.
class Sender {
 public:
  struct Options {
    MessageMaker::Options messages;
    uint64_t window = 1024;
    uint64_t window_bytes = 64 << 20;
    uint64_t batch = 1;  // messages per Send call
    // Sends raftpb::Messages rather than views of shared data.
    bool is_plain = false;
  };
  Sender(Transport& transport, Options options);

  // Sends one message, whatever the window.
  void SendOne();
  // Sends as many as the window allows, until `count` (0: no limit) more are
  // sent or `end` has come; goes on by itself with each answer.
  void Begin(uint64_t count, absl::Time end);
  // The same at `rate` messages a second, as SendDue is called.
  void BeginPaced(double rate, uint64_t count, absl::Time end);
  // Sends what is due by now; whether there is more to come.
  bool SendDue();
  // What comes in.
  void OnAnswer(const codec::MessageView& message);
  // After all that one read brought.
  void Pump();

  // Whether all that is to be sent has been.
  bool is_sending_over() const { return is_over_; }
  bool is_answered() const { return acked_ >= sent_; }
  // Gives up what is unanswered; how many that was.
  uint64_t GiveUp();

  uint64_t sent() const { return sent_; }
  uint64_t acked() const { return acked_; }
  uint64_t answers() const { return answers_; }
  // How many messages the other side says it has seen.
  uint64_t seen() const { return seen_; }

  void set_is_recording(bool is_recording) { is_recording_ = is_recording; }
  Histogram& latencies() { return latencies_; }
  const MessageMaker& maker() const { return maker_; }
  uint64_t window() const { return window_; }

 private:
  void SetEnd(uint64_t count, absl::Time end);
  void Send(uint64_t messages, int64_t now);
  static int64_t NowNanos();

  Transport& transport_;
  const Options options_;
  MessageMaker maker_;
  uint64_t window_;
  // When message i was sent, at i & ring_mask_.
  std::vector<int64_t> sent_at_;
  uint64_t ring_mask_;
  std::vector<raftpb::Message> batch_;

  uint64_t sent_ = 0;
  uint64_t acked_ = 0;
  uint64_t answers_ = 0;
  uint64_t seen_ = 0;
  bool is_pumping_ = false;
  bool is_over_ = true;
  uint64_t last_to_send_ = 0;
  int64_t end_nanos_ = 0;
  // Paced:
  double rate_ = 0;
  int64_t begin_nanos_ = 0;
  uint64_t first_ = 0;
  bool is_recording_ = false;
  Histogram latencies_;
};

}  // namespace rafthttp::bench

#endif  // INTEGRATION_BENCH_PEER_SENDER_H_
