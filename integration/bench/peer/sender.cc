#include "integration/bench/peer/sender.h"

#include <time.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "absl/time/clock.h"

namespace rafthttp::bench {
namespace {

uint64_t WindowOf(const Sender::Options& options) {
  uint64_t window = options.window;
  const uint64_t bytes =
      options.messages.kind == Kind::kApp
          ? options.messages.entry_bytes * options.messages.entries
          : 0;
  if (bytes > 0) window = std::min(window, options.window_bytes / bytes);
  return std::max<uint64_t>(window, 1);
}

}  // namespace

Sender::Sender(Transport& transport, Options options)
    : transport_(transport),
      options_(options),
      maker_(options.messages),
      window_(WindowOf(options)),
      sent_at_(std::bit_ceil(window_ + 1)),
      ring_mask_(sent_at_.size() - 1) {
  batch_.reserve(options_.batch);
}

int64_t Sender::NowNanos() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1000000000} + now.tv_nsec;
}

void Sender::Send(uint64_t messages, int64_t now) {
  if (!options_.is_plain && !options_.messages.fills_entries) {
    for (uint64_t i = 0; i < messages; ++i) {
      const uint64_t number = ++sent_;
      sent_at_[number & ring_mask_] = now;
      // The data is ours and stays.
      transport_.Send(maker_.MakeView(number), nullptr);
    }
    return;
  }
  batch_.clear();
  for (uint64_t i = 0; i < messages; ++i) {
    const uint64_t number = ++sent_;
    sent_at_[number & ring_mask_] = now;
    batch_.push_back(maker_.Make(number));
  }
  transport_.Send(absl::MakeSpan(batch_));
}

void Sender::SendOne() { Send(1, NowNanos()); }

void Sender::SetEnd(uint64_t count, absl::Time end) {
  last_to_send_ =
      count == 0 ? std::numeric_limits<uint64_t>::max() : sent_ + count;
  end_nanos_ = end == absl::InfiniteFuture()
                   ? std::numeric_limits<int64_t>::max()
                   : NowNanos() + absl::ToInt64Nanoseconds(end - absl::Now());
}

void Sender::Begin(uint64_t count, absl::Time end) {
  SetEnd(count, end);
  is_over_ = false;
  is_pumping_ = true;
  Pump();
}

void Sender::Pump() {
  if (!is_pumping_) return;
  const int64_t now = NowNanos();
  if (now >= end_nanos_ || sent_ >= last_to_send_) {
    is_pumping_ = false;
    is_over_ = true;
    return;
  }
  while (true) {
    const uint64_t outstanding = sent_ - acked_;
    if (outstanding >= window_ || sent_ >= last_to_send_) return;
    Send(std::min(
             {window_ - outstanding, options_.batch, last_to_send_ - sent_}),
         now);
  }
}

void Sender::BeginPaced(double rate, uint64_t count, absl::Time end) {
  SetEnd(count, end);
  rate_ = rate;
  begin_nanos_ = NowNanos();
  first_ = sent_;
  is_over_ = false;
}

bool Sender::SendDue() {
  const int64_t now = NowNanos();
  const auto due_by_now = static_cast<uint64_t>(
      static_cast<double>(now - begin_nanos_) / 1e9 * rate_);
  uint64_t due = first_ + due_by_now + 1;
  due = std::min(due, last_to_send_);
  while (sent_ < due && sent_ - acked_ < window_) {
    Send(std::min({due - sent_, options_.batch, window_ - (sent_ - acked_)}),
         now);
  }
  is_over_ = now >= end_nanos_ || sent_ >= last_to_send_;
  return !is_over_;
}

void Sender::OnAnswer(const codec::MessageView& message) {
  if (message.type != raftpb::MsgAppResp &&
      message.type != raftpb::MsgHeartbeatResp) {
    return;
  }
  ++answers_;
  const uint64_t number = message.index / maker_.options().entries;
  const uint64_t before = acked_;
  if (number <= before) return;
  if (is_recording_) {
    const int64_t now = NowNanos();
    for (uint64_t i = before + 1; i <= number; ++i) {
      latencies_.Add(static_cast<uint64_t>(
          std::max<int64_t>(now - sent_at_[i & ring_mask_], 0)));
    }
  }
  seen_ = message.commit;
  acked_ = number;
}

uint64_t Sender::GiveUp() {
  const uint64_t lost = sent_ - std::min(acked_, sent_);
  acked_ = sent_;
  return lost;
}

}  // namespace rafthttp::bench
