// Input: one byte that says how to cut, then frames. What is decoded does not
// depend on the cuts, holds one frame at most, and encodes to the same bytes.
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "rafthttp/base/check.h"
#include "rafthttp/snapshot/snapshot_frames.h"

namespace rafthttp {
namespace {

struct Decoded {
  std::string encoded_again;
  std::string error;
  bool operator==(const Decoded&) const = default;
};

Decoded Decode(absl::string_view input, size_t piece) {
  using Event = SnapshotFrameDecoder::Event;
  SnapshotFrameDecoder decoder;
  Decoded decoded;
  while (!input.empty()) {
    absl::string_view part = input.substr(0, piece);
    input.remove_prefix(part.size());
    for (;;) {
      const absl::StatusOr<Event> event = decoder.Next(part);
      if (!event.ok()) {
        decoded.error = event.status().ToString();
        return decoded;
      }
      if (*event == Event::kNeedMore) break;
      if (*event == Event::kEnd) {
        absl::StrAppend(&decoded.encoded_again,
                        SnapshotEndFrame(decoder.digest()));
        continue;
      }
      const std::string data = decoder.TakeData();
      CHECK(!data.empty() && data.size() <= kSnapshotFrameBytes);
      absl::StrAppend(&decoded.encoded_again, SnapshotFrameHead(data), data);
    }
    CHECK(part.empty());
  }
  return decoded;
}

}  // namespace
}  // namespace rafthttp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const absl::string_view input(reinterpret_cast<const char*>(data) + 1,
                                size - 1);
  const rafthttp::Decoded whole = rafthttp::Decode(input, input.size() + 1);
  CHECK(whole == rafthttp::Decode(input, 1 + data[0] % 61));
  CHECK(input.substr(0, whole.encoded_again.size()) == whole.encoded_again);
  return 0;
}
