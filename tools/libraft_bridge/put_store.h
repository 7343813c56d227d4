#ifndef TOOLS_LIBRAFT_BRIDGE_PUT_STORE_H_
#define TOOLS_LIBRAFT_BRIDGE_PUT_STORE_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "tools/libraft_bridge/state_machine.h"

namespace libraft_bridge {

// Keys and values, which commands put: etcd's InternalRaftRequest with `put`.
class PutStore final : public StateMachine {
 public:
  // A command. `id` tells requests apart, as etcd's do.
  static std::string PutCommand(uint64_t id, absl::string_view key,
                                absl::string_view value);

  // StateMachine:
  //   kInvalidArgument  it is no put
  absl::Status Apply(absl::string_view command) override;
  std::string Snapshot() const override;
  absl::Status Restore(absl::string_view snapshot) override;

  // Commands applied since the store was empty.
  uint64_t puts() const { return puts_; }
  const std::map<std::string, std::string>& values() const { return values_; }

  friend bool operator==(const PutStore& a, const PutStore& b) {
    return a.puts_ == b.puts_ && a.values_ == b.values_;
  }

 private:
  uint64_t puts_ = 0;
  std::map<std::string, std::string> values_;
};

}  // namespace libraft_bridge

#endif  // TOOLS_LIBRAFT_BRIDGE_PUT_STORE_H_
