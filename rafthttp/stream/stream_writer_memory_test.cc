// What a writer takes from the heap: nothing for a message, and little when it
// is idle. In a binary of its own, as it counts every new and delete.
#include <malloc.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/tally.h"
#include "rafthttp/codec/outgoing_message.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/stream/stream_kind.h"
#include "rafthttp/stream/stream_writer.h"
#include "raftpb/raft.pb.h"

namespace {

uint64_t allocations = 0;
int64_t live_bytes = 0;

void* Allocate(size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  ++allocations;
  live_bytes += static_cast<int64_t>(malloc_usable_size(memory));
  return memory;
}

void Free(void* memory) {
  if (memory == nullptr) return;
  live_bytes -= static_cast<int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(size_t size) { return Allocate(size); }
void* operator new[](size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete[](void* memory) noexcept { Free(memory); }
void operator delete(void* memory, size_t) noexcept { Free(memory); }
void operator delete[](void* memory, size_t) noexcept { Free(memory); }

namespace rafthttp {
namespace {

// Takes everything at once.
class NullStream final : public event::ByteStream {
 public:
  void StartReading(Reader&) override {}
  void StopReading() override {}
  absl::StatusOr<size_t> TryWrite(
      absl::Span<const absl::string_view> buffers) override {
    size_t size = 0;
    for (const absl::string_view buffer : buffers) size += buffer.size();
    return size;
  }
  void Write(absl::Span<const absl::string_view>,
             absl::AnyInvocable<void(absl::Status)>) override {}
  size_t pending_write_bytes() const override { return 0; }
  void ShutdownWrite() override {}
  std::string local_address() const override { return ""; }
  std::string peer_address() const override { return ""; }
};

class IgnoredEvents final : public StreamWriter::Events {
 public:
  void OnWriterAttached(StreamWriter&) override {}
  void OnWriterDetached(StreamWriter&, StreamWriter::DetachReason,
                        const absl::Status&) override {}
  void OnWritten(StreamWriter&, const Tally&) override {}
  void OnDropped(StreamWriter&, const Tally&, DropReason) override {}
};

std::vector<codec::OutgoingMessage> Messages(size_t data_bytes) {
  std::vector<codec::OutgoingMessage> messages;
  for (uint64_t i = 0; i < 2000; ++i) {
    raftpb::Message message;
    message.set_type(raftpb::MsgApp);
    message.set_term(7);
    message.set_index(i);
    raftpb::Entry* const entry = message.add_entries();
    entry->set_index(i + 1);
    entry->set_data(std::string(data_bytes, 'x'));
    messages.emplace_back(std::move(message));
  }
  return messages;
}

class StreamWriterMemoryTest : public ::testing::TestWithParam<StreamKind> {
 protected:
  std::unique_ptr<StreamWriter> NewWriter() {
    StreamWriter::Options options;
    options.kind = GetParam();
    options.self = MemberId(1);
    options.peer = MemberId(2);
    return std::make_unique<StreamWriter>(loop_, events_, options);
  }
  static void SendAll(StreamWriter& writer, size_t data_bytes) {
    for (codec::OutgoingMessage& message : Messages(data_bytes)) {
      writer.Append(std::move(message));
    }
    writer.Flush();
  }

  event::SimLoop loop_;
  IgnoredEvents events_;
};

TEST_P(StreamWriterMemoryTest, AMessageIsNotAnAllocation) {
  for (const size_t data_bytes : {100, 5000}) {
    const std::unique_ptr<StreamWriter> writer = NewWriter();
    writer->Attach(std::make_unique<NullStream>());
    SendAll(*writer, data_bytes);
    loop_.RunFor(absl::Milliseconds(1));
    std::vector<codec::OutgoingMessage> messages = Messages(data_bytes);
    const uint64_t before = allocations;
    for (size_t i = 0; i < messages.size(); ++i) {
      writer->Append(std::move(messages[i]));
      if (i % 40 == 39) writer->Flush();
    }
    EXPECT_EQ(allocations - before, 0u);
    loop_.RunFor(absl::Milliseconds(1));
    EXPECT_EQ(writer->queued_messages(), 0u);
  }
}

TEST_P(StreamWriterMemoryTest, AnIdleWriterIsSmall) {
  auto stream = std::make_unique<NullStream>();
  const int64_t before = live_bytes;
  const std::unique_ptr<StreamWriter> writer = NewWriter();
  writer->Attach(std::move(stream));
  SendAll(*writer, 100);
  SendAll(*writer, 5000);
  loop_.RunFor(absl::Milliseconds(1));
  EXPECT_EQ(writer->queued_messages(), 0u);
  EXPECT_GT(live_bytes - before, 64 << 10);
  loop_.RunFor(absl::Seconds(6));
  EXPECT_LT(live_bytes - before, 2500);
  RecordProperty("idle_bytes", std::to_string(live_bytes - before));
  loop_.RunFor(absl::Hours(1));
  EXPECT_LT(live_bytes - before, 2500);
}

INSTANTIATE_TEST_SUITE_P(BothKinds, StreamWriterMemoryTest,
                         ::testing::Values(StreamKind::kMessage,
                                           StreamKind::kMsgApp));

}  // namespace
}  // namespace rafthttp
