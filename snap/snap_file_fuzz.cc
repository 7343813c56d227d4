// Input: the content of a .snap file. What is read can be written and read
// again as the same snapshot.
#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rafthttp/base/check.h"
#include "raftpb/raft.pb.h"
#include "snap/snap_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using rafthttp::snap::DecodeSnapFile;
  using rafthttp::snap::EncodeSnapFile;
  const absl::StatusOr<raftpb::Snapshot> snapshot = DecodeSnapFile(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!snapshot.ok()) {
    CHECK(absl::IsDataLoss(snapshot.status()));
    return 0;
  }
  const absl::StatusOr<raftpb::Snapshot> again =
      DecodeSnapFile(EncodeSnapFile(*snapshot));
  CHECK(again.ok());
  CHECK(again->SerializeAsString() == snapshot->SerializeAsString());
  return 0;
}
