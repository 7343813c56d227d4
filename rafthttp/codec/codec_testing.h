#ifndef RAFTHTTP_CODEC_CODEC_TESTING_H_
#define RAFTHTTP_CODEC_CODEC_TESTING_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "rafthttp/codec/frame_decoder.h"
#include "raftpb/raft.pb.h"

// What the tests and fuzzers of both codecs share.
namespace rafthttp::codec {

// Bytes from hex digits; blanks are ignored.
std::string FromHex(absl::string_view hex);

// A message as bytes that are equal if and only if the messages are: with
// unknown fields in place, and absent fields told from zero ones.
std::string Canonical(const raftpb::Message& message);
// The same for what matters to raft: absent is zero, an empty snapshot is none.
std::string CanonicalValues(const raftpb::Message& message);

// Keeps all that a decoder finds.
class RecordingSink final : public FrameSink {
 public:
  struct Record {
    bool is_link_heartbeat = false;
    int type = 0;
    raftpb::Message message;
    std::string encoded;
  };

  void OnLinkHeartbeat(const MessageView& heartbeat) override;
  void OnMessage(const MessageView& message) override;

  const std::vector<Record>& records() const { return records_; }
  // Those that raft would see.
  std::vector<raftpb::Message> messages() const;
  int link_heartbeats() const;
  // Everything found, as text that can be compared.
  std::string Fingerprint() const;

 private:
  std::vector<Record> records_;
};

// Calls `check` with `bytes` in one piece, in two at every border, and byte by
// byte.
void ForEachSplit(
    absl::string_view bytes,
    const std::function<void(absl::Span<const absl::string_view>)>& check);

// Decodes the pieces until one fails, and returns that status, else Finish().
absl::Status DecodeAll(FrameDecoder& decoder,
                       absl::Span<const absl::string_view> pieces,
                       FrameSink& sink);

// Parses `bytes` as a view and by protobuf, and says where they differ in a way
// that message_view.h does not announce; empty if they agree.
std::string CompareWithProtobuf(absl::string_view bytes);

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_CODEC_TESTING_H_
