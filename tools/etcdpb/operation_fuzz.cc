#include <cstdint>
#include <cstdlib>
#include <string>

#include "raftpb/raft.pb.h"
#include "tools/etcdpb/operation.h"

namespace rafthttpctl {
namespace {

void Require(bool is_true) {
  if (!is_true) std::abort();
}

// C0, DEL and, encoded in UTF-8, C1.
bool HasControlCharacter(const std::string& text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && i + 1 < text.size() &&
        static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      return true;
    }
  }
  return false;
}

void CheckEntry(const raftpb::Entry& entry) {
  for (const bool show_secrets : {false, true}) {
    const nlohmann::ordered_json op = OperationJson(entry, {show_secrets});
    const std::string json = op.dump();
    const auto again = nlohmann::ordered_json::parse(
        json, nullptr, /*allow_exceptions=*/false);
    Require(again == op);
    Require(op.begin().key() == "kind");
    const std::string text = OperationText(op, /*width_max=*/16);
    Require(!text.empty());
    Require(!HasControlCharacter(text));
    Require(nlohmann::json(text).dump().size() >= text.size());
    // Whatever has a key begins with nothing.
    Require(TouchesKey(op, "") || !TouchesKey(op, "a"));
    TouchesKey(op, "\xff");
  }
}

}  // namespace
}  // namespace rafthttpctl

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  raftpb::Entry entry;
  if (!entry.ParseFromArray(data, static_cast<int>(size))) {
    entry.Clear();
    entry.set_data(data, size);
  }
  rafthttpctl::CheckEntry(entry);
  return 0;
}
