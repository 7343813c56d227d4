#ifndef RAFTPB_GO_VECTORS_H_
#define RAFTPB_GO_VECTORS_H_

#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace raftpb {

// One line of testdata/go_vectors.txt: a value as etcd encodes it.
struct GoVector {
  std::string name;
  // A message of raftpb, or "Joint": a ConfChangeV2 whose `fields` say what
  // etcd makes of it.
  std::string kind;
  std::string bytes;
  nlohmann::json fields;
};

// All of them, in order; empty if the file is not there or not as it should be.
std::vector<GoVector> ReadGoVectors();

}  // namespace raftpb

#endif  // RAFTPB_GO_VECTORS_H_
