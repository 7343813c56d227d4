#ifndef RAFTHTTP_RAFTHTTP_H_
#define RAFTHTTP_RAFTHTTP_H_

// All that an embedder needs: implement Raft, fill in Options, and run a
// Transport. integration/consumer has a whole program; docs/embedding.md one
// with a raft engine on top.

#include "rafthttp/base/http_answer.h"           // IWYU pragma: export
#include "rafthttp/base/ids.h"                   // IWYU pragma: export
#include "rafthttp/base/ledger.h"                // IWYU pragma: export
#include "rafthttp/base/logger.h"                // IWYU pragma: export
#include "rafthttp/base/raft.h"                  // IWYU pragma: export
#include "rafthttp/cluster_info/cluster_info.h"  // IWYU pragma: export
#include "rafthttp/codec/message_view.h"         // IWYU pragma: export
#include "rafthttp/delivery/view_receiver.h"     // IWYU pragma: export
#include "rafthttp/http1/handler.h"              // IWYU pragma: export
#include "rafthttp/http1/mux.h"                  // IWYU pragma: export
#include "rafthttp/stats/leader_stats.h"         // IWYU pragma: export
#include "rafthttp/stats/metrics_recorder.h"     // IWYU pragma: export
#include "rafthttp/stats/server_stats.h"         // IWYU pragma: export
#include "rafthttp/transport/options.h"          // IWYU pragma: export
#include "rafthttp/transport/transport.h"        // IWYU pragma: export
#include "snap/posix_file_system.h"              // IWYU pragma: export
#include "snap/snapshot_message.h"               // IWYU pragma: export
#include "snap/snapshotter.h"                    // IWYU pragma: export

#endif  // RAFTHTTP_RAFTHTTP_H_
