// Every figure and every text as etcd's own v2stats has it: see
// testdata/README.md.
#include <bit>
#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "rafthttp/base/ids.h"
#include "rafthttp/stats/go_json.h"
#include "rafthttp/stats/leader_stats.h"
#include "rafthttp/stats/server_stats.h"

namespace rafthttp {
namespace {

using nlohmann::json;

struct GoVector {
  json input;
  // Empty where etcd finds no answer.
  std::string output;
};

std::vector<GoVector> VectorsOf(absl::string_view kind) {
  std::vector<GoVector> vectors;
  std::ifstream file("rafthttp/stats/testdata/go_vectors.txt");
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> parts = absl::StrSplit(line, '\t');
    if (parts[0] != kind) continue;
    EXPECT_EQ(parts.size(), 3u) << line;
    if (parts.size() != 3) continue;
    vectors.push_back({.input = json::parse(parts[1]),
                       .output = parts[2] == "-" ? std::string() : parts[2]});
  }
  EXPECT_FALSE(vectors.empty()) << kind;
  return vectors;
}

MemberId IdOf(const json& hex) {
  return *MemberId::FromHex(hex.get<std::string>());
}

absl::TimeZone ZoneOf(const json& seconds_east) {
  return absl::FixedTimeZone(seconds_east);
}

TEST(GoVectorsTest, Numbers) {
  for (const GoVector& vector : VectorsOf("Float")) {
    uint64_t bits = 0;
    ASSERT_TRUE(absl::SimpleHexAtoi(vector.input.get<std::string>(), &bits));
    EXPECT_EQ(GoJsonNumber(std::bit_cast<double>(bits)), vector.output);
  }
}

TEST(GoVectorsTest, Strings) {
  for (const GoVector& vector : VectorsOf("String")) {
    const auto hex = vector.input.get<std::string>();
    EXPECT_EQ(GoJsonString(absl::HexStringToBytes(hex)), vector.output) << hex;
  }
}

TEST(GoVectorsTest, Durations) {
  for (const GoVector& vector : VectorsOf("Duration")) {
    EXPECT_EQ(GoDurationText(absl::Nanoseconds(vector.input.get<int64_t>())),
              vector.output);
  }
}

TEST(GoVectorsTest, Times) {
  for (const GoVector& vector : VectorsOf("Time")) {
    EXPECT_EQ(GoJsonTime(absl::FromUnixNanos(vector.input[0].get<int64_t>()),
                         ZoneOf(vector.input[1])),
              vector.output);
  }
}

TEST(GoVectorsTest, ServerStats) {
  for (const GoVector& vector : VectorsOf("ServerStats")) {
    const json& script = vector.input;
    absl::Time now = absl::FromUnixNanos(script["start"].get<int64_t>());
    ServerStats stats(script["name"], IdOf(script["id"]), now,
                      ZoneOf(script["zone"]));
    std::string shown;
    for (const json& step : script["steps"]) {
      if (step[0] == "sleep") {
        now += absl::Nanoseconds(step[1].get<int64_t>());
      } else if (step[0] == "recv") {
        stats.RecvAppendReq(IdOf(step[1]), step[2], now);
      } else if (step[0] == "send") {
        stats.SendAppendReq(step[1], now);
      } else if (step[0] == "lead") {
        stats.BecomeLeader(now);
      } else if (step[0] == "show") {
        shown = stats.ToJson(now);
      } else {
        ADD_FAILURE() << step;
      }
    }
    if (vector.output.empty()) {
      // Ours has an answer even so, but for the rates.
      const json parsed = json::parse(shown, nullptr, false);
      ASSERT_TRUE(parsed.is_object()) << shown;
      EXPECT_FALSE(parsed.contains("recvPkgRate")) << shown;
      EXPECT_FALSE(parsed.contains("recvBandwidthRate")) << shown;
    } else {
      EXPECT_EQ(shown, vector.output) << script;
    }
  }
}

TEST(GoVectorsTest, LeaderStats) {
  int without_answer = 0;
  for (const GoVector& vector : VectorsOf("LeaderStats")) {
    LeaderStats stats(*MemberId::FromHex("8e9e05c52164694d"));
    for (const json& step : vector.input) {
      const MemberId id = IdOf(step[1]);
      if (step[0] == "succ") {
        stats.Follower(id)->Succ(absl::Nanoseconds(step[2].get<int64_t>()));
      } else if (step[0] == "fail") {
        stats.Follower(id)->Fail();
      } else if (step[0] == "add") {
        stats.Follower(id);
      } else if (step[0] == "remove") {
        stats.Remove(id);
      } else {
        ADD_FAILURE() << step;
      }
    }
    if (vector.output.empty()) {
      ++without_answer;
      const json parsed = json::parse(stats.ToJson(), nullptr, false);
      ASSERT_TRUE(parsed.is_object()) << stats.ToJson();
      EXPECT_EQ(parsed["followers"]["1"]["latency"]["standardDeviation"], 0);
    } else {
      EXPECT_EQ(stats.ToJson(), vector.output) << vector.input;
    }
  }
  EXPECT_GT(without_answer, 0);
}

}  // namespace
}  // namespace rafthttp
