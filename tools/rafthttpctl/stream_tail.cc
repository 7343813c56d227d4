#include "tools/rafthttpctl/stream_tail.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "rafthttp/codec/message_writer.h"
#include "raftpb/raft.pb.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/record.h"

namespace rafthttpctl {

using rafthttp::CloseReason;
using rafthttp::StreamKind;
using rafthttp::StreamReader;

StreamTail::StreamTail(TailSession& session, Options options)
    : session_(session),
      options_(std::move(options)),
      connector_(session.loop()),
      client_(session.loop(), connector_,
              {.connect_timeout = options_.target.timeout}),
      end_timer_(session.loop().NewTimer([this] {
        if (on_end_) std::exchange(on_end_, nullptr)(end_code_);
      })),
      dial_timer_(session.loop().NewTimer([this] { Dial(); })),
      picker_({options_.target.url}) {}

StreamTail::~StreamTail() = default;

void StreamTail::Start(absl::AnyInvocable<void(ExitCode)> on_end) {
  on_end_ = std::move(on_end);
  preflight_.emplace(client_, options_.target);
  preflight_->Start([this](StreamPreflight::Result result) {
    if (const auto* refused = std::get_if<StreamPreflight::Refused>(&result)) {
      End(Fail(refused->code, refused->why));
      return;
    }
    target_ = std::get<StreamPreflight::Cleared>(std::move(result));
    Dial();
  });
}

void StreamTail::Stop(absl::AnyInvocable<void(ExitCode)> on_stopped) {
  on_end_ = nullptr;
  preflight_.reset();
  end_timer_->Cancel();
  dial_timer_->Cancel();
  readers_.clear();
  // The answer comes in a turn of its own.
  dial_timer_ = session_.loop().NewTimer(
      [this, on_stopped = std::move(on_stopped)]() mutable {
        on_stopped(end_code_);
      });
  dial_timer_->Start(absl::ZeroDuration());
}

void StreamTail::set_is_paused(bool is_paused) {
  is_paused_ = is_paused;
  for (const auto& reader : readers_) reader->set_is_paused(is_paused);
}

ExitCode StreamTail::PatienceLost() const {
  if (!opened_.empty() && !last_failure_) return ExitCode::kDone;
  return last_failure_.value_or(ExitCode::kUnreachable);
}

void StreamTail::End(ExitCode code) {
  readers_.clear();
  end_code_ = code;
  end_timer_->Start(absl::ZeroDuration());
}

void StreamTail::Dial() {
  readers_.clear();
  for (const StreamKind kind : options_.kinds) {
    StreamReader::Options options;
    options.kind = kind;
    options.peer = target_.addressees.front();
    options.identity = target_.identity;
    options.dial_timeout = options_.target.timeout;
    readers_.push_back(std::make_unique<StreamReader>(
        session_.loop(), connector_, picker_,
        static_cast<StreamReader::Events&>(*this), options));
    readers_.back()->set_is_paused(is_paused_);
    readers_.back()->Start();
  }
}

void StreamTail::OnStreamOpened(StreamReader& reader,
                                const StreamReader::Opened& opened) {
  opened_.insert(reader.kind());
  last_failure_.reset();
  session_.printer().PrintEvent(
      events_.Opened(reader.peer(), reader.kind(), opened));
}

void StreamTail::OnStreamMessage(StreamReader& reader,
                                 const rafthttp::codec::MessageView& view) {
  if (session_.is_done()) return;
  raftpb::Message message;
  view.CopyTo(&message);
  std::string raw;
  if (options_.wants_raw) rafthttp::codec::AppendEncoded(view, &raw);
  Show(reader.kind(), message,
       view.encoded.empty() ? message.ByteSizeLong() : view.encoded.size(),
       raw);
}

void StreamTail::OnStreamLinkHeartbeat(StreamReader& reader) {
  if (!options_.shows_link_heartbeats || session_.is_done()) return;
  raftpb::Message message;
  message.set_type(raftpb::MsgHeartbeat);
  Show(reader.kind(), message, message.ByteSizeLong(), "");
}

void StreamTail::Show(StreamKind kind, const raftpb::Message& message,
                      size_t bytes, absl::string_view raw) {
  RecordInput input;
  input.time = absl::Now();
  input.source = "stream";
  input.stream = std::string(StreamKindName(kind));
  input.bytes = bytes;
  input.raw = raw;
  input.message = &message;
  session_.printer().PrintMessage(input);
  session_.AfterRecord();
}

void StreamTail::OnStreamClosed(StreamReader& reader,
                                const StreamReader::Closed& closed) {
  last_failure_ = ExitCodeOf(closed.reason);
  const bool was_never_open = opened_.count(reader.kind()) == 0;
  if (closed.reason == CloseReason::kToMismatch && was_never_open &&
      target_.addressees.size() > 1) {
    // Not this one; not from inside the reader's callback.
    target_.addressees.erase(target_.addressees.begin());
    dial_timer_->Start(absl::ZeroDuration());
    return;
  }
  if (was_never_open || !rafthttp::IsTransient(closed.reason)) {
    End(Fail(ExitCodeOf(closed.reason),
             absl::StrCat(CloseReasonName(closed.reason), ": ",
                          closed.status.message())));
    return;
  }
  if (const auto event = events_.Closed(reader.peer(), reader.kind(), closed)) {
    session_.printer().PrintEvent(*event);
  }
}

}  // namespace rafthttpctl
