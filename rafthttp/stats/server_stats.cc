#include "rafthttp/stats/server_stats.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rafthttp/stats/go_json.h"

namespace rafthttp {
namespace {

// The two keys of one direction, left out where they are 0.
void AppendRate(const RateRing::Rate& rate, absl::string_view direction,
                std::string* out) {
  if (rate.requests_per_second != 0) {
    absl::StrAppend(out, ",\"", direction,
                    "PkgRate\":", GoJsonNumber(rate.requests_per_second));
  }
  if (rate.bytes_per_second != 0) {
    absl::StrAppend(out, ",\"", direction,
                    "BandwidthRate\":", GoJsonNumber(rate.bytes_per_second));
  }
}

}  // namespace

ServerStats::ServerStats(std::string name, MemberId id, absl::Time now,
                         absl::TimeZone zone)
    : name_(std::move(name)),
      id_(id),
      start_time_(now),
      zone_(zone),
      leader_since_(now) {}

void ServerStats::RecvAppendReqs(MemberId leader, uint64_t count,
                                 uint64_t bytes, absl::Time now) {
  if (count == 0) return;
  MutexLock lock(mutex_);
  is_leader_ = false;
  if (leader_ != leader) {
    leader_ = leader;
    leader_since_ = now;
  }
  received_ += count;
  receiving_.Add(count, bytes, now);
}

void ServerStats::SendAppendReqs(uint64_t count, uint64_t bytes,
                                 absl::Time now) {
  if (count == 0) return;
  MutexLock lock(mutex_);
  Lead(now);
  sent_ += count;
  sending_.Add(count, bytes, now);
}

void ServerStats::BecomeLeader(absl::Time now) {
  MutexLock lock(mutex_);
  Lead(now);
}

void ServerStats::Lead(absl::Time now) {
  if (is_leader_) return;
  is_leader_ = true;
  leader_ = id_;
  leader_since_ = now;
}

std::string ServerStats::ToJson(absl::Time now) const {
  MutexLock lock(mutex_);
  const absl::Duration uptime =
      std::max(now - leader_since_, absl::ZeroDuration());
  std::string out = absl::StrCat(
      "{\"name\":", GoJsonString(name_), ",\"id\":\"", id_.ToHex(),
      "\",\"state\":\"", is_leader_ ? "StateLeader" : "StateFollower",
      "\",\"startTime\":", GoJsonTime(start_time_, zone_),
      ",\"leaderInfo\":{\"leader\":\"",
      leader_.is_zero() ? "" : leader_.ToHex(), "\",\"uptime\":\"",
      GoDurationText(uptime),
      "\",\"startTime\":", GoJsonTime(leader_since_, zone_),
      "},\"recvAppendRequestCnt\":", received_);
  AppendRate(receiving_.Measure(now), "recv", &out);
  absl::StrAppend(&out, ",\"sendAppendRequestCnt\":", sent_);
  AppendRate(sending_.Measure(now), "send", &out);
  out += '}';
  return out;
}

}  // namespace rafthttp
