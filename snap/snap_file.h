#ifndef SNAP_SNAP_FILE_H_
#define SNAP_SNAP_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::snap {

// The content of a .snap file (etcd's snappb.snapshot):
//
//   1  crc   varint  CRC-32C of data
//   2  data  bytes   a raftpb.Snapshot
//
//   08 e3 ca 84 90 0b  12 04  0a 02 68 69     Snapshot{data: "hi"}

std::string EncodeSnapFile(const raftpb::Snapshot& snapshot);

// kDataLoss, as etcd words it: "empty snapshot" for an empty file, and for one
// without data or checksum, "crc mismatch", or what is malformed.
absl::StatusOr<raftpb::Snapshot> DecodeSnapFile(absl::string_view bytes);

}  // namespace rafthttp::snap

#endif  // SNAP_SNAP_FILE_H_
