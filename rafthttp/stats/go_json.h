#ifndef RAFTHTTP_STATS_GO_JSON_H_
#define RAFTHTTP_STATS_GO_JSON_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rafthttp {

// Values as Go's encoding/json writes them, to the byte.

// In quotes. Markup and line separators are escaped; what is not UTF-8 becomes
// U+FFFD, byte by byte.
std::string GoJsonString(absl::string_view text);
// The shortest decimal that reads back as `number`, which must be finite; with
// an exponent below 1e-6 and from 1e21 on.
std::string GoJsonNumber(double number);
// RFC 3339 in quotes, with as many fraction digits as it takes, down to the
// nanosecond.
std::string GoJsonTime(absl::Time time, absl::TimeZone zone);

// As Go's Duration.String: "1h0m0.5s", "1.5ms", "0s". Not quoted. Durations
// beyond 292 years count as that.
std::string GoDurationText(absl::Duration duration);

}  // namespace rafthttp

#endif  // RAFTHTTP_STATS_GO_JSON_H_
