#ifndef RAFTHTTP_CODEC_MSGAPPV2_CODEC_H_
#define RAFTHTTP_CODEC_MSGAPPV2_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/codec/frame_decoder.h"
#include "rafthttp/codec/frame_encoder.h"
#include "rafthttp/codec/frame_gatherer.h"
#include "rafthttp/codec/limits.h"
#include "rafthttp/codec/message_view.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::codec {

// The codec of stream "msgapp", which carries MsgApp and nothing else. All
// integers are big-endian; the first byte says which frame it is.
//
//   link heartbeat: | 0       | 1    | 00                       |
//
//   append:         | 0       | 1    | 01                       |
//                   | 1       | 8    | k, how many entries      |
//                   | 9       | 8    | n1, then for each entry: |
//                   | 17      | n1   | raftpb.Entry             |
//                   | ...     |      |                          |
//                   | x       | 8    | commit index             |
//
//   full message:   | 0       | 1    | 02                       |
//                   | 1       | 8    | n                        |
//                   | 9       | n    | raftpb.Message           |
//
// An append frame leaves out what both ends know: they keep the term and index
// that the stream has come to, zero at the start of a connection. It stands for
// a MsgApp of that term which follows that index, and moves the index on by k.
// A full message sets the term to its own, and the index to that of its last
// entry, or to its own index if it has none. A link heartbeat changes nothing.

// What both ends of a connection know without being told.
struct AppendState {
  uint64_t term = 0;
  uint64_t index = 0;

  friend bool operator==(const AppendState&, const AppendState&) = default;
};

class MsgAppV2Decoder final : public FrameDecoder {
 public:
  // Append frames are rebuilt as sent from `remote`, the member at the other
  // end of the connection, to `local`.
  MsgAppV2Decoder(MemberId local, MemberId remote, Limits limits = {})
      : local_(local), remote_(remote), limits_(limits) {}

  // An append whose entries do not continue the index is kDataLoss: etcd would
  // take it, but no encoder writes one.
  absl::Status Decode(absl::string_view bytes, FrameSink& sink) override;
  absl::Status Finish() const override { return gatherer_.Finish(); }
  size_t memory_bytes() const override;

  const AppendState& state() const { return state_; }

 private:
  absl::Status Measure(absl::string_view prefix, size_t* size);
  absl::Status MeasureAppend(absl::string_view prefix, size_t* size);
  absl::Status Take(absl::string_view frame, FrameSink& sink);
  absl::Status TakeAppend(absl::string_view frame, FrameSink& sink);
  absl::Status TakeMessage(absl::string_view frame, FrameSink& sink);
  uint64_t OffsetOf(absl::string_view frame, const char* at) const;

  const MemberId local_;
  const MemberId remote_;
  const Limits limits_;
  FrameGatherer gatherer_;
  AppendState state_;
  std::vector<EntryView> entries_;
  // How far Measure has come in an append frame: the place of the next length,
  // and how many entries are left. Zero means that it has not begun.
  size_t measured_bytes_ = 0;
  uint64_t unmeasured_entries_ = 0;
};

// Writes what a peer's decoder takes, and nothing that could hurt it: etcd's
// msgapp decoder answers invalid bytes with the end of its process.
class MsgAppV2Encoder final : public FrameEncoder {
 public:
  // Messages from `local` to `remote` may go as append frames.
  MsgAppV2Encoder(MemberId local, MemberId remote, Limits limits = {})
      : local_(local), remote_(remote), limits_(limits) {}

  // A message goes as an append frame where that loses nothing: it continues
  // the state, as do its entries, and it has no field that the frame leaves
  // out.
  //   kInvalidArgument  neither MsgApp nor a link heartbeat
  absl::Status AppendView(const MessageView& message, WireBuffer* out) override;
  absl::Status AppendOutgoing(const OutgoingMessage& message,
                              ViewStorage* storage, WireBuffer* out) override;
  size_t EncodedViewSize(const MessageView& message) const override;
  void AppendLinkHeartbeat(WireBuffer* out) override;

  const AppendState& state() const { return state_; }

 private:
  bool HasCompactHead(const MessageHead& message) const;
  bool IsCompact(const MessageView& message) const;
  absl::Status AppendCompact(const MessageView& message, WireBuffer* out);
  absl::Status AppendFull(const MessageView& message, WireBuffer* out);

  const MemberId local_;
  const MemberId remote_;
  const Limits limits_;
  AppendState state_;
};

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_MSGAPPV2_CODEC_H_
