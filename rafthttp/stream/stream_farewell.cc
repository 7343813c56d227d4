#include "rafthttp/stream/stream_farewell.h"

#include <utility>

#include "absl/status/statusor.h"
#include "rafthttp/http1/chunked.h"

namespace rafthttp {

StreamFarewell::StreamFarewell(event::EventLoop& loop,
                               std::unique_ptr<event::ByteStream> stream)
    : stream_(std::move(stream)), timer_(loop.NewTimer([this] { Close(); })) {
  WriteFinalChunk();
}

void StreamFarewell::WriteFinalChunk() {
  absl::string_view rest = http1::ChunkEncoder::kFinalChunk;
  const absl::StatusOr<size_t> written = stream_->TryWrite({rest});
  if (!written.ok()) return Close();
  rest.remove_prefix(*written);
  if (!rest.empty()) {
    // If it fails, the reader hears of it.
    stream_->Write({rest}, [](const absl::Status&) {});
  }
  stream_->ShutdownWrite();
  stream_->StartReading(*this);
  timer_->Start(kLinger);
}

void StreamFarewell::OnBytes(absl::string_view bytes) {
  unread_bytes_ += bytes.size();
  if (unread_bytes_ > kUnreadBytesMax) Close();
}

void StreamFarewell::OnEnd(absl::Status) { Close(); }

void StreamFarewell::Close() {
  timer_->Cancel();
  stream_.reset();
}

}  // namespace rafthttp
