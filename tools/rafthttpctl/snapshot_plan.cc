#include "tools/rafthttpctl/snapshot_plan.h"

#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "snap/names.h"
#include "snap/snap_file.h"

namespace rafthttpctl {

using rafthttp::MemberId;
namespace snap = rafthttp::snap;

namespace {

absl::Status Unusable(absl::string_view why) {
  return absl::InvalidArgumentError(why);
}

absl::StatusOr<std::string> ReadFile(snap::FileSystem& files,
                                     const std::string& path) {
  auto file = files.OpenForRead(path);
  if (!file.ok()) return Unusable(file.status().message());
  const auto size = (*file)->Size();
  if (!size.ok()) return Unusable(size.status().message());
  std::string bytes(*size, '\0');
  const auto got = (*file)->ReadAt(0, bytes.data(), bytes.size());
  if (!got.ok()) return Unusable(got.status().message());
  bytes.resize(*got);
  return bytes;
}

}  // namespace

absl::StatusOr<SnapshotPlan> PlanSnapshot(snap::FileSystem& files,
                                          const SnapshotRequest& request) {
  SnapshotPlan plan;
  raftpb::Message& message = plan.message;
  message.set_type(raftpb::MsgSnap);
  raftpb::Snapshot& snapshot = *message.mutable_snapshot();
  raftpb::SnapshotMetadata& metadata = *snapshot.mutable_metadata();
  const std::filesystem::path path(request.file);
  const std::string name = path.filename().string();
  if (absl::EndsWith(name, ".snap")) {
    const auto bytes = ReadFile(files, request.file);
    if (!bytes.ok()) return bytes.status();
    auto read = snap::DecodeSnapFile(*bytes);
    if (!read.ok()) {
      return Unusable(
          absl::StrCat(request.file, ": ", read.status().message()));
    }
    snapshot = *std::move(read);
    plan.has_conf_state = metadata.conf_state().voters_size() > 0;
    plan.db_path = request.db_file;
    if (plan.db_path.empty()) {
      plan.db_path =
          (path.parent_path() / snap::DbName(metadata.index())).string();
      const auto is_there = files.Exists(plan.db_path);
      if (!is_there.ok() || !*is_there) {
        return Unusable(
            absl::StrCat("there is no ", plan.db_path, " beside ", request.file,
                         ": say where its database is by --db FILE"));
      }
    }
  } else {
    if (!request.db_file.empty()) {
      return Unusable(
          absl::StrCat("--db is for a .snap, and ", name, " is none"));
    }
    plan.db_path = request.file;
    if (const auto index = snap::ParseDbName(name)) metadata.set_index(*index);
  }
  if (request.index) metadata.set_index(*request.index);
  if (metadata.index() == 0) {
    return Unusable(
        absl::StrCat("the name ", name, " tells no index: say it by --index"));
  }
  if (request.term) metadata.set_term(*request.term);
  if (metadata.term() == 0) {
    return Unusable("of which term is the snapshot? say it by --term");
  }
  if (!request.from) {
    return Unusable("who sends it? say it by --from HEX, the leader's ID");
  }
  message.set_from(request.from->value());
  if (request.to) message.set_to(request.to->value());
  message.set_term(metadata.term());
  if (request.conf_state) {
    metadata.clear_conf_state();
    for (const MemberId id : *request.conf_state) {
      metadata.mutable_conf_state()->add_voters(id.value());
    }
    plan.has_conf_state = true;
  }
  auto database = files.OpenForRead(plan.db_path);
  if (!database.ok()) return Unusable(database.status().message());
  const auto size = (*database)->Size();
  if (!size.ok()) return Unusable(size.status().message());
  plan.db_bytes = *size;
  return plan;
}

}  // namespace rafthttpctl
