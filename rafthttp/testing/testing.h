#ifndef RAFTHTTP_TESTING_TESTING_H_
#define RAFTHTTP_TESTING_TESTING_H_

// A simulated world for tests of what is built on a Transport: one thread,
// virtual time, a network that misbehaves as it is told.

#include "rafthttp/event/testing/faults.h"          // IWYU pragma: export
#include "rafthttp/event/testing/memory_network.h"  // IWYU pragma: export
#include "rafthttp/event/testing/sim_loop.h"        // IWYU pragma: export
#include "rafthttp/testing/sim_host.h"              // IWYU pragma: export

#endif  // RAFTHTTP_TESTING_TESTING_H_
