#include "rafthttp/base/lane.h"

namespace rafthttp {

absl::string_view LaneName(Lane lane) {
  switch (lane) {
    case Lane::kMsgApp:
      return "msgapp";
    case Lane::kMessage:
      return "message";
    case Lane::kPipeline:
      return "pipeline";
    case Lane::kSnapshot:
      return "snapshot";
  }
  return "unknown";
}

}  // namespace rafthttp
