// A URL that was accepted is written in a form that means the same.
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "rafthttp/base/check.h"
#include "rafthttp/http1/url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using rafthttp::http1::ParsePeerUrl;
  using rafthttp::http1::ParseUrl;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto url = ParseUrl(text);
  if (url.ok()) {
    const auto again = ParseUrl(url->ToString());
    // The port was left out, or the zone was escaped: it may have grown too
    // long.
    if (url->ToString().size() <= 2048) {
      CHECK(again.ok());
      CHECK(*again == *url);
    }
  } else {
    CHECK(url.status().message().find('\n') == absl::string_view::npos);
  }
  const auto peer = ParsePeerUrl(text);
  if (peer.ok()) {
    const auto again = ParsePeerUrl(peer->ToString());
    CHECK(peer->ToString().size() > 2048 || again.ok());
  }
  return 0;
}
