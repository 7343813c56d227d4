#include "raftpb/go_vectors.h"

#include <fstream>
#include <utility>

#include "absl/strings/escaping.h"

namespace raftpb {

std::vector<GoVector> ReadGoVectors() {
  std::vector<GoVector> vectors;
  std::ifstream file("raftpb/testdata/go_vectors.txt");
  std::string name, kind, hex, fields;
  while (file >> name) {
    if (name == "#") {
      std::getline(file, fields);
      continue;
    }
    file >> kind >> hex;
    std::getline(file, fields);
    GoVector vector = {
        .name = name,
        .kind = kind,
        .bytes = hex == "-" ? "" : absl::HexStringToBytes(hex),
        .fields = nlohmann::json::parse(fields, nullptr,
                                        /*allow_exceptions=*/false)};
    if (vector.fields.is_discarded()) return {};
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

}  // namespace raftpb
