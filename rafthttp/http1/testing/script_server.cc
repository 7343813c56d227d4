#include "rafthttp/http1/testing/script_server.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "rafthttp/http1/limits.h"

namespace rafthttp::http1 {

ScriptServer::Connection::Connection(ScriptServer& server,
                                     std::unique_ptr<event::ByteStream> stream)
    : server_(server),
      stream_(std::move(stream)),
      parser_(HeadParser::Kind::kRequest, Limits()) {
  stream_->StartReading(*this);
}

void ScriptServer::Connection::Send(std::string bytes) {
  if (stream_ == nullptr || bytes.empty()) return;
  sent_.push_back(std::move(bytes));
  const absl::string_view buffer = sent_.back();
  stream_->Write({&buffer, 1}, [](absl::Status) {});
}

void ScriptServer::Connection::ShutdownWrite() {
  if (stream_ != nullptr) stream_->ShutdownWrite();
}

void ScriptServer::Connection::Close() { stream_.reset(); }

void ScriptServer::Connection::StopReading() {
  if (stream_ != nullptr) stream_->StopReading();
}

void ScriptServer::Connection::OnBytes(absl::string_view bytes) {
  bytes_received_ += bytes.size();
  while (!bytes.empty() && stream_ != nullptr) {
    if (!body_.has_value()) {
      const absl::StatusOr<size_t> taken = parser_.Consume(bytes);
      CHECK(taken.ok());
      bytes.remove_prefix(*taken);
      if (!parser_.is_done()) return;
      request_.head = parser_.TakeRequest();
      parser_.Reset();
      body_.emplace(request_.head.framing, Limits());
      if (server_.on_head_ != nullptr) server_.on_head_(*this);
    }
    while (true) {
      const absl::StatusOr<absl::string_view> data = body_->Next(bytes);
      CHECK(data.ok());
      if (data->empty()) break;
      absl::StrAppend(&request_.body, *data);
    }
    if (!body_->is_done()) return;
    body_.reset();
    server_.requests_.push_back(std::exchange(request_, Request()));
    // A copy, as the script may make the vector grow.
    const Request request = server_.requests_.back();
    server_.on_request_(*this, request);
  }
}

void ScriptServer::Connection::OnEnd(absl::Status /*status*/) {
  has_peer_ended_ = true;
}

std::function<void(std::unique_ptr<event::ByteStream>)>
ScriptServer::acceptor() {
  return [this](std::unique_ptr<event::ByteStream> stream) {
    connections_.push_back(
        std::make_unique<Connection>(*this, std::move(stream)));
    if (on_accept_ != nullptr) on_accept_(*connections_.back());
  };
}

size_t ScriptServer::live_connections() const {
  return static_cast<size_t>(std::count_if(
      connections_.begin(), connections_.end(), [](const auto& connection) {
        return connection->is_open() && !connection->has_peer_ended();
      }));
}

}  // namespace rafthttp::http1
