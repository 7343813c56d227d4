// The messages of //integration/bench:peer on a bidirectional stream of gRPC,
// written the straightforward way: a thread that writes, one that reads. Writes
// may be held back for those behind them (buffer_hint), as gRPC's own advice
// for throughput has it.
#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "integration/bench/compare/measured_run.h"
#include "integration/bench/compare/raft_stream.grpc.pb.h"
#include "integration/bench/compare/windowed_load.h"
#include "integration/bench/peer/flags.h"
#include "integration/bench/peer/histogram.h"
#include "integration/bench/peer/report.h"
#include "integration/bench/peer/workload.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::bench {
namespace {

std::string AddressOf(const std::string& url) {
  return std::string(absl::StripPrefix(url, "http://"));
}

class AnsweringService final : public RaftStream::Service {
 public:
  explicit AnsweringService(bool is_echo) : is_echo_(is_echo) {}

 private:
  grpc::Status Exchange(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<raftpb::Message, raftpb::Message>* stream)
      override {
    uint64_t unanswered = 0;
    uint64_t bytes = 0;
    raftpb::Message message;
    while (stream->Read(&message)) {
      const bool is_append = message.type() == raftpb::MsgApp;
      ++unanswered;
      for (const raftpb::Entry& entry : message.entries()) {
        bytes += entry.data().size();
      }
      if (!is_echo_ && unanswered < kAnswerMessages && bytes < kAnswerBytes) {
        continue;
      }
      unanswered = bytes = 0;
      raftpb::Message answer;
      answer.set_type(is_append ? raftpb::MsgAppResp
                                : raftpb::MsgHeartbeatResp);
      answer.set_index(is_append ? message.index() + static_cast<uint64_t>(
                                                         message.entries_size())
                                 : message.commit());
      stream->Write(answer);
    }
    return grpc::Status::OK;
  }

  const bool is_echo_;
};

int Receive(const Flags& flags) {
  AnsweringService service(flags.mode == Flags::Mode::kEcho);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(AddressOf(flags.listen),
                           grpc::InsecureServerCredentials());
  builder.SetMaxReceiveMessageSize(-1);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return Fail("cannot listen on " + flags.listen);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  int caught = 0;
  sigwait(&signals, &caught);
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

class SendingStream {
 public:
  using Stream = grpc::ClientReaderWriter<raftpb::Message, raftpb::Message>;

  explicit SendingStream(const Flags& flags)
      : stub_(RaftStream::NewStub(
            grpc::CreateChannel(AddressOf(flags.peers[0].second),
                                grpc::InsecureChannelCredentials()))) {
    context_.set_wait_for_ready(true);
    stream_ = stub_->Exchange(&context_);
  }
  Stream& operator*() { return *stream_; }
  Stream* operator->() { return stream_.get(); }
  void End(std::thread& reading) {
    stream_->WritesDone();
    context_.TryCancel();
    reading.join();
    stream_->Finish();
  }

 private:
  const std::unique_ptr<RaftStream::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<Stream> stream_;
};

MessageMaker::Options MessagesOf(const Flags& flags) {
  return {.kind = flags.kind,
          .from = flags.id,
          .to = flags.peers[0].first,
          .entry_bytes = flags.size,
          .entries = flags.entries,
          .fills_entries = false};
}

int Send(const Flags& flags) {
  const MessageMaker maker(MessagesOf(flags));
  WindowedLoad load(WindowOf(flags));
  SendingStream stream(flags);
  std::thread reading([&] {
    raftpb::Message answer;
    while (stream->Read(&answer)) {
      load.OnAnswer(answer.index() / maker.options().entries);
    }
  });
  uint64_t number = 0;
  RunAndPrint(flags, load, /*batch=*/32, [&](uint64_t room) {
    for (uint64_t i = 1; i <= room; ++i) {
      grpc::WriteOptions options;
      if (i < room) options.set_buffer_hint();
      if (!stream->Write(maker.Make(++number), options)) return i;
    }
    return room;
  });
  stream.End(reading);
  return 0;
}

// Heartbeats, one each 5 ms, beside appends that keep the peer busy.
int Delay(Flags flags) {
  flags.size = 1 << 20;
  const MessageMaker appends(MessagesOf(flags));
  WindowedLoad load(WindowOf(flags));
  SendingStream stream(flags);
  std::mutex mutex;
  std::map<uint64_t, absl::Time> sent_at;
  Histogram latencies;
  std::thread reading([&] {
    raftpb::Message answer;
    while (stream->Read(&answer)) {
      if (answer.type() == raftpb::MsgAppResp) {
        load.OnAnswer(answer.index());
        continue;
      }
      const std::lock_guard<std::mutex> lock(mutex);
      const auto found = sent_at.find(answer.index());
      if (found == sent_at.end()) continue;
      latencies.Add(static_cast<uint64_t>(
          absl::ToInt64Nanoseconds(absl::Now() - found->second)));
      sent_at.erase(found);
    }
  });
  std::mutex writing;
  const absl::Time end = absl::Now() + flags.duration;
  std::thread beating([&] {
    for (uint64_t i = 1; absl::Now() < end; ++i) {
      raftpb::Message heartbeat;
      heartbeat.set_type(raftpb::MsgHeartbeat);
      heartbeat.set_commit(i);
      {
        const std::lock_guard<std::mutex> lock(mutex);
        sent_at[i] = absl::Now();
      }
      {
        const std::lock_guard<std::mutex> lock(writing);
        stream->Write(heartbeat);
      }
      absl::SleepFor(absl::Milliseconds(5));
    }
  });
  uint64_t number = 0;
  load.Run(flags.duration, /*batch=*/1, [&](uint64_t) {
    const std::lock_guard<std::mutex> lock(writing);
    stream->Write(appends.Make(++number));
    return uint64_t{1};
  });
  beating.join();
  {
    const std::lock_guard<std::mutex> lock(mutex);
    Print(flags, {{"heartbeats", static_cast<uint64_t>(latencies.count())},
                  {"unanswered", sent_at.size()},
                  {"appends_s", static_cast<double>(number) /
                                    absl::ToDoubleSeconds(flags.duration)},
                  {"p50_us", latencies.Percentile(0.5)},
                  {"p99_us", latencies.Percentile(0.99)}});
  }
  stream.End(reading);
  return 0;
}

}  // namespace

int GrpcMain(const Flags& flags) {
  switch (flags.mode) {
    case Flags::Mode::kRecv:
    case Flags::Mode::kEcho:
      return Receive(flags);
    case Flags::Mode::kSend:
    case Flags::Mode::kPingPong:
      return Send(flags);
    case Flags::Mode::kDelay:
      return Delay(flags);
    default:
      return Fail("no such --mode here");
  }
}

}  // namespace rafthttp::bench

int main(int argc, char** argv) {
  // For sigwait: before there are threads.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return rafthttp::bench::GrpcMain(rafthttp::bench::ParseFlags(argc, argv));
}
