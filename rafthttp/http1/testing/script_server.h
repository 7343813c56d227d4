#ifndef RAFTHTTP_HTTP1_TESTING_SCRIPT_SERVER_H_
#define RAFTHTTP_HTTP1_TESTING_SCRIPT_SERVER_H_

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/http1/body_decoder.h"
#include "rafthttp/http1/head.h"
#include "rafthttp/http1/head_parser.h"

namespace rafthttp::http1 {

// A server for tests that answers what its script says, well-formed or not.
//
//   ScriptServer server([](ScriptServer::Connection& c, const auto& request) {
//     c.Send("HTTP/1.1 204 No Content\r\n\r\n");
//   });
//   listener = net.Listen(address, server.acceptor());
//
// Threads: loop-confined. Must outlive its listeners.
class ScriptServer {
 public:
  struct Request {
    RequestHead head;
    std::string body;
  };

  // One accepted connection, kept until the server is destroyed.
  class Connection final : private event::ByteStream::Reader {
   public:
    Connection(ScriptServer& server, std::unique_ptr<event::ByteStream> stream);

    // All of it may be called from within the script and at any later time;
    // nothing happens once the connection is closed.
    void Send(std::string bytes);
    void ShutdownWrite();
    void Close();
    // Leaves the rest of the client's bytes where they are.
    void StopReading();

    bool is_open() const { return stream_ != nullptr; }
    bool has_peer_ended() const { return has_peer_ended_; }
    size_t bytes_received() const { return bytes_received_; }

   private:
    void OnBytes(absl::string_view bytes) override;
    void OnEnd(absl::Status status) override;

    ScriptServer& server_;
    std::unique_ptr<event::ByteStream> stream_;
    std::list<std::string> sent_;
    bool has_peer_ended_ = false;
    size_t bytes_received_ = 0;
    HeadParser parser_;
    Request request_;
    std::optional<BodyDecoder> body_;
  };

  using OnRequest = std::function<void(Connection&, const Request&)>;

  // `on_request` is called for each request that is complete.
  explicit ScriptServer(OnRequest on_request)
      : on_request_(std::move(on_request)) {}

  std::function<void(std::unique_ptr<event::ByteStream>)> acceptor();
  // Called for each connection, before anything is read from it.
  void set_on_accept(std::function<void(Connection&)> on_accept) {
    on_accept_ = std::move(on_accept);
  }
  // Called when a request's head is there, before its body.
  void set_on_head(std::function<void(Connection&)> on_head) {
    on_head_ = std::move(on_head);
  }

  const std::vector<Request>& requests() const { return requests_; }
  const std::vector<std::unique_ptr<Connection>>& connections() const {
    return connections_;
  }
  // Connections that neither side has ended.
  size_t live_connections() const;

 private:
  OnRequest on_request_;
  std::function<void(Connection&)> on_accept_;
  std::function<void(Connection&)> on_head_;
  std::vector<Request> requests_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_TESTING_SCRIPT_SERVER_H_
