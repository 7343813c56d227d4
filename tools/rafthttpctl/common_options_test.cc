#include "tools/rafthttpctl/common_options.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

using rafthttp::ClusterId;
using rafthttp::MemberId;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CommonOptionsTest : public testing::Test {
 protected:
  CommonOptionsTest() {
    unsetenv("RAFTHTTPCTL_WRITE_OUT");
    unsetenv("NO_COLOR");
  }
  ~CommonOptionsTest() override { unsetenv("RAFTHTTPCTL_WRITE_OUT"); }

  // Parses the arguments of a program with one verb that takes URLs; returns
  // the error, or nothing.
  std::string Parse(std::vector<std::string> arguments) {
    options_ = CommonOptions();
    urls_.clear();
    CLI::App app;
    AddCommonFlags(app, options_);
    CLI::App* const verb = app.add_subcommand("verb");
    verb->fallthrough();
    verb->add_option("URL", urls_);
    app.require_subcommand(1);
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
      app.parse(reversed);
    } catch (const CLI::ParseError& error) {
      return std::string(error.what()).empty() ? "?" : error.what();
    }
    return "";
  }

  CommonOptions options_;
  std::vector<std::string> urls_;
};

TEST_F(CommonOptionsTest, StandBeforeOrAfterTheVerb) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"-w", "text", "--id", "2a7c96ad52bc3e9",
                                 "verb", "http://a:1"},
        std::vector<std::string>{"verb", "-w", "text", "http://a:1", "--id",
                                 "2a7c96ad52bc3e9"},
        std::vector<std::string>{"--id=2a7c96ad52bc3e9", "verb", "http://a:1",
                                 "--write-out=text"}}) {
    ASSERT_EQ(Parse(arguments), "");
    EXPECT_EQ(options_.write_out, WriteOut::kText);
    EXPECT_EQ(options_.id, MemberId(0x2a7c96ad52bc3e9));
    EXPECT_THAT(urls_, ElementsAre("http://a:1"));
  }
}

// What stands behind --endpoints is the verb's, not one more endpoint.
TEST_F(CommonOptionsTest, EndpointsAreSeparatedByCommas) {
  ASSERT_EQ(Parse({"verb", "--endpoints", "a:1,b:2", "http://c:3"}), "");
  EXPECT_THAT(options_.endpoints, ElementsAre("a:1", "b:2"));
  EXPECT_THAT(urls_, ElementsAre("http://c:3"));
  ASSERT_EQ(Parse({"--endpoints", "a:1", "--endpoints", "b:2", "verb"}), "");
  EXPECT_THAT(options_.endpoints, ElementsAre("a:1", "b:2"));
  EXPECT_THAT(urls_, IsEmpty());
}

TEST_F(CommonOptionsTest, OutputIsJsonWhereNobodyLooks) {
  // A test's output is no terminal.
  ASSERT_EQ(Parse({"verb"}), "");
  EXPECT_EQ(options_.write_out, WriteOut::kJson);
  EXPECT_FALSE(options_.uses_color);
  setenv("RAFTHTTPCTL_WRITE_OUT", "text", 1);
  ASSERT_EQ(Parse({"verb"}), "");
  EXPECT_EQ(options_.write_out, WriteOut::kText);
  ASSERT_EQ(Parse({"verb", "-w", "json"}), "");
  EXPECT_EQ(options_.write_out, WriteOut::kJson);
  setenv("RAFTHTTPCTL_WRITE_OUT", "xml", 1);
  EXPECT_TRUE(absl::StrContains(Parse({"verb"}), "want text or json"));
}

TEST_F(CommonOptionsTest, ColorsAreAsAskedFor) {
  setenv("NO_COLOR", "1", 1);
  ASSERT_EQ(Parse({"verb", "--color", "always"}), "");
  EXPECT_TRUE(options_.uses_color);
  ASSERT_EQ(Parse({"verb", "--color", "auto"}), "");
  EXPECT_FALSE(options_.uses_color);
  unsetenv("NO_COLOR");
  ASSERT_EQ(Parse({"verb", "--color", "never"}), "");
  EXPECT_FALSE(options_.uses_color);
  EXPECT_NE(Parse({"verb", "--color", "sometimes"}), "");
}

TEST_F(CommonOptionsTest, DurationsHaveUnits) {
  ASSERT_EQ(Parse({"verb", "--timeout", "1m30s", "--dial-timeout", "500ms"}),
            "");
  EXPECT_EQ(options_.timeout, absl::Seconds(90));
  EXPECT_EQ(options_.dial_timeout, absl::Milliseconds(500));
  ASSERT_EQ(Parse({"verb"}), "");
  EXPECT_EQ(options_.timeout, std::nullopt);
  EXPECT_EQ(options_.dial_timeout, absl::Seconds(10));
  for (const char* text : {"5", "x", "", "-5s", "5 s", "5s5"}) {
    const std::string error = Parse({"verb", "--timeout", text});
    EXPECT_TRUE(absl::StrContains(error, "--timeout")) << error;
  }
}

TEST_F(CommonOptionsTest, IdsAreHex) {
  ASSERT_EQ(Parse({"verb", "--id", "ff", "--cluster-id", "15f22ffeda2243cf"}),
            "");
  EXPECT_EQ(options_.id, MemberId(0xff));
  EXPECT_EQ(options_.cluster_id, ClusterId(0x15f22ffeda2243cf));
  for (const char* text : {"zz", "", "-1", "11112222333344445"}) {
    EXPECT_TRUE(absl::StrContains(Parse({"verb", "--id", text}), "--id"))
        << text;
    EXPECT_TRUE(absl::StrContains(Parse({"verb", "--cluster-id", text}),
                                  "--cluster-id"))
        << text;
  }
}

TEST_F(CommonOptionsTest, EtcdIsReachedAsTheFlagsSay) {
  ASSERT_EQ(
      Parse({"verb", "--endpoints", "a:1", "--cacert", "ca", "--cert", "c",
             "--key", "k", "--insecure-skip-tls-verify", "--tls-server-name",
             "n", "--user", "root:a:b", "--dial-timeout", "2s"}),
      "");
  const EtcdClientOptions etcd = EtcdOptions(options_);
  EXPECT_THAT(etcd.endpoints, ElementsAre("a:1"));
  EXPECT_EQ(etcd.cacert_file, "ca");
  EXPECT_EQ(etcd.cert_file, "c");
  EXPECT_EQ(etcd.key_file, "k");
  EXPECT_TRUE(etcd.insecure_skip_tls_verify);
  EXPECT_EQ(etcd.tls_server_name, "n");
  EXPECT_EQ(etcd.user, "root");
  EXPECT_EQ(etcd.password, "a:b");
  EXPECT_EQ(etcd.call_timeout, absl::Seconds(2));
}

TEST_F(CommonOptionsTest, NoPasswordIsAskedForWhereNoneIsShown) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"verb"},
        std::vector<std::string>{"verb", "--user", "root"},
        std::vector<std::string>{"verb", "--endpoints", "a:1", "--user",
                                 "root:"}}) {
    ASSERT_EQ(Parse(arguments), "");
    const std::string user = options_.user;
    EXPECT_TRUE(CompleteUser(options_).ok());
    EXPECT_EQ(options_.user, user);
  }
}

}  // namespace
}  // namespace rafthttpctl
