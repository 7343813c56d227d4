#ifndef RAFTHTTP_HTTP1_HEADERS_H_
#define RAFTHTTP_HTTP1_HEADERS_H_

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rafthttp::http1 {

// One or more of the characters that RFC 9110 allows in names and methods.
bool IsToken(absl::string_view text);
// Text and tabs, no control characters: in particular no CR, LF or NUL, with
// which a value could end its line and begin another.
bool IsFieldValue(absl::string_view text);

struct Header {
  std::string name;
  std::string value;
};

// The header lines of one message, in order. Names are compared without regard
// to case, as Go writes X-Etcd-Cluster-Id for etcd's X-Etcd-Cluster-ID.
//
// Add and Set take anything; MessageWriter refuses to write, and HeadParser
// refuses to read, what Validate does not accept.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<Header> headers) : headers_(headers) {}

  void Add(absl::string_view name, absl::string_view value);
  // Replaces every header of that name by one at the place of the first.
  void Set(absl::string_view name, absl::string_view value);
  // Drops every header of that name.
  void Remove(absl::string_view name);

  // The first value of that name. Valid until the headers change.
  std::optional<absl::string_view> Get(absl::string_view name) const;
  bool Has(absl::string_view name) const { return Get(name).has_value(); }
  // How many headers have that name.
  size_t Count(absl::string_view name) const;
  // Whether a comma-separated list of that name (over all its headers) has
  // `element`, without regard to case: Connection: keep-alive, Upgrade.
  bool HasListElement(absl::string_view name, absl::string_view element) const;

  // kInvalidArgument names the first header that cannot be written.
  absl::Status Validate() const;

  bool empty() const { return headers_.empty(); }
  size_t size() const { return headers_.size(); }
  std::vector<Header>::const_iterator begin() const { return headers_.begin(); }
  std::vector<Header>::const_iterator end() const { return headers_.end(); }

 private:
  std::vector<Header> headers_;
};

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_HEADERS_H_
