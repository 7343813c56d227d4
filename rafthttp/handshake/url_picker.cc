#include "rafthttp/handshake/url_picker.h"

#include <algorithm>
#include <utility>

#include "rafthttp/base/check.h"

namespace rafthttp {

UrlPicker::UrlPicker(std::vector<http1::Url> urls) { Update(std::move(urls)); }

void UrlPicker::Update(std::vector<http1::Url> urls) {
  CHECK(!urls.empty());
  urls_ = std::move(urls);
  std::sort(urls_.begin(), urls_.end(),
            [](const http1::Url& a, const http1::Url& b) {
              return a.ToString() < b.ToString();
            });
  picked_ = 0;
}

void UrlPicker::ReportUnreachable(const http1::Url& url) {
  if (url.ToString() != Pick().ToString()) return;
  picked_ = (picked_ + 1) % urls_.size();
}

}  // namespace rafthttp
