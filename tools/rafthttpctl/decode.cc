#include "tools/rafthttpctl/decode.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "rafthttp/base/ids.h"
#include "rafthttp/codec/frame_decoder.h"
#include "rafthttp/codec/limits.h"
#include "rafthttp/codec/message_codec.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/message_writer.h"
#include "rafthttp/codec/msgappv2_codec.h"
#include "raftpb/raft.pb.h"
#include "tools/etcdpb/terminal_text.h"
#include "tools/rafthttpctl/text.h"

namespace rafthttpctl {

using Json = nlohmann::ordered_json;
namespace codec = rafthttp::codec;

namespace {

// The greatest message in hex, with blanks between its bytes.
constexpr size_t kInputBytesMax = size_t{3} * (512 << 20);
// The greatest message in base64, decoded beside it.
constexpr size_t kLineBytesMax = size_t{2} * (512 << 20);
// With the line that counts the others, six.
constexpr int kErrorsShownMax = 5;
constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kQuotedWidthMax = 64;

// Finds the value that `names` gives `text`.
template <typename Enum>
absl::StatusOr<Enum> FindName(
    absl::string_view text, absl::string_view flag,
    std::initializer_list<std::pair<absl::string_view, Enum>> names) {
  std::string known;
  for (const auto& [name, value] : names) {
    if (name == text) return value;
    absl::StrAppend(&known, known.empty() ? "" : ", ", name);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      flag, " ", MaybeQuoted(text, kQuotedWidthMax), ": want ", known));
}

// Reads a line of at most kLineBytesMax; false at the end of the input. Of a
// longer line, which is no record, the rest is skipped.
bool ReadLine(std::istream& in, std::vector<char>& buffer, std::string* line,
              bool* is_cut) {
  line->clear();
  *is_cut = false;
  while (true) {
    in.getline(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const auto count = static_cast<size_t>(in.gcount());
    const bool is_buffer_full =
        in.fail() && !in.eof() && !in.bad() && count == buffer.size() - 1;
    // getline counts the line feed that it takes but does not keep.
    const size_t kept = in.good() ? count - 1 : count;
    if (line->size() + kept > kLineBytesMax) {
      *is_cut = true;
    } else {
      line->append(buffer.data(), kept);
    }
    if (!is_buffer_full) return in.good() || (in.eof() && count > 0);
    in.clear();
  }
}

bool IsHexSeparator(char c) {
  return absl::ascii_isspace(static_cast<unsigned char>(c)) || c == ':' ||
         c == ',';
}

// "0803 10:01", "0x08,0x03".
absl::StatusOr<std::string> FromHexText(absl::string_view text) {
  std::string bytes;
  std::optional<int> high;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (IsHexSeparator(c)) continue;
    if (c == '0' && !high && i + 1 < text.size() &&
        (text[i + 1] == 'x' || text[i + 1] == 'X')) {
      ++i;
      continue;
    }
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) {
      return absl::InvalidArgumentError(absl::StrCat(
          Quoted(text.substr(i, 1), 1), " at offset ", i, " is no hex digit"));
    }
    const int digit =
        absl::ascii_isdigit(static_cast<unsigned char>(c))
            ? c - '0'
            : absl::ascii_tolower(static_cast<unsigned char>(c)) - 'a' + 10;
    if (high) {
      bytes.push_back(static_cast<char>(*high << 4 | digit));
      high.reset();
    } else {
      high = digit;
    }
  }
  if (high) {
    return absl::InvalidArgumentError(
        "an odd number of hex digits: the last byte is cut");
  }
  return bytes;
}

// Both alphabets, with or without padding.
absl::StatusOr<std::string> FromBase64Text(absl::string_view text) {
  std::string standard;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (absl::ascii_isspace(static_cast<unsigned char>(c))) continue;
    const char mapped = c == '-' ? '+' : c == '_' ? '/' : c;
    if (!absl::ascii_isalnum(static_cast<unsigned char>(mapped)) &&
        mapped != '+' && mapped != '/' && mapped != '=') {
      return absl::InvalidArgumentError(absl::StrCat(
          Quoted(text.substr(i, 1), 1), " at offset ", i, " is no base64"));
    }
    standard.push_back(mapped);
  }
  std::string bytes;
  if (!absl::Base64Unescape(standard, &bytes)) {
    return absl::InvalidArgumentError("base64 that is cut or badly padded");
  }
  return bytes;
}

absl::Status CheckMessage(absl::string_view bytes) {
  std::vector<codec::EntryView> entries;
  codec::MessageView view;
  return codec::ParseMessage(bytes, {}, 0, &entries, &view);
}

absl::Status CheckEntry(absl::string_view bytes) {
  codec::EntryView view;
  return codec::ParseEntry(bytes, 0, &view);
}

// Where only the decoder's opinion counts.
class NullSink final : public codec::FrameSink {
 public:
  void OnLinkHeartbeat(const codec::MessageView&) override {}
  void OnMessage(const codec::MessageView&) override {}
};

absl::Status DecodeFrames(DecodeAs as, absl::string_view bytes,
                          codec::FrameSink& sink) {
  const auto decode = [&](codec::FrameDecoder& decoder) {
    const absl::Status status = decoder.Decode(bytes, sink);
    return status.ok() ? decoder.Finish() : status;
  };
  if (as == DecodeAs::kFramesMessage) {
    codec::MessageDecoder decoder;
    return decode(decoder);
  }
  // Whose stream it was is not written in it.
  codec::MsgAppV2Decoder decoder{rafthttp::MemberId(), rafthttp::MemberId()};
  return decode(decoder);
}

absl::Status Check(DecodeAs as, absl::string_view bytes) {
  switch (as) {
    case DecodeAs::kAuto:
    case DecodeAs::kMessage:
      return CheckMessage(bytes);
    case DecodeAs::kEntry:
      return CheckEntry(bytes);
    case DecodeAs::kSnapshot:
      return codec::CheckSnapshot(bytes);
    case DecodeAs::kFramesMessage:
    case DecodeAs::kFramesMsgApp: {
      NullSink sink;
      return DecodeFrames(as, bytes, sink);
    }
  }
  return absl::InternalError("no such kind");
}

// What `bytes` are. A message never begins with a byte below 8, and a stream
// always does; what is wrong for a message may still be an entry or snapshot.
DecodeAs Recognize(absl::string_view bytes) {
  constexpr char kFirstTagMin = 8;
  if (bytes[0] >= 0 && bytes[0] < kFirstTagMin) {
    return bytes[0] != 0 || Check(DecodeAs::kFramesMsgApp, bytes).ok()
               ? DecodeAs::kFramesMsgApp
               : DecodeAs::kFramesMessage;
  }
  for (const DecodeAs as :
       {DecodeAs::kMessage, DecodeAs::kEntry, DecodeAs::kSnapshot}) {
    if (Check(as, bytes).ok()) return as;
  }
  return DecodeAs::kMessage;
}

// One thing to decode, and where it stands: "line 3: ", or nothing.
struct Piece {
  std::string bytes;
  std::string place;
};

// One run of the verb.
class Run final : private codec::FrameSink {
 public:
  Run(const DecodeOptions& options,
      absl::FunctionRef<absl::Status(absl::string_view)> write,
      std::ostream& err)
      : options_(options),
        name_(options.file.empty() || options.file == "-"
                  ? "stdin"
                  : MaybeQuoted(options.file, 4 * kQuotedWidthMax)),
        filter_(options.filter),
        write_(write),
        err_(err) {}

  ExitCode Decode(std::istream& in) {
    DecodeInput(in);
    if (errors_ > kErrorsShownMax) {
      err_ << "rafthttpctl: " << name_ << ": " << errors_ - kErrorsShownMax
           << " more are broken\n";
    }
    if (is_unreadable_) return ExitCode::kUsage;
    if (!write_status_.ok()) {
      if (absl::IsCancelled(write_status_)) return ExitCode::kDone;
      err_ << "rafthttpctl: " << write_status_.message() << "\n";
      return ExitCode::kCheckFailed;
    }
    if (errors_ == 0) return ExitCode::kDone;
    return decoded_ > 0 ? ExitCode::kCheckFailed : ExitCode::kUsage;
  }

 private:
  void DecodeInput(std::istream& in);
  void DecodeNdjson(std::istream& in, std::string head);
  void DecodeNdjsonLine(absl::string_view line, absl::string_view place);
  // Reads all of a text or of bytes, after `head`, which was read before.
  bool ReadAll(std::istream& in, std::string* head);
  // The format of `input`: what can be decoded as that format.
  void DecodeAuto(std::string input);
  // Text in hex or base64, each line by itself if that makes sense.
  void DecodeText(absl::string_view text, DecodeFormat format);
  void DecodePiece(const Piece& piece);
  void DecodeMessage(absl::string_view bytes, absl::string_view place);

  // codec::FrameSink:
  void OnLinkHeartbeat(const codec::MessageView&) override { ++decoded_; }
  void OnMessage(const codec::MessageView& message) override;

  absl::StatusOr<Json> Redecode(const Json& record, absl::string_view raw);
  void PrintMessage(const codec::MessageView& view, absl::string_view stream);
  void Print(Json record);
  void Error(absl::string_view place, absl::string_view text);
  void Unreadable(absl::string_view text);
  bool is_over() const { return !write_status_.ok() || is_unreadable_; }

  const DecodeOptions& options_;
  const std::string name_;
  const Filter filter_;
  const absl::FunctionRef<absl::Status(absl::string_view)> write_;
  std::ostream& err_;
  absl::Status write_status_;
  bool is_unreadable_ = false;
  uint64_t decoded_ = 0;
  int errors_ = 0;
  absl::string_view frames_stream_;
};

void Run::DecodeInput(std::istream& in) {
  // What is looked at to tell records from bytes: `{"`, after blanks.
  std::string head;
  const auto is_blank = [](int c) {
    return c != EOF && absl::ascii_isspace(static_cast<unsigned char>(c));
  };
  while (is_blank(in.peek()) && head.size() < kReadBytes) {
    head.push_back(static_cast<char>(in.get()));
  }
  bool is_ndjson = options_.format == DecodeFormat::kNdjson;
  if (options_.format == DecodeFormat::kAuto && in.peek() == '{') {
    head.push_back(static_cast<char>(in.get()));
    is_ndjson = in.peek() == '"' || in.peek() == '}' || in.peek() == ' ';
  }
  if (is_ndjson) {
    DecodeNdjson(in, std::move(head));
    if (in.bad()) Unreadable("cannot be read");
    return;
  }
  if (!ReadAll(in, &head)) return;
  if (head.empty()) return;
  switch (options_.format) {
    case DecodeFormat::kAuto:
      DecodeAuto(std::move(head));
      break;
    case DecodeFormat::kHex:
    case DecodeFormat::kBase64:
      DecodeText(head, options_.format);
      break;
    case DecodeFormat::kRaw:
    case DecodeFormat::kNdjson:
      DecodePiece({std::move(head), ""});
      break;
  }
}

bool Run::ReadAll(std::istream& in, std::string* head) {
  std::vector<char> buffer(kReadBytes);
  while (in.good()) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    head->append(buffer.data(), static_cast<size_t>(in.gcount()));
    if (head->size() > kInputBytesMax) {
      Unreadable("is larger than any message");
      return false;
    }
  }
  if (in.bad()) {
    Unreadable("cannot be read");
    return false;
  }
  return true;
}

void Run::DecodeAuto(std::string input) {
  const std::vector<absl::string_view> lines =
      absl::StrSplit(input, '\n', absl::SkipWhitespace());
  if (lines.empty()) return;
  const auto is_sound = [](const absl::StatusOr<std::string>& bytes) {
    return bytes.ok() && !bytes->empty() &&
           Check(Recognize(*bytes), *bytes).ok();
  };
  const auto hex = FromHexText(input);
  const auto base64 = FromBase64Text(input);
  // What is hex is base64 too, by its letters, but hardly by its meaning. And a
  // list with a broken line is still a list.
  if (hex.ok() && (!base64.ok() || is_sound(hex) || !is_sound(base64))) {
    DecodeText(input, DecodeFormat::kHex);
  } else if (is_sound(FromHexText(lines[0]))) {
    DecodeText(input, DecodeFormat::kHex);
  } else if (base64.ok() || is_sound(FromBase64Text(lines[0]))) {
    DecodeText(input, DecodeFormat::kBase64);
  } else {
    DecodePiece({std::move(input), ""});
  }
}

void Run::DecodeText(absl::string_view text, DecodeFormat format) {
  const auto from_text = [format](absl::string_view part) {
    return format == DecodeFormat::kHex ? FromHexText(part)
                                        : FromBase64Text(part);
  };
  struct Line {
    size_t number;
    absl::StatusOr<std::string> bytes;
  };
  std::vector<Line> lines;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    lines.push_back({number, from_text(line)});
  }
  if (lines.empty()) return;
  const auto is_whole = [this](const Line& line) {
    if (!line.bytes.ok() || line.bytes->empty()) return false;
    if (options_.as != DecodeAs::kAuto) {
      return Check(options_.as, *line.bytes).ok();
    }
    // Every encoder but the newest writes the type first. Without that a line
    // in the middle of a dump would often pass for a message.
    return line.bytes->front() == 0x08 && CheckMessage(*line.bytes).ok();
  };
  const auto whole =
      static_cast<size_t>(std::count_if(lines.begin(), lines.end(), is_whole));
  const auto joined = from_text(text);
  const bool is_one =
      lines.size() == 1 ||
      (whole < lines.size() && joined.ok() &&
       (whole == 0 ||
        Check(options_.as == DecodeAs::kAuto ? Recognize(*joined) : options_.as,
              *joined)
            .ok()));
  if (is_one) {
    if (joined.ok()) {
      DecodePiece({*joined, ""});
    } else {
      Error("", joined.status().message());
    }
    return;
  }
  for (Line& line : lines) {
    if (is_over()) return;
    std::string place = absl::StrCat("line ", line.number, ": ");
    if (line.bytes.ok()) {
      DecodePiece({*std::move(line.bytes), std::move(place)});
    } else {
      Error(place, line.bytes.status().message());
    }
  }
}

void Run::DecodePiece(const Piece& piece) {
  if (piece.bytes.empty()) return;
  const DecodeAs as =
      options_.as == DecodeAs::kAuto ? Recognize(piece.bytes) : options_.as;
  Json record;
  switch (as) {
    case DecodeAs::kAuto:
    case DecodeAs::kMessage:
      DecodeMessage(piece.bytes, piece.place);
      return;
    case DecodeAs::kFramesMessage:
    case DecodeAs::kFramesMsgApp: {
      frames_stream_ = as == DecodeAs::kFramesMessage ? "message" : "msgapp";
      const absl::Status status = DecodeFrames(as, piece.bytes, *this);
      if (!status.ok()) Error(piece.place, status.message());
      return;
    }
    case DecodeAs::kEntry: {
      codec::EntryView view;
      const absl::Status status = codec::ParseEntry(piece.bytes, 0, &view);
      if (!status.ok()) return Error(piece.place, status.message());
      raftpb::Entry entry;
      view.CopyTo(&entry);
      record["v"] = 1;
      record["source"] = "decode";
      record["entries"] = Json::array({EntryJson(entry, options_.record)});
      break;
    }
    case DecodeAs::kSnapshot: {
      const absl::Status status = codec::CheckSnapshot(piece.bytes);
      raftpb::Snapshot snapshot;
      if (!status.ok() || !snapshot.ParseFromString(piece.bytes)) {
        return Error(piece.place,
                     status.ok() ? "no snapshot" : status.message());
      }
      record["v"] = 1;
      record["source"] = "decode";
      record["snapshot"] = SnapshotJson(snapshot);
      break;
    }
  }
  ++decoded_;
  if (filter_.Passes(record) && filter_.KeepKeys(&record)) {
    Print(std::move(record));
  }
}

void Run::DecodeMessage(absl::string_view bytes, absl::string_view place) {
  std::vector<codec::EntryView> entries;
  codec::MessageView view;
  const absl::Status status =
      codec::ParseMessage(bytes, {}, 0, &entries, &view);
  if (!status.ok()) return Error(place, status.message());
  PrintMessage(view, "");
}

void Run::OnMessage(const codec::MessageView& message) {
  if (!is_over()) PrintMessage(message, frames_stream_);
}

void Run::PrintMessage(const codec::MessageView& view,
                       absl::string_view stream) {
  ++decoded_;
  raftpb::Message message;
  view.CopyTo(&message);
  std::string raw;
  codec::AppendEncoded(view, &raw);
  RecordInput input;
  input.source = "decode";
  input.stream = std::string(stream);
  input.bytes = raw.size();
  input.raw = raw;
  input.message = &message;
  if (!filter_.Passes(message, input.bytes)) return;
  Json record = MessageRecord(input, options_.record);
  if (filter_.KeepKeys(&record)) Print(std::move(record));
}

void Run::DecodeNdjson(std::istream& in, std::string head) {
  std::vector<char> buffer(kReadBytes);
  uint64_t number =
      1 + static_cast<uint64_t>(std::count(head.begin(), head.end(), '\n'));
  std::string line;
  bool is_cut = false;
  for (; !is_over() && ReadLine(in, buffer, &line, &is_cut); ++number) {
    // The first line begins with what was read to recognize it.
    if (!head.empty()) line.insert(0, std::exchange(head, std::string()));
    const std::string place = absl::StrCat("line ", number, ": ");
    if (is_cut) {
      Error(place, "longer than any record");
    } else {
      DecodeNdjsonLine(absl::StripAsciiWhitespace(line), place);
    }
  }
  // All that there was.
  if (!absl::StripAsciiWhitespace(head).empty()) {
    DecodeNdjsonLine(absl::StripAsciiWhitespace(head),
                     absl::StrCat("line ", number, ": "));
  }
}

void Run::DecodeNdjsonLine(absl::string_view line, absl::string_view place) {
  if (line.empty()) return;
  absl::StatusOr<Json> record = ParseLine(line);
  if (!record.ok()) return Error(place, record.status().message());
  const auto raw = record->find("raw");
  if (raw != record->end() && raw->is_string()) {
    std::string bytes;
    if (!absl::Base64Unescape(raw->get_ref<const std::string&>(), &bytes)) {
      return Error(place, "raw: not valid base64");
    }
    record = Redecode(*record, bytes);
    if (!record.ok()) {
      return Error(place, absl::StrCat("raw: ", record.status().message()));
    }
  }
  ++decoded_;
  if (filter_.Passes(*record) && filter_.KeepKeys(&*record)) {
    Print(*std::move(record));
  }
}

// What was printed is made anew from the bytes, by today's options: but how the
// message came is only written in the record, and so is which of its entries
// were to be shown.
absl::StatusOr<Json> Run::Redecode(const Json& record, absl::string_view raw) {
  std::vector<codec::EntryView> entries;
  codec::MessageView view;
  const absl::Status status = codec::ParseMessage(raw, {}, 0, &entries, &view);
  if (!status.ok()) return status;
  raftpb::Message message;
  view.CopyTo(&message);
  const auto text = [&record](const char* field) {
    const auto found = record.find(field);
    return found != record.end() && found->is_string()
               ? found->get<std::string>()
               : std::string();
  };
  RecordInput input;
  if (absl::ParseTime(absl::RFC3339_full, text("time"), &input.time, nullptr)) {
    if (input.time == absl::InfiniteFuture()) input.time = absl::InfinitePast();
  } else {
    input.time = absl::InfinitePast();
  }
  input.source = text("source");
  input.stream = text("stream");
  input.bytes = raw.size();
  if (const auto bytes = record.find("bytes");
      bytes != record.end() && bytes->is_number_unsigned()) {
    input.bytes = bytes->get<size_t>();
  }
  if (const auto sync = record.find("sync");
      sync != record.end() && sync->is_boolean()) {
    input.sync = sync->get<bool>();
  }
  input.raw = raw;
  input.message = &message;
  const auto shown = record.find("entries");
  if (shown != record.end() && shown->is_array()) {
    std::set<std::string> indexes;
    for (const Json& entry : *shown) {
      if (!entry.is_object()) continue;
      const auto index = entry.find("index");
      if (index != entry.end()) indexes.insert(ToLine(*index));
    }
    auto& all = *message.mutable_entries();
    all.erase(std::remove_if(all.begin(), all.end(),
                             [&](const raftpb::Entry& entry) {
                               return indexes.count(ToLine(
                                          JsonNumber(entry.index()))) == 0;
                             }),
              all.end());
  }
  return MessageRecord(input, options_.record);
}

void Run::Print(Json record) {
  write_status_ =
      write_(options_.is_json
                 ? absl::StrCat(ToLine(record), "\n")
                 : RenderText(record, {.uses_color = options_.uses_color}));
}

void Run::Error(absl::string_view place, absl::string_view text) {
  if (++errors_ > kErrorsShownMax) return;
  err_ << "rafthttpctl: " << name_ << ": " << place << text << "\n";
}

void Run::Unreadable(absl::string_view text) {
  is_unreadable_ = true;
  err_ << "rafthttpctl: " << name_ << " " << text << "\n";
}

}  // namespace

absl::StatusOr<DecodeFormat> ParseDecodeFormat(absl::string_view text) {
  return FindName<DecodeFormat>(text, "--format",
                                {{"auto", DecodeFormat::kAuto},
                                 {"hex", DecodeFormat::kHex},
                                 {"base64", DecodeFormat::kBase64},
                                 {"raw", DecodeFormat::kRaw},
                                 {"ndjson", DecodeFormat::kNdjson}});
}

absl::StatusOr<DecodeAs> ParseDecodeAs(absl::string_view text) {
  return FindName<DecodeAs>(text, "--as",
                            {{"auto", DecodeAs::kAuto},
                             {"message", DecodeAs::kMessage},
                             {"entry", DecodeAs::kEntry},
                             {"snapshot", DecodeAs::kSnapshot},
                             {"frames-message", DecodeAs::kFramesMessage},
                             {"frames-msgapp", DecodeAs::kFramesMsgApp}});
}

ExitCode RunDecode(const DecodeOptions& options, std::istream& in,
                   absl::FunctionRef<absl::Status(absl::string_view)> write,
                   std::ostream& err) {
  Run run(options, write, err);
  if (options.file.empty() || options.file == "-") return run.Decode(in);
  std::ifstream file(options.file, std::ios::binary);
  if (!file) {
    err << "rafthttpctl: cannot open "
        << MaybeQuoted(options.file, 4 * kQuotedWidthMax) << "\n";
    return ExitCode::kUsage;
  }
  return run.Decode(file);
}

}  // namespace rafthttpctl
