#include "integration/go_peer/go_member.h"

#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "rafthttp/base/check.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/url.h"

namespace rafthttp::integration {
namespace {

constexpr char kProgram[] = "integration/go_peer/go_peer_bin";
// Longer than its commands wait.
constexpr absl::Duration kPatience = absl::Seconds(90);

}  // namespace

bool GoMember::IsThere() {
  const auto child = Child::Run(kProgram, {"-help"});
  const bool is_there = child->ExitCode(kPatience) != 77;
  if (!is_there) {
    std::printf("SKIPPED: no Go with etcd's rafthttp here\n");
    EXPECT_EQ(std::getenv("CI"), nullptr) << "where $CI is set, Go is needed";
  }
  return is_there;
}

GoMember::GoMember(uint64_t id, uint64_t cluster_id, const std::string& listen,
                   const std::string& folder)
    : connector_(loop_),
      client_(std::make_unique<http1::Client>(loop_, connector_,
                                              http1::Client::Options())) {
  const char* const tmp = std::getenv("TEST_TMPDIR");
  process_ = Child::Run(
      kProgram, {"-id", MemberId(id).ToHex(), "-cluster-id",
                 ClusterId(cluster_id).ToHex(), "-listen", listen, "-dir",
                 !folder.empty()  ? folder
                 : tmp != nullptr ? tmp
                                  : "/tmp"});
  const std::optional<std::string> line = process_->ReadLine(kPatience);
  CHECK(line.has_value());
  const auto ready = nlohmann::json::parse(*line);
  url_ = ready["peer"];
  control_ = ready["control"];
}

nlohmann::json GoMember::Do(const nlohmann::json& command) {
  http1::Request request;
  request.method = "POST";
  const auto url = http1::ParseUrl(control_);
  CHECK(url.ok());
  request.url = *url;
  request.body = command.dump();
  std::optional<absl::StatusOr<http1::Response>> response;
  const auto call = client_->Fetch(
      std::move(request), {.timeout = kPatience},
      [&](absl::StatusOr<http1::Response> r) { response = std::move(r); });
  while (!response) {
    loop_.RunUntil([&] { return response.has_value(); }, 1000000);
  }
  if (!response->ok()) {
    ADD_FAILURE() << command.dump() << ": " << response->status();
    return nullptr;
  }
  EXPECT_EQ((*response)->head.status, 200)
      << command.dump() << ": " << (*response)->body;
  return nlohmann::json::parse((*response)->body, nullptr, false);
}

void GoMember::Kill() {
  process_->Signal(SIGKILL);
  process_->Wait(kPatience);
}

}  // namespace rafthttp::integration
