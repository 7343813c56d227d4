#ifndef TOOLS_RAFTHTTPCTL_TEXT_H_
#define TOOLS_RAFTHTTPCTL_TEXT_H_

#include <string>

#include "nlohmann/json.hpp"

namespace rafthttpctl {

struct TextOptions {
  bool uses_color = false;
};

// A record for people: a line for the message or event, and below it a line for
// each entry. Ends with a line feed. Takes any JSON object, since records also
// come from files.
std::string RenderText(const nlohmann::ordered_json& record,
                       const TextOptions& options);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_TEXT_H_
