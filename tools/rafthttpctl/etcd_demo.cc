#include "tools/rafthttpctl/etcd_demo.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/etcdpb/rpc.pb.h"
#include "tools/rafthttpctl/diagnostics.h"

namespace rafthttpctl {
namespace {

// One write to the cluster; each number another kind, so that a few seconds
// show what etcd's log is made of.
absl::Status Write(EtcdClient& client, uint64_t number) {
  const std::string key = absl::StrCat("demo/key", number / 6);
  etcdserverpb::PutRequest put;
  put.set_key(key);
  switch (number % 6) {
    case 0:
      put.set_value("hello, raft");
      return client.Put(put).status();
    case 1:
      put.set_value(absl::StrCat("value ", number));
      return client.Put(put).status();
    case 2: {
      etcdserverpb::TxnRequest txn;
      etcdserverpb::Compare& compare = *txn.add_compare();
      compare.set_target(etcdserverpb::Compare::VERSION);
      compare.set_result(etcdserverpb::Compare::GREATER);
      compare.set_key(key);
      compare.set_version(1);
      etcdserverpb::PutRequest& success =
          *txn.add_success()->mutable_request_put();
      success.set_key(key);
      success.set_value("changed twice");
      txn.add_failure()->mutable_request_delete_range()->set_key(key);
      return client.Txn(txn).status();
    }
    case 3: {
      etcdserverpb::LeaseGrantRequest grant;
      grant.set_ttl(60);
      const auto lease = client.LeaseGrant(grant);
      if (!lease.ok()) return lease.status();
      put.set_key("demo/leased");
      put.set_value("gone when its lease is");
      put.set_lease(lease->id());
      return client.Put(put).status();
    }
    case 4: {
      etcdserverpb::DeleteRangeRequest range;
      range.set_key(key);
      return client.DeleteRange(range).status();
    }
    default: {
      // Bytes that are no text.
      put.set_key("demo/binary");
      put.set_value(std::string("\x00\xff\x1b[2J", 6));
      return client.Put(put).status();
    }
  }
}

}  // namespace

EtcdDemo::EtcdDemo(TailSession& session, Options options)
    : session_(session),
      options_(std::move(options)),
      write_timer_(session.loop().NewTimer([this] { WriteNext(); })),
      end_timer_(session.loop().NewTimer([this] { End(ExitCode::kDone); })),
      worker_(session.loop()) {}

EtcdDemo::~EtcdDemo() = default;

void EtcdDemo::Start(absl::AnyInvocable<void(ExitCode)> on_end) {
  on_end_ = std::move(on_end);
  PrintNote(absl::StrCat("starting a throwaway etcd ", options_.binary.version,
                         " of ", options_.members,
                         options_.members == 1 ? " member" : " members",
                         " on loopback"));
  EtcdCluster::Options cluster;
  cluster.binary = options_.binary;
  cluster.members = options_.members;
  call_ = worker_.Run<Cluster>(
      [cluster = std::move(cluster)] { return EtcdCluster::Start(cluster); },
      [this](Cluster started) { OnStarted(std::move(started)); });
}

void EtcdDemo::OnStarted(Cluster cluster) {
  call_.reset();
  if (cluster.ok()) cluster_ = *std::move(cluster);
  if (is_stopping_) {
    StopCluster();
    return;
  }
  if (cluster_ == nullptr) {
    End(Fail(ExitCode::kUnreachable,
             absl::StrCat("the throwaway etcd does not start: ",
                          cluster.status().message())));
    return;
  }
  EtcdClientOptions options;
  options.endpoints = absl::StrSplit(cluster_->client_endpoints(), ',');
  auto seat_client = EtcdClient::Create(options);
  auto write_client = EtcdClient::Create(options);
  if (!seat_client.ok() || !write_client.ok()) {
    End(Fail(seat_client.ok() ? write_client.status() : seat_client.status()));
    return;
  }
  seat_client_ = *std::move(seat_client);
  write_client_ = *std::move(write_client);
  tail_.emplace(session_, *seat_client_, LearnerTail::Options());
  tail_->set_on_following([this] { OnFollowing(); });
  tail_->Start([this](ExitCode code) { End(code); });
}

void EtcdDemo::OnFollowing() {
  end_timer_->Start(options_.duration);
  write_timer_->Start(absl::ZeroDuration());
}

void EtcdDemo::WriteNext() {
  write_timer_->Start(absl::Seconds(1) / options_.writes_per_second);
  // A slow cluster is written to more slowly.
  if (call_ != nullptr) return;
  call_ = worker_.Run<absl::Status>(
      [client = write_client_.get(), number = writes_++] {
        return Write(*client, number);
      },
      [this](absl::Status status) {
        call_.reset();
        if (!status.ok() && !is_stopping_) {
          PrintNote(absl::StrCat("a write failed: ", status.message()));
        }
      });
}

void EtcdDemo::End(ExitCode code) {
  end_code_ = code;
  if (on_end_) std::exchange(on_end_, nullptr)(code);
}

void EtcdDemo::Stop(absl::AnyInvocable<void(ExitCode)> on_stopped) {
  is_stopping_ = true;
  on_end_ = nullptr;
  on_stopped_ = std::move(on_stopped);
  write_timer_->Cancel();
  end_timer_->Cancel();
  if (tail_) {
    tail_->Stop([this](ExitCode code) {
      if (end_code_ == ExitCode::kDone) end_code_ = code;
      StopCluster();
    });
  } else if (call_ == nullptr) {
    // It did not start.
    StopCluster();
  }
  // Otherwise the start is under way, and OnStarted goes on from here.
}

void EtcdDemo::StopCluster() {
  if (write_client_ != nullptr) write_client_->Cancel();
  call_ = worker_.Run<bool>(
      [cluster = std::move(cluster_)]() mutable {
        cluster.reset();
        return true;
      },
      [this](bool) {
        call_.reset();
        std::exchange(on_stopped_, nullptr)(end_code_);
      });
}

void EtcdDemo::set_is_paused(bool is_paused) {
  if (tail_) tail_->set_is_paused(is_paused);
}

ExitCode EtcdDemo::PatienceLost() const {
  return tail_ ? tail_->PatienceLost() : ExitCode::kUnreachable;
}

}  // namespace rafthttpctl
