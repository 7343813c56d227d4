#include "rafthttp/event/address.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace rafthttp::event {
namespace {

TEST(AddressTest, ReadsNamesAndLiterals) {
  const struct {
    absl::string_view text;
    Address want;
  } kCases[] = {
      {"node1:2380", {"node1", 2380}},
      {"node1.example.:1", {"node1.example.", 1}},
      {"192.0.2.1:65535", {"192.0.2.1", 65535}},
      {"[::1]:0", {"::1", 0}},
      {"[fe80::1%eth0]:2380", {"fe80::1%eth0", 2380}},
  };
  for (const auto& [text, want] : kCases) {
    absl::StatusOr<Address> got = ParseHostPort(text);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->host, want.host);
    EXPECT_EQ(got->port, want.port);
    EXPECT_EQ(FormatHostPort(*got), text);
  }
}

TEST(AddressTest, ReadsAPortWithLeadingZeros) {
  EXPECT_EQ(ParseHostPort("a:00080")->port, 80);
}

TEST(AddressTest, RefusesWhatIsMalformedAndNamesIt) {
  for (absl::string_view text :
       {"",          ":",           "host",        "host:",
        ":2380",     "host:65536",  "host:-1",     "host:+1",
        "host: 1",   "host:1x",     "host:000080", "::1",
        "::1:2380",  "[::1]",       "[::1]2380",   "[::1:2380",
        "::1]:2380", "[]:1",        "[host]:1",    "[[::1]]:1",
        "ho st:1",   "host/path:1", "a]b:1"}) {
    absl::StatusOr<Address> got = ParseHostPort(text);
    ASSERT_FALSE(got.ok()) << text;
    EXPECT_EQ(got.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(got.status().message().find("\"" + std::string(text) + "\""),
              absl::string_view::npos)
        << got.status();
  }
  EXPECT_FALSE(ParseHostPort(absl::string_view("a\0b:1", 5)).ok());
}

}  // namespace
}  // namespace rafthttp::event
