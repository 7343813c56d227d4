#include "rafthttp/stats/leader_stats.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "rafthttp/stats/go_json.h"

namespace rafthttp {

void FollowerStats::Succ(absl::Duration latency, uint64_t count) {
  if (count == 0) return;
  MutexLock lock(mutex_);
  // In the order in which etcd computes it, so that not a bit differs.
  const auto before = static_cast<double>(successes_);
  const auto added = static_cast<double>(count);
  const double total = before * average_;
  const double total_square = before * average_square_;
  successes_ += count;
  current_ = static_cast<double>(absl::ToInt64Nanoseconds(latency)) / 1000000.0;
  if (current_ > maximum_) maximum_ = current_;
  if (current_ < minimum_) minimum_ = current_;
  const auto now = static_cast<double>(successes_);
  average_ = (total + added * current_) / now;
  average_square_ = (total_square + added * (current_ * current_)) / now;
  const double variance = average_square_ - average_ * average_;
  deviation_ = variance > 0 ? std::sqrt(variance) : 0;
}

void FollowerStats::Fail(uint64_t count) {
  MutexLock lock(mutex_);
  failures_ += count;
}

std::string FollowerStats::ToJson() const {
  MutexLock lock(mutex_);
  return absl::StrCat("{\"latency\":{\"current\":", GoJsonNumber(current_),
                      ",\"average\":", GoJsonNumber(average_),
                      ",\"standardDeviation\":", GoJsonNumber(deviation_),
                      ",\"minimum\":", GoJsonNumber(minimum_),
                      ",\"maximum\":", GoJsonNumber(maximum_),
                      "},\"counts\":{\"fail\":", failures_,
                      ",\"success\":", successes_, "}}");
}

LeaderStats::LeaderStats(MemberId self) : self_(self) {}

std::shared_ptr<FollowerStats> LeaderStats::Follower(MemberId id) {
  MutexLock lock(mutex_);
  std::shared_ptr<FollowerStats>& follower = followers_[id.ToHex()];
  if (follower == nullptr) follower = std::make_shared<FollowerStats>();
  return follower;
}

void LeaderStats::Remove(MemberId id) {
  MutexLock lock(mutex_);
  followers_.erase(id.ToHex());
}

std::string LeaderStats::ToJson() const {
  MutexLock lock(mutex_);
  std::string out =
      absl::StrCat("{\"leader\":\"", self_.ToHex(), "\",\"followers\":{");
  absl::string_view separator = "";
  for (const auto& [id, follower] : followers_) {
    absl::StrAppend(&out, separator, "\"", id, "\":", follower->ToJson());
    separator = ",";
  }
  out += "}}";
  return out;
}

}  // namespace rafthttp
