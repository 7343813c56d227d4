#ifndef RAFTHTTP_HTTP1_TESTING_RECORDING_SINK_H_
#define RAFTHTTP_HTTP1_TESTING_RECORDING_SINK_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "rafthttp/http1/client_connection.h"
#include "rafthttp/http1/head.h"

namespace rafthttp::http1 {

// Remembers a response, and runs what a test hangs into its methods.
class RecordingSink final : public ResponseSink {
 public:
  void OnHead(const ResponseHead& head) override {
    ++heads;
    last_head = head;
    if (on_head) on_head();
  }
  void OnBody(absl::string_view bytes) override {
    ++spans;
    absl::StrAppend(&body, bytes);
    if (on_body) on_body();
  }
  void OnEnd(absl::Status status) override {
    ++ends;
    end = status;
    if (on_end) on_end();
  }

  int heads = 0;
  int spans = 0;
  int ends = 0;
  ResponseHead last_head;
  std::string body;
  std::optional<absl::Status> end;

  std::function<void()> on_head;
  std::function<void()> on_body;
  std::function<void()> on_end;
};

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_TESTING_RECORDING_SINK_H_
