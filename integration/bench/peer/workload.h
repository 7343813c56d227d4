#ifndef INTEGRATION_BENCH_PEER_WORKLOAD_H_
#define INTEGRATION_BENCH_PEER_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rafthttp/base/ids.h"
#include "rafthttp/codec/message_view.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::bench {

// The kinds of numbered messages that are sent to measure. Each kind is
// numbered from 1, in a field that tells the number:
//   kApp        MsgApp: its entries' indexes; Index is the one before the first
//   kHeartbeat  MsgHeartbeat: Commit
//   kAppResp    MsgAppResp: Index
enum class Kind { kApp, kHeartbeat, kAppResp };
inline constexpr size_t kKinds = 3;

// Which numbers a message has; nullopt for one that is none of these.
struct Numbers {
  Kind kind;
  uint64_t before;  // the number that comes before it
  uint64_t last;
  uint64_t bytes;  // of entries' data
};
std::optional<Numbers> NumbersOf(const codec::MessageView& message);

// Contents that depend on an entry's index.
void FillEntry(uint64_t index, std::string* data);
bool HasFilledEntries(const codec::MessageView& message);

// Makes the messages of one run.
class MessageMaker {
 public:
  struct Options {
    Kind kind = Kind::kApp;
    MemberId from;
    MemberId to;
    size_t entry_bytes = 128;
    uint64_t entries = 1;
    bool fills_entries = false;
  };
  explicit MessageMaker(Options options);

  // Message `number`, the first being 1.
  raftpb::Message Make(uint64_t number) const;
  // The same as a view, valid until the next call. Its data are valid as long
  // as this, but not with fills_entries.
  codec::MessageView MakeView(uint64_t number);
  // Highest entry index, or number, of message `number`.
  uint64_t LastOf(uint64_t number) const { return number * options_.entries; }
  // What a message far into the run takes on its stream, without chunk heads.
  size_t WireBytes() const;

  const Options& options() const { return options_; }

 private:
  Options options_;
  std::string data_;
  std::vector<codec::EntryView> entries_;
};

}  // namespace rafthttp::bench

#endif  // INTEGRATION_BENCH_PEER_WORKLOAD_H_
