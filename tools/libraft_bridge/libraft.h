#ifndef TOOLS_LIBRAFT_BRIDGE_LIBRAFT_H_
#define TOOLS_LIBRAFT_BRIDGE_LIBRAFT_H_

// libraft's headers, which do not know of C++.

// What they include, here first so that it is not taken for C.
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <uv.h>

extern "C" {
#include <raft.h>     // IWYU pragma: export
#include <raft/uv.h>  // IWYU pragma: export
}

#endif  // TOOLS_LIBRAFT_BRIDGE_LIBRAFT_H_
