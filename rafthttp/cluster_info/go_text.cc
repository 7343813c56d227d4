#include "rafthttp/cluster_info/go_text.h"

#include "absl/strings/str_replace.h"

namespace rafthttp {

std::string GoText(const nlohmann::ordered_json& json) {
  // All of these stand inside strings only.
  return absl::StrReplaceAll(
      json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
      {{"<", "\\u003c"},
       {">", "\\u003e"},
       {"&", "\\u0026"},
       {"\xe2\x80\xa8", "\\u2028"},
       {"\xe2\x80\xa9", "\\u2029"}});
}

}  // namespace rafthttp
