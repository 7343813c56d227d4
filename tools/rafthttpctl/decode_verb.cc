#include "tools/rafthttpctl/decode_verb.h"

#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/rafthttpctl/decode.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/output.h"
#include "tools/rafthttpctl/record_flags.h"
#include "tools/rafthttpctl/snap_decode.h"

namespace rafthttpctl {
namespace {

struct DecodeFlags {
  std::string file;
  std::string format = "auto";
  std::string as = "auto";
  RecordFlags record;
};

ExitCode Run(const CommonOptions& common, const DecodeFlags& flags) {
  // Captures can be large, and nobody else here reads standard input.
  std::ios::sync_with_stdio(false);
  DecodeOptions options;
  options.file = flags.file;
  const auto format = ParseDecodeFormat(flags.format);
  if (!format.ok()) return Fail(format.status());
  options.format = *format;
  const auto as = ParseDecodeAs(flags.as);
  if (!as.ok()) return Fail(as.status());
  options.as = *as;
  options.is_json = common.write_out == WriteOut::kJson;
  options.uses_color = common.uses_color;
  if (IsSnapFileName(options.file) && options.as == DecodeAs::kAuto &&
      options.format == DecodeFormat::kAuto) {
    return DecodeSnapFileAt(options.file, options.is_json);
  }
  if (absl::EndsWith(options.file, ".snap.db")) {
    return Fail(ExitCode::kUsage,
                absl::StrCat(options.file,
                             " is a database, with no raft messages in it: "
                             "etcdctl snapshot status reads it"));
  }
  const absl::Status status =
      ReadRecordFlags(flags.record, options.record, options.filter);
  if (!status.ok()) return Fail(status);
  return RunDecode(
      options, std::cin,
      [](absl::string_view lines) { return WriteAll(STDOUT_FILENO, lines); },
      std::cerr);
}

}  // namespace

void AddDecode(CLI::App& app, const CommonOptions& common, RunVerb& run) {
  CLI::App* verb = app.add_subcommand("decode",
                                      "decode offline: raft messages in hex, "
                                      "base64 or raw, records, .snap files");
  verb->fallthrough();
  auto flags = std::make_shared<DecodeFlags>();
  verb->add_option("FILE", flags->file, "what to read (default, or -: stdin)");
  verb->add_option("--format", flags->format,
                   "hex, base64, raw, ndjson (as tail prints it) or auto")
      ->type_name("FORMAT");
  verb->add_option("--as", flags->as,
                   "message, entry, snapshot, frames-message, frames-msgapp or "
                   "auto")
      ->type_name("WHAT");
  AddRecordFlags(*verb, flags->record);
  verb->footer(
      "Examples:\n"
      "  echo 0804100118022003280230063801 | rafthttpctl decode\n"
      "  rafthttpctl decode 0000000000000002-00000000000015ec.snap -w text\n"
      "  rafthttpctl decode --key /registry/ -w text capture.ndjson\n"
      "\nCommon flags: rafthttpctl --help");
  verb->callback([&common, &run, flags] {
    run = [&common, flags] { return Run(common, *flags); };
  });
}

}  // namespace rafthttpctl
