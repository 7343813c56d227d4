#include "integration/bench/peer/flags.h"

#include <cstdio>
#include <cstdlib>
#include <map>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace rafthttp::bench {
namespace {

const std::map<std::string, Flags::Mode>& Modes() {
  static const auto& modes = *new std::map<std::string, Flags::Mode>{
      {"recv", Flags::Mode::kRecv},
      {"echo", Flags::Mode::kEcho},
      {"send", Flags::Mode::kSend},
      {"pingpong", Flags::Mode::kPingPong},
      {"delay", Flags::Mode::kDelay},
      {"snapsend", Flags::Mode::kSnapSend},
      {"conncost", Flags::Mode::kConnCost},
      {"farm", Flags::Mode::kFarm}};
  return modes;
}

// IDs as the other programs write them: decimal, or hex after 0x.
uint64_t ParseId(const std::string& text) {
  uint64_t id = 0;
  if (absl::StartsWith(text, "0x")) {
    const auto hex = MemberId::FromHex(text.substr(2));
    if (hex.ok()) return hex->value();
  } else if (absl::SimpleAtoi(text, &id)) {
    return id;
  }
  throw CLI::ValidationError("not an ID: " + text);
}

absl::Duration ParseDuration(const std::string& text) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration)) {
    throw CLI::ValidationError("not a duration: " + text);
  }
  return duration;
}

void AddDuration(CLI::App& app, const char* name, absl::Duration& value,
                 const char* help) {
  app.add_option_function<std::string>(
      name, [&value](const std::string& text) { value = ParseDuration(text); },
      help);
}

}  // namespace

Flags ParseFlags(int argc, char** argv) {
  Flags flags;
  CLI::App app(
      "One member with a do-nothing raft, to measure our transport with: takes "
      "the flags, and prints the JSON, of the measuring stick's own programs.");
  app.add_option_function<std::string>(
      "--id",
      [&](const std::string& text) { flags.id = MemberId(ParseId(text)); },
      "own member ID (decimal or 0x...)");
  app.add_option_function<std::string>(
      "--cluster-id",
      [&](const std::string& text) {
        flags.cluster_id = ClusterId(ParseId(text));
      },
      "cluster ID");
  app.add_option("--listen", flags.listen, "own peer URL");
  app.add_option_function<std::vector<std::string>>(
      "--peer",
      [&](const std::vector<std::string>& texts) {
        for (const std::string& text : texts) {
          const std::vector<std::string> parts =
              absl::StrSplit(text, absl::MaxSplits('=', 1));
          if (parts.size() != 2) throw CLI::ValidationError("want id=url");
          flags.peers.emplace_back(MemberId(ParseId(parts[0])), parts[1]);
        }
      },
      "peer as id=url, repeatable; the first is the one sent to");
  app.add_option("--mode", flags.mode_name,
                 "recv|echo|send|pingpong|delay|snapsend|conncost|farm");
  app.add_option("--type", flags.type_name, "app|heartbeat|appresp");
  app.add_option("--size", flags.size, "bytes of data in each entry");
  app.add_option("--entries", flags.entries, "entries in each MsgApp");
  app.add_option("--count", flags.count, "messages or snapshots; 0: no limit");
  AddDuration(app, "--duration", flags.duration, "how long to send");
  AddDuration(app, "--warmup", flags.warmup, "unmeasured sending before");
  app.add_option("--window", flags.window, "messages unanswered at most");
  app.add_option("--window-bytes", flags.window_bytes,
                 "entry bytes unanswered at most");
  app.add_option("--batch", flags.batch, "messages per Send call");
  app.add_option("--rate", flags.rate, "messages per second; 0: all it can");
  app.add_option("--ack-every", flags.ack_every, "recv: answer every so many");
  app.add_option("--ack-bytes", flags.ack_bytes, "recv: or so many bytes");
  AddDuration(app, "--ack-delay", flags.ack_delay, "recv: or after so long");
  app.add_option("--data-dir", flags.data_dir, "where snapshots are put");
  app.add_option("--file", flags.file, "snapsend: file to push");
  app.add_option("--snap-bytes", flags.snap_bytes, "snapsend: or its size");
  app.add_option("--verify-dir", flags.verify_dir,
                 "snapsend: the receiver's data-dir, to compare what it got");
  app.add_option("--peer-pid", flags.peer_pid, "the receiver's process");
  app.add_flag("--inproc", flags.is_inproc, "run the receiver here, too");
  app.add_flag("--allow-drops", flags.allows_drops,
               "let --window exceed the queues of 4096");
  app.add_flag("--check", flags.is_checked,
               "give entries contents, check them");
  app.add_flag("--json", flags.is_json, "print one line of JSON");
  app.add_flag("--verbose", flags.is_verbose, "let the transport log");
  app.add_flag("--plain", flags.is_plain,
               "raftpb::Message in and out, rather than views");
  AddDuration(app, "--max-life", flags.max_life, "leave after this time");
  AddDuration(app, "--connect-wait", flags.connect_wait,
              "how long to wait for the peer");
  app.add_option("--npeers", flags.npeers, "conncost, farm: peers");
  app.add_option_function<std::string>(
      "--peer-base-id",
      [&](const std::string& text) { flags.peer_base_id = ParseId(text); },
      "conncost, farm: ID of the first");
  app.add_option("--peer-url", flags.peer_url, "conncost: URL of the farm");
  AddDuration(app, "--settle", flags.settle, "conncost: wait before measuring");
  AddDuration(app, "--idle", flags.idle, "conncost: idle time measured");
  try {
    app.parse(argc, argv);
    const auto mode = Modes().find(flags.mode_name);
    if (mode == Modes().end()) throw CLI::ValidationError("unknown --mode");
    flags.mode = mode->second;
    if (flags.type_name == "heartbeat") {
      flags.kind = Kind::kHeartbeat;
    } else if (flags.type_name == "appresp") {
      flags.kind = Kind::kAppResp;
    } else if (flags.type_name != "app") {
      throw CLI::ValidationError("unknown --type");
    }
    if (flags.entries < 1 || flags.batch < 1) {
      throw CLI::ValidationError("--entries and --batch start at 1");
    }
    if (flags.window > 4096 && !flags.allows_drops) {
      throw CLI::ValidationError("--window over 4096 needs --allow-drops");
    }
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  if (flags.duration == absl::ZeroDuration() && flags.count == 0) {
    flags.duration = absl::Seconds(2);
  }
  if (flags.data_dir.empty()) {
    const char* const dir = std::getenv("TMPDIR");
    flags.data_dir = dir != nullptr ? dir : "/tmp";
  }
  return flags;
}

}  // namespace rafthttp::bench
