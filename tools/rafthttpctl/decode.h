#ifndef TOOLS_RAFTHTTPCTL_DECODE_H_
#define TOOLS_RAFTHTTPCTL_DECODE_H_

#include <istream>
#include <ostream>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/rafthttpctl/exit_code.h"
#include "tools/rafthttpctl/filter.h"
#include "tools/rafthttpctl/record.h"

namespace rafthttpctl {

// How bytes are written down.
enum class DecodeFormat { kAuto, kHex, kBase64, kRaw, kNdjson };
// What they are.
enum class DecodeAs {
  kAuto,  // frames or a message; an entry or a snapshot if it can be no message
  kMessage,
  kEntry,
  kSnapshot,
  kFramesMessage,  // the body of a stream of that kind
  kFramesMsgApp,
};

// "auto", "hex", "base64", "raw", "ndjson"; kInvalidArgument lists them.
absl::StatusOr<DecodeFormat> ParseDecodeFormat(absl::string_view text);
// "auto", "message", "entry", "snapshot", "frames-message", "frames-msgapp".
absl::StatusOr<DecodeAs> ParseDecodeAs(absl::string_view text);

struct DecodeOptions {
  std::string file;  // empty or "-" for `in`
  DecodeFormat format = DecodeFormat::kAuto;
  DecodeAs as = DecodeAs::kAuto;
  bool is_json = true;
  bool uses_color = false;
  RecordOptions record;
  FilterOptions filter;
};

// Shows what is in a file: the bytes of a message, an entry, a snapshot or a
// stream, in hex, base64 or as they are, each line one or all lines together;
// or the records that `tail -w json` printed, decoded anew where they hold
// `raw`.
//
// `write` gets whole lines; it answers kCancelled when nobody reads any more,
// which ends the work quietly. Errors go to `err`, at most six lines, each with
// the line or offset.
//   kDone         also if there is nothing to decode
//   kCheckFailed  a record among others is broken, or writing failed
//   kUsage        the input cannot be read, or is not what it should be
ExitCode RunDecode(const DecodeOptions& options, std::istream& in,
                   absl::FunctionRef<absl::Status(absl::string_view)> write,
                   std::ostream& err);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_DECODE_H_
