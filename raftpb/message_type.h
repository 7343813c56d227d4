#ifndef RAFTPB_MESSAGE_TYPE_H_
#define RAFTPB_MESSAGE_TYPE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "raftpb/raft.pb.h"

// What kind of message one is, by the number of its type on the wire.
//
// Numbers, and not MessageType, because a newer member may send a type that
// this build has no name for. protobuf puts such a number among the unknown
// fields, and message.type() then says MsgHup. So ask TypeNumber, and never
// type(), about a message that came from elsewhere.
namespace raftpb {

// The type as it stands on the wire; MsgHup where there is none. If the field
// was there twice, a number with a name wins over one without.
int32_t TypeNumber(const Message& message);
// The same of an entry, whose type() says EntryNormal in such a case.
int32_t EntryTypeNumber(const Entry& entry);

// Whether the type never crosses the network: a member tells it to itself
// (MsgHup, MsgBeat, MsgUnreachable, MsgSnapStatus, MsgCheckQuorum) or to its
// storage threads (MsgStorageAppend to MsgStorageApplyResp, since 3.6). A
// receiver drops it. MsgForgetLeader is not local: etcd never sends it, but
// would obey one. Types without a name are not local either.
bool IsLocal(int32_t type);

// Whether the type answers another, as raft 3.6 counts: it ignores these from
// members that it does not know. 3.4 does not count MsgReadIndexResp. Note that
// MsgUnreachable, which is local, is among them.
bool IsResponse(int32_t type);

// Whether raft sends the type with term 0, as it passes on what a client asked
// for: MsgProp and MsgReadIndex.
bool IsTermless(int32_t type);

// Whether `message` is the transport's own heartbeat, which keeps a stream
// alive and which raft never sees: a MsgHeartbeat from 0 to 0. Not its bytes
// count, as they differ from version to version.
bool IsLinkHeartbeat(const Message& message);

// "MsgApp"; "MsgUnknown(42)" for a number without a name.
std::string MessageTypeName(int32_t type);
// The reverse; nullopt for what MessageTypeName never returns.
std::optional<int32_t> ParseMessageType(absl::string_view name);

}  // namespace raftpb

#endif  // RAFTPB_MESSAGE_TYPE_H_
