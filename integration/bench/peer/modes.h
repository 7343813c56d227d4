#ifndef INTEGRATION_BENCH_PEER_MODES_H_
#define INTEGRATION_BENCH_PEER_MODES_H_

#include <uv.h>

#include "integration/bench/peer/flags.h"
#include "rafthttp/event/uv_loop.h"

namespace rafthttp::bench {

// What the program does in each --mode; each returns its exit code, and leaves
// nothing on the loop that does not close by itself.

// recv, echo: answers what comes, until SIGTERM or SIGINT.
int Receive(uv_loop_t& uv, event::UvLoop& loop, const Flags& flags);
// farm: many of these behind one listener.
int Farm(uv_loop_t& uv, event::UvLoop& loop, const Flags& flags);
// send, pingpong: measures messages.
int Send(uv_loop_t& uv, event::UvLoop& loop, Flags flags);
// delay: how long heartbeats take beside appends of 1 MiB that keep the peer
// busy.
int Delay(uv_loop_t& uv, event::UvLoop& loop, const Flags& flags);
// snapsend: measures snapshots.
int SendSnapshots(uv_loop_t& uv, event::UvLoop& loop, Flags flags);
// conncost: what many peers cost: idle, after a little traffic, and after so
// much that every queue was full once.
int ConnCost(uv_loop_t& uv, const Flags& flags);

}  // namespace rafthttp::bench

#endif  // INTEGRATION_BENCH_PEER_MODES_H_
