#include "tools/rafthttpctl/quiet_grpc.h"

#include <grpc/support/log.h>

namespace rafthttpctl {

void QuietGrpc(bool debug) {
  if (debug) {
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_DEBUG);
  } else {
    gpr_set_log_function([](gpr_log_func_args*) {});
  }
}

}  // namespace rafthttpctl
