#include "tools/etcdpb/wire_check.h"

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "raftpb/raft.pb.h"
#include "tools/etcdpb/raft_internal.pb.h"
#include "tools/etcdpb/rpc.pb.h"

namespace rafthttpctl {
namespace {

using ::etcdserverpb::InternalRaftRequest;

absl::StatusCode Check(absl::string_view bytes, size_t fields_max = 1000) {
  return CheckWire(bytes, *InternalRaftRequest::descriptor(), fields_max)
      .code();
}

InternalRaftRequest Txn(int levels) {
  InternalRaftRequest request;
  etcdserverpb::TxnRequest* txn = request.mutable_txn();
  for (int i = 1; i < levels; ++i) {
    txn = txn->add_success()->mutable_request_txn();
  }
  txn->add_compare()->set_key("k");
  return request;
}

TEST(WireCheckTest, EveryCutOfARequestIsTakenOrRefusedAsTheParserDoes) {
  const std::string bytes = Txn(3).SerializeAsString();
  for (size_t size = 0; size <= bytes.size(); ++size) {
    const std::string cut = bytes.substr(0, size);
    InternalRaftRequest parsed;
    EXPECT_EQ(Check(cut) == absl::StatusCode::kOk, parsed.ParseFromString(cut))
        << size;
  }
}

TEST(WireCheckTest, UnknownFieldsPass) {
  EXPECT_EQ(Check("\x98\x7f\x05"), absl::StatusCode::kOk);
}

TEST(WireCheckTest, AKnownFieldOfAnotherWireTypeIsRefused) {
  // protobuf's own parser would take field 1 as one that it does not know.
  const std::string bytes("\x0a\x00", 2);
  EXPECT_TRUE(InternalRaftRequest().ParseFromString(bytes));
  EXPECT_EQ(Check(bytes), absl::StatusCode::kDataLoss);
}

TEST(WireCheckTest, AnEnumOfProto2WithAnUnknownValueIsRefused) {
  const auto& conf_change = *raftpb::ConfChange::descriptor();
  EXPECT_TRUE(CheckWire("\x10\x03", conf_change, 10).ok());
  EXPECT_TRUE(absl::IsDataLoss(CheckWire("\x10\x07", conf_change, 10)));
  // Those of proto3 keep what they get.
  EXPECT_EQ(Check("\x52\x02\x08\x07"), absl::StatusCode::kOk);
}

TEST(WireCheckTest, AV2MethodIsNoMessage) {
  // POST: field 10 as a varint, then a group 10 that is empty.
  EXPECT_EQ(Check("\x12\x04POST"), absl::StatusCode::kDataLoss);
}

TEST(WireCheckTest, ALengthBeyondTheEndIsRefused) {
  EXPECT_EQ(Check("\x22\x7f"), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Check("\x22\xff\xff\xff\xff\x0f"), absl::StatusCode::kDataLoss);
  // Inside a message, beyond its end but not beyond the last byte.
  EXPECT_EQ(Check("\x22\x02\x0a\x7f"), absl::StatusCode::kDataLoss);
}

TEST(WireCheckTest, FieldZeroIsRefused) {
  EXPECT_EQ(Check(std::string("\x02\x00", 2)), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Check(std::string("\x00", 1)), absl::StatusCode::kDataLoss);
}

TEST(WireCheckTest, DepthIsBoundedWhereTheParserBoundsIt) {
  for (int levels = 1; levels < 120; ++levels) {
    const std::string bytes = Txn(levels).SerializeAsString();
    InternalRaftRequest parsed;
    EXPECT_EQ(Check(bytes), parsed.ParseFromString(bytes)
                                ? absl::StatusCode::kOk
                                : absl::StatusCode::kResourceExhausted)
        << levels;
  }
}

TEST(WireCheckTest, DepthOfGroupsIsBounded) {
  EXPECT_EQ(Check(std::string(1'000'000, '\x9b')), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Check(std::string(1'000'000, '\x1b')), absl::StatusCode::kDataLoss);
}

TEST(WireCheckTest, FieldsAreCountedAtEveryLevel) {
  const std::string bytes = Txn(2).SerializeAsString();  // 6, 2, 4, 1, 3
  EXPECT_EQ(Check(bytes, 5), absl::StatusCode::kOk);
  EXPECT_EQ(Check(bytes, 4), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace rafthttpctl
