#include "rafthttp/event/socket_address.h"

#include <net/if.h>

#include <array>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace rafthttp::event {
namespace {

TEST(SocketAddressTest, TellsLiteralsFromNames) {
  for (const char* literal : {"127.0.0.1", "::", "::1", "fe80::1%eth0",
                              "fe80::1%nosuch", "::ffff:192.0.2.1"}) {
    EXPECT_TRUE(SocketAddress::IsLiteral(literal)) << literal;
  }
  for (const char* name :
       {"", "localhost", "1.2.3", "1.2.3.4.5", "127.0.0.1%eth0", "[::1]",
        "node-1.example", "1.2.3.256"}) {
    EXPECT_FALSE(SocketAddress::IsLiteral(name)) << name;
  }
}

TEST(SocketAddressTest, FormatsWhatItParsed) {
  for (const char* host : {"192.0.2.1", "::1", "2001:db8::5"}) {
    const Address address = {.host = host, .port = 2380};
    absl::StatusOr<SocketAddress> parsed = SocketAddress::FromLiteral(address);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->ToString(), FormatHostPort(address));
    EXPECT_EQ(parsed->port(), 2380);
  }
}

TEST(SocketAddressTest, TakesAZoneByNameOrNumber) {
  std::array<char, IF_NAMESIZE> name = {};
  ASSERT_NE(if_indextoname(1, name.data()), nullptr);  // the loopback
  const std::string want = absl::StrCat("[fe80::1%", name.data(), "]:1");
  EXPECT_EQ(SocketAddress::FromLiteral({"fe80::1%1", 1})->ToString(), want);
  const std::string by_name = absl::StrCat("fe80::1%", name.data());
  EXPECT_EQ(SocketAddress::FromLiteral({by_name, 1})->ToString(), want);
}

TEST(SocketAddressTest, KeepsAZoneNumberWithoutAnInterface) {
  EXPECT_EQ(SocketAddress::FromLiteral({"fe80::1%987654", 1})->ToString(),
            "[fe80::1%987654]:1");
}

TEST(SocketAddressTest, RefusesNamesAndUnknownZones) {
  for (const char* host :
       {"localhost", "", "fe80::1%nosuch0", "fe80::1%", "fe80::1%0"}) {
    absl::StatusOr<SocketAddress> parsed =
        SocketAddress::FromLiteral({host, 2380});
    ASSERT_FALSE(parsed.ok()) << host;
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(SocketAddressTest, TakesWhatTheKernelGives) {
  for (const char* host : {"192.0.2.1", "2001:db8::5"}) {
    const SocketAddress original = *SocketAddress::FromLiteral({host, 80});
    EXPECT_EQ(SocketAddress::FromSockaddr(*original.get()).ToString(),
              original.ToString());
    EXPECT_EQ(SocketAddress::FromSockaddr(*original.get(), 81).port(), 81);
  }
}

}  // namespace
}  // namespace rafthttp::event
