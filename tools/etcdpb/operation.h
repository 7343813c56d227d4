#ifndef TOOLS_ETCDPB_OPERATION_H_
#define TOOLS_ETCDPB_OPERATION_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "raftpb/raft.pb.h"

namespace rafthttpctl {

struct OperationOptions {
  // Passwords, their hashes and tokens in the clear rather than "(redacted)".
  bool show_secrets = false;
};

// What an entry of etcd's log orders: the `op` of a record. `kind` comes first
// and says what else there is:
//
//   put                 key value lease [prevKv ignoreValue ignoreLease]
//   range               key [rangeEnd limit revision sortOrder sortTarget
//                       serializable keysOnly countOnly minModRevision ...]
//   delete_range        key [rangeEnd prevKv]
//   txn                 compare success failure: lists; the latter two of ops.
//                       A compare: key [rangeEnd] target result (equal greater
//                       less not_equal) and value, version, createRevision,
//                       modRevision or lease
//   compaction          revision [physical]
//   lease_grant         lease ttl
//   lease_revoke        lease
//   lease_checkpoint    checkpoints: a list of lease, remainingTtl
//   alarm               action member alarm
//   auth_*              etcd's name for the request (auth_user_add,
//   auth_enable,
//                       auth_authenticate): name user role [password
//                       hashedPassword simpleToken noPassword], permission key
//                       [rangeEnd]
//   cluster_version_set, downgrade_info_set, downgrade_version_test
//                       version [enabled]
//   cluster_member_attr_set
//                       member name clientURLs
//   v2_put v2_post v2_delete v2_get v2_qget v2_sync
//                       a request of the v2 API, where 3.4 and 3.5 publish
//                       members' attributes: path [value dir prevValue
//                       prevIndex prevExist expiration wait since recursive
//                       sorted quorum time stream refresh]
//   conf_change         [transition] changes: a list of type (add_node
//                       remove_node update_node add_learner_node), node
//                       [peerURLs isLearner isPromote name clientURLs];
//                       [context], where it is not etcd's
//   empty               nothing: a new leader's first entry
//   unknown             data (base64) [reason]
//
// A field in brackets is there only if it is set. Text that is not UTF-8 is in
// `xBase64` instead of `x`. Numbers of 64 bits are decimal strings, member IDs
// hex strings. Where auth is on, `username` says who asked.
//
// What is neither etcd's nor well-formed is `unknown`, and so is a transaction
// of more than 49 levels or an entry of more than 100,000 fields: `reason` says
// so. Data of requests that may hold a secret we cannot find is redacted whole.
//
// The result can always be dumped.
nlohmann::ordered_json OperationJson(const raftpb::Entry& entry,
                                     const OperationOptions& options);

// One line about `op` for people: put key1 = "val1". Safe for a terminal,
// whatever the keys and values hold. Each text is cut after `width_max`
// characters and lists after a few items, so the line stays bounded.
std::string OperationText(const nlohmann::ordered_json& op,
                          size_t width_max = 64);

// Whether a key of `op` begins with `prefix`, or a range of keys meets it. Keys
// are those of puts, ranges, deletes, compares, permissions and the paths of v2
// requests, at any level of a transaction.
bool TouchesKey(const nlohmann::ordered_json& op, absl::string_view prefix);

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDPB_OPERATION_H_
