#include "tools/rafthttpctl/file_digest.h"

#include <openssl/evp.h>

#include <cstdint>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"

namespace rafthttpctl {

absl::StatusOr<std::string> Sha256Of(rafthttp::snap::FileSystem& files,
                                     const std::string& path) {
  auto file = files.OpenForRead(path);
  if (!file.ok()) return file.status();
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
      EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  std::string buffer(1 << 20, '\0');
  for (uint64_t offset = 0;;) {
    const auto got = (*file)->ReadAt(offset, buffer.data(), buffer.size());
    if (!got.ok()) return got.status();
    if (*got == 0) break;
    EVP_DigestUpdate(context.get(), buffer.data(), *got);
    offset += *got;
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_DigestFinal_ex(context.get(), digest, &size);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest), size));
}

}  // namespace rafthttpctl
