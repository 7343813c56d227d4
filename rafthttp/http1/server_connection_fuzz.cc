// Input: one byte that says how to cut, then what a client sends on one
// connection. Whatever it is, the server neither crashes nor leaks, and what it
// answers does not depend on the cuts.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/base/check.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/http1/exchange.h"
#include "rafthttp/http1/framing.h"
#include "rafthttp/http1/handler.h"
#include "rafthttp/http1/mux.h"
#include "rafthttp/http1/server.h"

namespace rafthttp::http1 {
namespace {

// Gathers the body, and answers with it.
class EchoHandler final : public Handler {
 public:
  void Serve(std::unique_ptr<Exchange> exchange) override {
    Exchange* const request = exchange.get();
    exchanges_[request] = std::move(exchange);
    request->ReadBody(64, [this, request](absl::StatusOr<std::string> body) {
      const auto held = exchanges_.extract(request);
      if (body.ok()) {
        request->Respond(200, {}, *std::move(body)).IgnoreError();
      } else {
        request->RespondText(400, "no");
      }
    });
  }

 private:
  std::map<Exchange*, std::unique_ptr<Exchange>> exchanges_;
};

// Counts the body as it comes, pausing now and then.
class CountHandler final : public Handler {
 public:
  void Serve(std::unique_ptr<Exchange> exchange) override {
    auto sink = std::make_unique<Sink>(*this, std::move(exchange));
    Sink* const key = sink.get();
    sinks_[key] = std::move(sink);
    key->Begin();
  }

 private:
  class Sink final : public BodySink {
   public:
    Sink(CountHandler& handler, std::unique_ptr<Exchange> exchange)
        : handler_(handler), exchange_(std::move(exchange)) {}
    void Begin() { exchange_->StreamBody(*this); }

   private:
    void OnBody(absl::string_view bytes) override {
      CHECK(!bytes.empty());
      size_ += bytes.size();
      exchange_->PauseBody();
      exchange_->ResumeBody();
    }
    void OnEnd(absl::Status status) override {
      const auto held = handler_.sinks_.extract(this);
      exchange_->RespondText(status.ok() ? 200 : 400, absl::StrCat(size_));
    }

    CountHandler& handler_;
    const std::unique_ptr<Exchange> exchange_;
    size_t size_ = 0;
  };

  std::map<Sink*, std::unique_ptr<Sink>> sinks_;
};

// Takes the connection over, and says good-bye.
class TakingHandler final : public Handler {
 public:
  void Serve(std::unique_ptr<Exchange> exchange) override {
    const Framing& framing = exchange->head().framing;
    if (framing.kind == Framing::Kind::kChunked || framing.content_length > 0) {
      return exchange->RespondText(400, "unexpected body");
    }
    auto taken = exchange->TakeOver(200, {});
    if (!taken.ok()) return exchange->RespondText(400, "not to be taken over");
    taken->stream->ShutdownWrite();
    streams_.push_back(std::move(taken->stream));
  }

 private:
  std::vector<std::unique_ptr<event::ByteStream>> streams_;
};

class HelloHandler final : public Handler {
 public:
  void Serve(std::unique_ptr<Exchange> exchange) override {
    exchange->RespondText(
        200, absl::StrCat("hello ", exchange->path(), "?", exchange->query()));
  }
};

class Client final : public event::ByteStream::Reader {
 public:
  explicit Client(std::unique_ptr<event::ByteStream> stream)
      : stream_(std::move(stream)) {
    stream_->StartReading(*this);
  }
  void Write(absl::string_view bytes) {
    stream_->Write({bytes}, [](absl::Status) {});
  }
  void End() { stream_->ShutdownWrite(); }
  std::string received;

 private:
  void OnBytes(absl::string_view bytes) override {
    received.append(bytes.data(), bytes.size());
  }
  void OnEnd(absl::Status) override {}
  std::unique_ptr<event::ByteStream> stream_;
};

std::string Serve(absl::string_view input, size_t piece) {
  event::SimLoop loop;
  event::MemoryNetwork network(loop);
  EchoHandler echo;
  CountHandler count;
  TakingHandler taking;
  HelloHandler hello;
  Mux mux;
  mux.Add("/echo", {"POST", "PUT"}, echo);
  mux.Add("/count", {}, count);
  mux.Add("/take", {"GET"}, taking);
  mux.Add("/", {}, hello);
  Server server(
      loop, mux, {}, [] { return absl::UnixEpoch(); }, nullptr);
  auto [client_end, server_end] = network.NewPair();
  server.Accept(std::move(server_end));
  Client client(std::move(client_end));
  while (!input.empty()) {
    const absl::string_view part = input.substr(0, piece);
    client.Write(part);
    loop.RunFor(absl::ZeroDuration());
    input.remove_prefix(part.size());
  }
  loop.RunFor(absl::Milliseconds(1));
  client.End();
  loop.RunFor(absl::Minutes(1));
  return client.received;
}

// All up to the first refusal, which quotes what it has seen by then, and of
// two errors names the one that it met first.
std::string UpToRefusal(std::string answers) {
  const size_t refusal = answers.find("HTTP/1.1 4");
  if (refusal != std::string::npos) answers.resize(refusal + 10);
  return answers;
}

}  // namespace
}  // namespace rafthttp::http1

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const absl::string_view input(reinterpret_cast<const char*>(data) + 1,
                                size - 1);
  using rafthttp::http1::Serve;
  using rafthttp::http1::UpToRefusal;
  const size_t piece = 1 + data[0] % 61;
  CHECK(UpToRefusal(Serve(input, piece)) ==
        UpToRefusal(Serve(input, input.size() + 1)));
  return 0;
}
