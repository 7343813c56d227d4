#ifndef SNAP_NAMES_H_
#define SNAP_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace rafthttp::snap {

// Names in etcd's folder DATA/member/snap:
//
//   %016x-%016x.snap   a raft snapshot, by term and index
//   %016x.snap.db      the database that was merged with one, by index
//   db                 the live database
//   tmp*               one that is being received; left behind by a crash
//   db.tmp*            left behind by a defragmentation
//   *.broken           a .snap that could not be read

// Term and index of a raft snapshot, ordered as etcd orders their names.
struct SnapId {
  uint64_t term = 0;
  uint64_t index = 0;

  friend auto operator<=>(const SnapId&, const SnapId&) = default;
};

std::string SnapName(SnapId id);
std::string DbName(uint64_t index);

// nullopt for any other name: whole, of lower-case digits, and nothing else.
std::optional<SnapId> ParseSnapName(absl::string_view name);
std::optional<uint64_t> ParseDbName(absl::string_view name);

}  // namespace rafthttp::snap

#endif  // SNAP_NAMES_H_
