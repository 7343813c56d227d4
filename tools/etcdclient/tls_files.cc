#include "tools/etcdclient/tls_files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <fstream>
#include <limits>
#include <memory>
#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace rafthttpctl {
namespace {

// Debian's gRPC looks for the system's roots where Debian has none.
constexpr char kSystemRoots[] = "/etc/ssl/certs/ca-certificates.crt";

struct Free {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using BioPtr = std::unique_ptr<BIO, Free>;
using CertificatePtr = std::unique_ptr<X509, Free>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free>;

absl::StatusOr<std::string> ReadText(const std::string& path) {
  const std::ifstream file(path, std::ios::binary);
  // A folder opens, but does not read; to copy it this way throws nothing.
  std::ostringstream copy;
  if (file.is_open()) copy << file.rdbuf();
  std::string text = std::move(copy).str();
  if (!file.is_open() || text.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read ", path, ", or it is empty"));
  }
  if (text.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is too large"));
  }
  return text;
}

BioPtr BioOf(absl::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The first certificate in `text`; null if there is none.
CertificatePtr CertificateIn(absl::string_view text) {
  const BioPtr bio = BioOf(text);
  CertificatePtr certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

// Null if there is none, or only one behind a pass phrase, which gRPC could not
// ask for either.
KeyPtr KeyIn(absl::string_view text) {
  const BioPtr bio = BioOf(text);
  const auto no_pass_phrase = [](char*, int, int, void*) { return 0; };
  KeyPtr key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr));
  ERR_clear_error();
  return key;
}

absl::Status NoCertificate(const std::string& path) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, " holds no certificate in PEM"));
}

}  // namespace

absl::StatusOr<TlsTexts> ReadTlsFiles(const std::string& cacert_file,
                                      const std::string& cert_file,
                                      const std::string& key_file) {
  TlsTexts texts;
  if (!cacert_file.empty()) {
    auto roots = ReadText(cacert_file);
    if (!roots.ok()) return roots.status();
    if (CertificateIn(*roots) == nullptr) return NoCertificate(cacert_file);
    texts.roots = *std::move(roots);
  } else if (auto roots = ReadText(kSystemRoots); roots.ok()) {
    texts.roots = *std::move(roots);
  }
  if (cert_file.empty() != key_file.empty()) {
    return absl::InvalidArgumentError(
        "a client certificate needs both --cert and --key");
  }
  if (cert_file.empty()) return texts;
  auto cert = ReadText(cert_file);
  if (!cert.ok()) return cert.status();
  auto key = ReadText(key_file);
  if (!key.ok()) return key.status();
  const CertificatePtr certificate = CertificateIn(*cert);
  if (certificate == nullptr) return NoCertificate(cert_file);
  const KeyPtr private_key = KeyIn(*key);
  if (private_key == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        key_file, " holds no private key in PEM, or an encrypted one"));
  }
  const bool is_match =
      X509_check_private_key(certificate.get(), private_key.get()) == 1;
  ERR_clear_error();
  if (!is_match) {
    return absl::InvalidArgumentError(
        absl::StrCat(key_file, " is not the key of ", cert_file));
  }
  texts.cert = *std::move(cert);
  texts.key = *std::move(key);
  return texts;
}

}  // namespace rafthttpctl
