#ifndef RAFTHTTP_BASE_CHECK_H_
#define RAFTHTTP_BASE_CHECK_H_

#include "absl/base/optimization.h"

// Checks for our own bugs: a wrong thread, an impossible state, a broken
// precondition. What the world does (peer bytes, sockets, files, flags) is
// answered with an absl::Status instead.
//
//   CHECK(loop.IsCurrent());
//
// A failed check prints its text and place to stderr and aborts. The condition
// is always evaluated, and must have no side effects. Write two checks rather
// than one with `&&`, so that the text says which half failed.
#define CHECK(condition)        \
  (ABSL_PREDICT_TRUE(condition) \
       ? static_cast<void>(0)   \
       : ::rafthttp::internal::CheckFailed(#condition, __FILE__, __LINE__))

namespace rafthttp::internal {

[[noreturn]] void CheckFailed(const char* condition, const char* file,
                              int line);

}  // namespace rafthttp::internal

#endif  // RAFTHTTP_BASE_CHECK_H_
