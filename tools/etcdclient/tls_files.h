#ifndef TOOLS_ETCDCLIENT_TLS_FILES_H_
#define TOOLS_ETCDCLIENT_TLS_FILES_H_

#include <string>

#include "absl/status/statusor.h"

namespace rafthttpctl {

// What TLS needs, as PEM texts.
struct TlsTexts {
  std::string roots;
  std::string cert;  // empty, like its key, for no client certificate
  std::string key;
};

// Reads a CA bundle (the system's if `cacert_file` is empty) and, if it is
// given, a client certificate with its key. gRPC takes whatever it gets and
// says nothing of use later, so all of it is checked here.
//
// kInvalidArgument names the file and what is wrong with it: it cannot be read,
// holds no certificate or no key that we can use, or the two do not match.
absl::StatusOr<TlsTexts> ReadTlsFiles(const std::string& cacert_file,
                                      const std::string& cert_file,
                                      const std::string& key_file);

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDCLIENT_TLS_FILES_H_
