#ifndef TOOLS_RAFTHTTPCTL_PRINTER_H_
#define TOOLS_RAFTHTTPCTL_PRINTER_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "tools/rafthttpctl/filter.h"
#include "tools/rafthttpctl/output.h"
#include "tools/rafthttpctl/record.h"

namespace rafthttpctl {

// Shows records, messages and events alike, on one Output: filters, renders,
// counts.
//
// Threads: loop-confined.
class Printer {
 public:
  struct Options {
    bool is_json = true;
    bool uses_color = false;
    RecordOptions record;
    FilterOptions filter;
  };

  // `output` must outlive the printer.
  Printer(Output& output, Options options);

  // A message that arrived. Shown if the filters let it pass.
  void PrintMessage(const RecordInput& input);
  // A record that is no message; never filtered.
  void PrintEvent(const nlohmann::ordered_json& event);
  // The last record: what was shown, by type and kind.
  void PrintSummary();
  // Whether anything was shown.
  bool is_empty() const { return is_empty_; }

  // Messages shown so far.
  uint64_t messages() const { return messages_; }

 private:
  void Print(const nlohmann::ordered_json& record);
  // What an entry's op is, for the summary.
  static std::string KindOf(const nlohmann::ordered_json& entry);

  Output& output_;
  const Options options_;
  const Filter filter_;
  const absl::Time started_at_;
  bool is_empty_ = true;
  uint64_t messages_ = 0;
  uint64_t bytes_ = 0;
  std::map<std::string, uint64_t> by_type_;
  std::map<std::string, uint64_t> by_kind_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_PRINTER_H_
