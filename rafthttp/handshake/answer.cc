#include "rafthttp/handshake/answer.h"

#include "absl/strings/strip.h"

namespace rafthttp {
namespace {

// Go ends each error text with one newline.
Answer ReadPreconditionFailed(absl::string_view body) {
  const absl::string_view text = absl::StripSuffix(body, "\n");
  if (text == "incompatible version") return Answer::kVersionIncompatible;
  if (text == "cluster ID mismatch") return Answer::kClusterMismatch;
  if (text == "to field mismatch") return Answer::kToMismatch;
  return Answer::kUnexpected;
}

}  // namespace

Answer ReadStreamAnswer(int status, absl::string_view body) {
  switch (status) {
    case 200:
      return Answer::kOk;
    case 404:
      return Answer::kNotFound;
    case 410:
      return Answer::kMemberRemoved;
    case 412:
      return ReadPreconditionFailed(body);
    default:
      return Answer::kUnexpected;
  }
}

Answer ReadPostAnswer(int status, absl::string_view body) {
  switch (status) {
    case 204:
      return Answer::kOk;
    case 403:
      return Answer::kMemberRemoved;
    case 404:
      return Answer::kNotFound;
    case 412:
      return ReadPreconditionFailed(body);
    default:
      return Answer::kUnexpected;
  }
}

}  // namespace rafthttp
