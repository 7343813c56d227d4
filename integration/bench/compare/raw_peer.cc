// The bytes of //integration/bench:peer's messages on a plain socket: a length
// and that many zeros, as many frames as fit into 256 KiB with each send, and
// answers of 40 bytes. What a transport would cost if there were nothing to it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "integration/bench/compare/measured_run.h"
#include "integration/bench/compare/windowed_load.h"
#include "integration/bench/peer/flags.h"
#include "integration/bench/peer/report.h"
#include "integration/bench/peer/workload.h"
#include "rafthttp/base/check.h"
#include "rafthttp/http1/url.h"

namespace rafthttp::bench {
namespace {

constexpr size_t kBufferBytes = 256 << 10;
constexpr size_t kLengthBytes = sizeof(uint64_t);
constexpr size_t kAnswerBytesOnWire = 40;

// Both ends are the same machine.
uint64_t Load(const char* from) {
  uint64_t value = 0;
  std::memcpy(&value, from, sizeof(value));
  return value;
}
void Store(uint64_t value, char* to) { std::memcpy(to, &value, sizeof(value)); }

sockaddr_in AddressOf(const std::string& url) {
  const auto parsed = http1::ParsePeerUrl(url);
  CHECK(parsed.ok());
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(parsed->port);
  CHECK(inet_pton(AF_INET, parsed->host.c_str(), &address.sin_addr) == 1);
  return address;
}

void SetNoDelay(int fd) {
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

// False at the end.
bool SendAll(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

void Answer(int fd, bool is_echo) {
  std::vector<char> buffer(kBufferBytes);
  size_t have = 0;
  uint64_t left = 0;  // of a frame that is larger than the buffer
  uint64_t seen = 0;
  uint64_t unanswered = 0;
  uint64_t bytes = 0;
  for (;;) {
    const ssize_t got = read(fd, buffer.data() + have, buffer.size() - have);
    if (got <= 0) return;
    have += static_cast<size_t>(got);
    size_t at = 0;
    while (at < have) {
      if (left > 0) {
        const uint64_t taken = std::min<uint64_t>(left, have - at);
        at += taken;
        left -= taken;
        if (left > 0) break;
        ++seen;
        ++unanswered;
        if (is_echo || unanswered >= kAnswerMessages || bytes >= kAnswerBytes) {
          unanswered = bytes = 0;
          char answer[kAnswerBytesOnWire] = {};
          Store(seen, answer);
          if (!SendAll(fd, answer, sizeof(answer))) return;
        }
        continue;
      }
      if (have - at < kLengthBytes) break;
      left = Load(buffer.data() + at);
      bytes += left;
      at += kLengthBytes;
    }
    have -= at;
    std::memmove(buffer.data(), buffer.data() + at, have);
  }
}

int Receive(const Flags& flags) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  const sockaddr_in address = AddressOf(flags.listen);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address),
           sizeof(address)) != 0 ||
      listen(listener, 1) != 0) {
    return Fail("cannot listen on " + flags.listen);
  }
  const int fd = accept(listener, nullptr, nullptr);
  SetNoDelay(fd);
  Answer(fd, flags.mode == Flags::Mode::kEcho);
  return 0;
}

int Send(const Flags& flags) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = AddressOf(flags.peers[0].second);
  for (int tries = 0; connect(fd, reinterpret_cast<const sockaddr*>(&address),
                              sizeof(address)) != 0;
       ++tries) {
    if (tries == 500) return Fail("nobody listens there");
    absl::SleepFor(absl::Milliseconds(10));
  }
  SetNoDelay(fd);
  const MessageMaker maker({.kind = flags.kind,
                            .from = flags.id,
                            .to = flags.peers[0].first,
                            .entry_bytes = flags.size,
                            .entries = flags.entries,
                            .fills_entries = false});
  const size_t frame_bytes = std::max(maker.WireBytes(), size_t{16});
  const uint64_t batch = std::max<uint64_t>(kBufferBytes / frame_bytes, 1);
  std::vector<char> frames(batch * frame_bytes);
  for (uint64_t i = 0; i < batch; ++i) {
    Store(frame_bytes - kLengthBytes, frames.data() + i * frame_bytes);
  }
  WindowedLoad load(WindowOf(flags));
  const auto read_answer = [&] {
    char answer[kAnswerBytesOnWire];
    for (size_t have = 0; have < sizeof(answer);) {
      const ssize_t got = read(fd, answer + have, sizeof(answer) - have);
      if (got <= 0) return false;
      have += static_cast<size_t>(got);
    }
    load.OnAnswer(Load(answer));
    return true;
  };
  // One thread does for both where they take turns anyway.
  const bool is_ping_pong = flags.mode == Flags::Mode::kPingPong;
  std::thread reading;
  if (!is_ping_pong) {
    reading = std::thread([&] {
      while (read_answer()) {
      }
    });
  }
  RunAndPrint(flags, load, batch, [&](uint64_t room) {
    CHECK(SendAll(fd, frames.data(), room * frame_bytes));
    if (is_ping_pong) read_answer();
    return room;
  });
  shutdown(fd, SHUT_RDWR);
  if (reading.joinable()) reading.join();
  close(fd);
  return 0;
}

}  // namespace

int RawMain(const Flags& flags) {
  switch (flags.mode) {
    case Flags::Mode::kRecv:
    case Flags::Mode::kEcho:
      return Receive(flags);
    case Flags::Mode::kSend:
    case Flags::Mode::kPingPong:
      return Send(flags);
    default:
      return Fail("no such --mode here");
  }
}

}  // namespace rafthttp::bench

int main(int argc, char** argv) {
  return rafthttp::bench::RawMain(rafthttp::bench::ParseFlags(argc, argv));
}
