#ifndef RAFTHTTP_EVENT_UV_STATUS_H_
#define RAFTHTTP_EVENT_UV_STATUS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rafthttp::event {

// What libuv says, as a status with its IoCause: "<op>: connection refused".
// `err` is a libuv code, a negated errno included; zero and above are OK.
absl::Status StatusFromUv(int err, absl::string_view op);

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_UV_STATUS_H_
