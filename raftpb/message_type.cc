#include "raftpb/message_type.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "raftpb/enum_number.h"

namespace raftpb {

int32_t TypeNumber(const Message& message) {
  return EnumNumber(message.has_type(), message.type(),
                    Message::kTypeFieldNumber, message.unknown_fields());
}

int32_t EntryTypeNumber(const Entry& entry) {
  return EnumNumber(entry.has_type(), entry.type(), Entry::kTypeFieldNumber,
                    entry.unknown_fields());
}

bool IsLocal(int32_t type) {
  switch (type) {
    case MsgHup:
    case MsgBeat:
    case MsgUnreachable:
    case MsgSnapStatus:
    case MsgCheckQuorum:
    case MsgStorageAppend:
    case MsgStorageAppendResp:
    case MsgStorageApply:
    case MsgStorageApplyResp:
      return true;
    default:
      return false;
  }
}

bool IsResponse(int32_t type) {
  switch (type) {
    case MsgAppResp:
    case MsgVoteResp:
    case MsgHeartbeatResp:
    case MsgUnreachable:
    case MsgReadIndexResp:
    case MsgPreVoteResp:
    case MsgStorageAppendResp:
    case MsgStorageApplyResp:
      return true;
    default:
      return false;
  }
}

bool IsTermless(int32_t type) {
  return type == MsgProp || type == MsgReadIndex;
}

bool IsLinkHeartbeat(const Message& message) {
  return TypeNumber(message) == MsgHeartbeat && message.from() == 0 &&
         message.to() == 0;
}

std::string MessageTypeName(int32_t type) {
  if (MessageType_IsValid(type)) {
    return MessageType_Name(static_cast<MessageType>(type));
  }
  return absl::StrCat("MsgUnknown(", type, ")");
}

std::optional<int32_t> ParseMessageType(absl::string_view name) {
  MessageType named = MsgHup;
  if (MessageType_Parse(std::string(name), &named)) return named;
  absl::string_view digits = name;
  int32_t number = 0;
  if (!absl::ConsumePrefix(&digits, "MsgUnknown(") ||
      !absl::ConsumeSuffix(&digits, ")") ||
      !absl::SimpleAtoi(digits, &number) || MessageTypeName(number) != name) {
    return std::nullopt;
  }
  return number;
}

}  // namespace raftpb
