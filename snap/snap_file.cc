#include "snap/snap_file.h"

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "snap/crc.h"
#include "snap/snap.pb.h"

namespace rafthttp::snap {
namespace {

constexpr int kSizeMax = 0x7fffffff;  // of what protobuf takes

absl::Status Malformed(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("snap: ", what));
}

}  // namespace

std::string EncodeSnapFile(const raftpb::Snapshot& snapshot) {
  SnapFile file;
  std::string data = snapshot.SerializeAsString();
  file.set_crc(ExtendCrc32c(0, data));
  file.set_data(std::move(data));
  return file.SerializeAsString();
}

absl::StatusOr<raftpb::Snapshot> DecodeSnapFile(absl::string_view bytes) {
  if (bytes.empty()) return Malformed("empty snapshot");
  if (bytes.size() > kSizeMax) return Malformed("over 2 GiB");
  SnapFile file;
  if (!file.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Malformed("not a snapshot file");
  }
  if (file.data().empty() || file.crc() == 0) {
    return Malformed("empty snapshot");
  }
  if (ExtendCrc32c(0, file.data()) != file.crc()) {
    return Malformed("crc mismatch");
  }
  raftpb::Snapshot snapshot;
  if (!snapshot.ParseFromString(file.data())) {
    return Malformed("its data is not a raft snapshot");
  }
  return snapshot;
}

}  // namespace rafthttp::snap
