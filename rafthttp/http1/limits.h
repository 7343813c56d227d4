#ifndef RAFTHTTP_HTTP1_LIMITS_H_
#define RAFTHTTP_HTTP1_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace rafthttp::http1 {

// What one peer may make us hold or read on. Every length that comes over the
// wire is compared with one of these before anything is done with it.
struct Limits {
  // etcd's heads stay under 1 KiB; the longest part is a list of peer URLs.
  // http-parser has a limit of its own at 80 KiB.
  size_t head_bytes_max = 64 << 10;
  // etcd sends about ten.
  size_t headers_max = 128;
  // "X-Min-Cluster-Version" and its like, with room for proxies' inventions.
  size_t header_name_bytes_max = 256;
  // X-PeerURLs of a member with a hundred long URLs.
  size_t header_value_bytes_max = 16 << 10;
  // The longest path is /raft/stream/msgapp/<16 digits>; what others ask for is
  // answered with 404 all the same.
  size_t target_bytes_max = 8 << 10;
  // A body gathered in memory: /members and /version, and error texts. Streams
  // and snapshots are not gathered.
  size_t body_bytes_max = 1 << 20;
  // One chunk: Go writes a frame as one chunk, and a frame is at most 512 MiB.
  // Nothing is allocated for the claim; a larger one is a sign of nonsense.
  uint64_t chunk_bytes_max = uint64_t{1} << 30;
  // Nobody we know sends chunk extensions or trailers; both are skipped.
  size_t chunk_extension_bytes_max = 256;
  size_t trailer_bytes_max = 4 << 10;
  // Interim (1xx) answers before the final one.
  int interim_responses_max = 8;
};

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_LIMITS_H_
