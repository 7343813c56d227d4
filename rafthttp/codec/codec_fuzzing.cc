#include "rafthttp/codec/codec_fuzzing.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "rafthttp/base/check.h"
#include "rafthttp/codec/codec_testing.h"
#include "rafthttp/codec/gather_buffer.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/wire_buffer.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::codec {
namespace {

struct Outcome {
  RecordingSink sink;
  absl::Status status;
};

Outcome Decode(const CodecFactory& codec,
               absl::Span<const absl::string_view> pieces) {
  Outcome outcome;
  const std::unique_ptr<FrameDecoder> decoder = codec.new_decoder();
  outcome.status = DecodeAll(*decoder, pieces, outcome.sink);
  size_t bytes = 0;
  for (absl::string_view piece : pieces) bytes += piece.size();
  // Twice the bytes; and for each of them at most half an entry's view, in a
  // vector that doubles.
  CHECK(decoder->memory_bytes() <=
        2 * bytes + bytes * sizeof(EntryView) + GatherBuffer::kFirstBytes);
  return outcome;
}

void CheckSame(const Outcome& a, const Outcome& b) {
  CHECK(a.status == b.status);
  CHECK(a.sink.Fingerprint() == b.sink.Fingerprint());
}

// Where to cut comes from the bytes themselves, so that a finding replays.
std::vector<absl::string_view> CutIntoMany(absl::string_view stream) {
  std::vector<absl::string_view> pieces;
  size_t seed = stream.size() * 2654435761;
  while (!stream.empty()) {
    seed = seed * 6364136223846793005 + 1442695040888963407;
    const size_t size = std::min(stream.size(), 1 + (seed >> 33) % 23);
    pieces.push_back(stream.substr(0, size));
    stream.remove_prefix(size);
  }
  return pieces;
}

void CheckRoundTrip(const CodecFactory& codec, const RecordingSink& sink) {
  const std::unique_ptr<FrameEncoder> encoder = codec.new_encoder();
  // Two, so that data is both copied and referred to.
  WireBuffer copied(WireBuffer::kCopyAll);
  WireBuffer referred(/*referenced_bytes_min=*/3);
  const std::unique_ptr<FrameEncoder> other_encoder = codec.new_encoder();
  std::vector<const RecordingSink::Record*> encoded;
  for (const RecordingSink::Record& record : sink.records()) {
    const size_t size_before = copied.size();
    const size_t size = encoder->EncodedSize(record.message);
    const absl::Status status = encoder->Append(record.message, &copied);
    CHECK(status == other_encoder->Append(record.message, &referred));
    if (status.ok()) {
      CHECK(copied.size() - size_before == size);
      encoded.push_back(&record);
    } else {
      CHECK(status.code() == absl::StatusCode::kInvalidArgument);
      CHECK(copied.size() == size_before);
    }
  }
  std::string in_pieces;
  referred.AppendTo(&in_pieces);
  CHECK(in_pieces == copied.slab());

  const Outcome again = Decode(codec, {copied.slab()});
  CHECK(again.status.ok());
  CHECK(again.sink.records().size() == encoded.size());
  for (size_t i = 0; i < encoded.size(); ++i) {
    const RecordingSink::Record& record = again.sink.records()[i];
    CHECK(record.type == encoded[i]->type);
    CHECK(record.is_link_heartbeat == encoded[i]->is_link_heartbeat);
    if (record.is_link_heartbeat) continue;
    // A snapshot is parsed by protobuf, with fields that it does not know.
    CHECK(CanonicalValues(record.message) ==
          CanonicalValues(encoded[i]->message));
  }
}

}  // namespace

void FuzzCodec(const CodecFactory& codec, absl::string_view stream) {
  // Splitting is quadratic, and long streams find nothing that short ones do
  // not.
  if (stream.size() > 16384) return;
  const Outcome whole = Decode(codec, {stream});
  CheckSame(whole, Decode(codec, CutIntoMany(stream)));
  const size_t middle = stream.empty() ? 0
                                       : static_cast<uint8_t>(stream.back()) *
                                             stream.size() / 256;
  CheckSame(whole,
            Decode(codec, {stream.substr(0, middle), stream.substr(middle)}));
  for (const RecordingSink::Record& record : whole.sink.records()) {
    CHECK(CompareWithProtobuf(record.encoded).empty());
  }
  CheckRoundTrip(codec, whole.sink);
}

}  // namespace rafthttp::codec
