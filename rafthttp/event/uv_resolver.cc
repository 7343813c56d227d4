#include "rafthttp/event/uv_resolver.h"

#include <netdb.h>
#include <sys/socket.h>
#include <uv.h>

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "rafthttp/base/check.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/io_status.h"
#include "rafthttp/event/uv_status.h"

namespace rafthttp::event {
namespace {

std::vector<SocketAddress> ToAddresses(const addrinfo* found, uint16_t port) {
  std::vector<SocketAddress> addresses;
  for (; found != nullptr; found = found->ai_next) {
    if (found->ai_family != AF_INET && found->ai_family != AF_INET6) continue;
    addresses.push_back(SocketAddress::FromSockaddr(*found->ai_addr, port));
  }
  return addresses;
}

}  // namespace

class UvResolver::UvLookup final : public Resolver::Lookup {
 public:
  UvLookup(UvLoop& loop, const Address& address, OnResolved on_resolved)
      : address_(address), on_resolved_(std::move(on_resolved)) {
    // The protocol is named so that each address comes once.
    addrinfo hints = {};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;
    request_ = new Request{.owner = this, .uv = {}};
    request_->uv.data = request_;
    const int err = uv_getaddrinfo(loop.uv(), &request_->uv, &OnDone,
                                   address_.host.c_str(), nullptr, &hints);
    if (err == 0) return;
    // Such as for a name that is too long.
    delete std::exchange(request_, nullptr);
    refused_ = loop.NewTimer([this, err] { Finish(err, nullptr); });
    refused_->Start(absl::ZeroDuration());
  }

  ~UvLookup() override {
    if (request_ == nullptr) return;
    request_->owner = nullptr;
    // Helps only if no thread has begun with it. Either way OnDone comes.
    uv_cancel(reinterpret_cast<uv_req_t*>(&request_->uv));
  }

 private:
  // Outlives the lookup if that is abandoned.
  struct Request {
    UvLookup* owner;  // null once detached
    uv_getaddrinfo_t uv;
  };

  static void OnDone(uv_getaddrinfo_t* uv, int err, addrinfo* found) {
    const std::unique_ptr<Request> request(static_cast<Request*>(uv->data));
    const std::unique_ptr<addrinfo, decltype(&uv_freeaddrinfo)> result(
        found, &uv_freeaddrinfo);
    if (request->owner == nullptr) return;
    request->owner->request_ = nullptr;
    request->owner->Finish(err, found);
  }

  // The callback may destroy this.
  void Finish(int err, const addrinfo* found) {
    OnResolved on_resolved = std::move(on_resolved_);
    std::vector<SocketAddress> addresses = ToAddresses(found, address_.port);
    if (err == 0 && addresses.empty()) err = UV_EAI_NODATA;
    if (err != 0) {
      // Whatever the reason, the name has no address for us.
      on_resolved(
          IoError(IoCause::kNotResolved,
                  StatusFromUv(err, FormatHostPort(address_)).message()));
    } else {
      on_resolved(std::move(addresses));
    }
  }

  const Address address_;
  OnResolved on_resolved_;
  Request* request_ = nullptr;      // null once done
  std::unique_ptr<Timer> refused_;  // reports what libuv said at once
};

std::unique_ptr<Resolver::Lookup> UvResolver::Resolve(const Address& address,
                                                      OnResolved on_resolved) {
  CHECK(loop_.IsCurrent());
  return std::make_unique<UvLookup>(loop_, address, std::move(on_resolved));
}

}  // namespace rafthttp::event
