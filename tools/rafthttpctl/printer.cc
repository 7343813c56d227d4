#include "tools/rafthttpctl/printer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "raftpb/message_type.h"
#include "tools/rafthttpctl/text.h"

namespace rafthttpctl {

Printer::Printer(Output& output, Options options)
    : output_(output),
      options_(std::move(options)),
      filter_(options_.filter),
      started_at_(absl::Now()) {}

void Printer::PrintMessage(const RecordInput& input) {
  if (!filter_.Passes(*input.message, input.bytes)) return;
  nlohmann::ordered_json record = MessageRecord(input, options_.record);
  if (!filter_.KeepKeys(&record)) return;
  ++messages_;
  bytes_ += input.bytes;
  ++by_type_[raftpb::MessageTypeName(raftpb::TypeNumber(*input.message))];
  if (const auto entries = record.find("entries"); entries != record.end()) {
    for (const nlohmann::ordered_json& entry : *entries) {
      ++by_kind_[KindOf(entry)];
    }
  }
  Print(record);
}

std::string Printer::KindOf(const nlohmann::ordered_json& entry) {
  const auto op = entry.find("op");
  if (op == entry.end() || !op->is_object()) return "raw";
  const auto kind = op->find("kind");
  return kind == op->end() || !kind->is_string() ? "raw"
                                                 : kind->get<std::string>();
}

void Printer::PrintEvent(const nlohmann::ordered_json& event) { Print(event); }

void Printer::PrintSummary() {
  const absl::Time now = absl::Now();
  nlohmann::ordered_json summary = EventRecord("summary", now);
  summary["seconds"] = absl::ToInt64Milliseconds(now - started_at_) / 1000.0;
  summary["messages"] = JsonNumber(messages_);
  summary["bytes"] = JsonNumber(bytes_);
  summary["byType"] = nlohmann::ordered_json::object();
  for (const auto& [type, count] : by_type_) {
    summary["byType"][type] = JsonNumber(count);
  }
  summary["byKind"] = nlohmann::ordered_json::object();
  for (const auto& [kind, count] : by_kind_) {
    summary["byKind"][kind] = JsonNumber(count);
  }
  Print(summary);
}

void Printer::Print(const nlohmann::ordered_json& record) {
  is_empty_ = false;
  output_.Write(options_.is_json
                    ? absl::StrCat(ToLine(record), "\n")
                    : RenderText(record, {.uses_color = options_.uses_color}));
}

}  // namespace rafthttpctl
