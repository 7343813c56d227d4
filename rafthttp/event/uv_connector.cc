// From name to connection:
//
//   Connect -> Resolver -> connect to one address after the other ->
//   on_connected
//
// What can fail, and what becomes of it:
//   the name            reported at once, as kNotResolved
//   one address         noted with its cause; the next one is tried
//   all addresses       reported with every note, and the last one's cause
//   silence             an address has its share of the time; a lookup all of
//   it destroyed           whatever is under way is abandoned: it is owned by
//   the
//                       attempt, and stops when that goes

#include "rafthttp/event/uv_connector.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "rafthttp/base/check.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/io_status.h"
#include "rafthttp/event/socket_address.h"
#include "rafthttp/event/uv_stream.h"

namespace rafthttp::event {

class UvConnector::UvAttempt final : public Connector::Attempt {
 public:
  UvAttempt(UvLoop& loop, Resolver& resolver, const Address& address,
            const Options& options, OnConnected on_connected)
      : loop_(loop),
        address_(address),
        options_(options),
        deadline_(loop.Now() + options.timeout),
        on_connected_(std::move(on_connected)),
        timer_(loop.NewTimer([this] { OnTimer(); })) {
    if (address_.is_unix()) {
      const absl::StatusOr<SocketAddress> file =
          SocketAddress::FromLiteral(address_);
      if (file.ok()) {
        TryAll({*file});
      } else {
        Fail(IoError(IoCause::kNotResolved, file.status().message()));
      }
    } else if (address_.host.empty()) {
      Fail(IoError(IoCause::kNotResolved, "no host to connect to"));
    } else if (SocketAddress::IsLiteral(address_.host)) {
      absl::StatusOr<SocketAddress> literal =
          SocketAddress::FromLiteral(address_);
      if (literal.ok()) {
        TryAll({*literal});
      } else {
        Fail(IoError(IoCause::kNotResolved, literal.status().message()));
      }
    } else {
      phase_ = Phase::kResolving;
      timer_->Start(options_.timeout);
      lookup_ = resolver.Resolve(
          address_, [this](absl::StatusOr<std::vector<SocketAddress>> found) {
            if (found.ok()) {
              TryAll(*std::move(found));
            } else {
              Fail(std::move(found).status());
            }
          });
    }
  }

 private:
  enum class Phase { kResolving, kConnecting, kFailed };

  void TryAll(std::vector<SocketAddress> addresses) {
    phase_ = Phase::kConnecting;
    lookup_.reset();
    addresses_ = std::move(addresses);
    TryNext();
  }

  void TryNext() {
    if (next_ == addresses_.size()) {
      return Fail(IoError(last_cause_, absl::StrJoin(notes_, "; ")));
    }
    const absl::Duration share =
        (deadline_ - loop_.Now()) /
        static_cast<int64_t>(addresses_.size() - next_);
    timer_->Start(share);
    stream_ = std::make_unique<UvByteStream>(
        loop_, UvByteStream::Options{.keep_alive = options_.keep_alive,
                                     .is_unix = address_.is_unix()});
    stream_->Connect(addresses_[next_++], [this](absl::Status status) {
      if (!status.ok()) return OnAddressFailed(status);
      Finish(std::move(stream_));
    });
  }

  void OnAddressFailed(const absl::Status& why) {
    stream_.reset();
    last_cause_ = IoCauseOf(why);
    notes_.emplace_back(why.message());
    TryNext();
  }

  void OnTimer() {
    switch (phase_) {
      case Phase::kResolving:
        lookup_.reset();
        return Fail(IoError(
            IoCause::kTimedOut,
            absl::StrCat(FormatHostPort(address_), ": name lookup timed out")));
      case Phase::kConnecting:
        return OnAddressFailed(IoError(
            IoCause::kTimedOut,
            absl::StrCat(addresses_[next_ - 1].ToString(), ": timed out")));
      case Phase::kFailed:
        return Finish(std::move(failure_));
    }
  }

  // Reports in a later turn: we may still be inside Connect.
  void Fail(absl::Status why) {
    phase_ = Phase::kFailed;
    failure_ = std::move(why);
    timer_->Start(absl::ZeroDuration());
  }

  // The callback may destroy this.
  void Finish(absl::StatusOr<std::unique_ptr<ByteStream>> result) {
    timer_->Cancel();
    OnConnected on_connected = std::move(on_connected_);
    on_connected(std::move(result));
  }

  UvLoop& loop_;
  const Address address_;
  const Options options_;
  const absl::Time deadline_;
  OnConnected on_connected_;
  Phase phase_ = Phase::kFailed;
  // Bounds the present phase; in kFailed it brings the report.
  const std::unique_ptr<Timer> timer_;

  std::unique_ptr<Resolver::Lookup> lookup_;
  std::vector<SocketAddress> addresses_;
  size_t next_ = 0;  // into addresses_
  std::unique_ptr<UvByteStream> stream_;
  std::vector<std::string> notes_;  // why each address failed
  IoCause last_cause_ = IoCause::kOther;
  absl::Status failure_;
};

UvConnector::UvConnector(UvLoop& loop)
    : loop_(loop), system_resolver_(loop), resolver_(system_resolver_) {}

UvConnector::UvConnector(UvLoop& loop, Resolver& resolver)
    : loop_(loop), system_resolver_(loop), resolver_(resolver) {}

std::unique_ptr<Connector::Attempt> UvConnector::Connect(
    const Address& address, const Options& options, OnConnected on_connected) {
  CHECK(loop_.IsCurrent());
  return std::make_unique<UvAttempt>(loop_, resolver_, address, options,
                                     std::move(on_connected));
}

}  // namespace rafthttp::event
