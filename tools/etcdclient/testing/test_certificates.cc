#include "tools/etcdclient/testing/test_certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "rafthttp/base/check.h"

namespace rafthttpctl {
namespace {

constexpr long kHourSeconds = 3600;

struct Free {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const {
    X509_EXTENSION_free(extension);
  }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using CertificatePtr = std::unique_ptr<X509, Free>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free>;

void AddExtension(X509* certificate, X509* issuer, int nid,
                  const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  CHECK(extension != nullptr);
  X509_add_ext(certificate, extension.get(), -1);
}

CertificatePtr NewCertificate(const std::string& name, long serial,
                              EVP_PKEY* key) {
  CertificatePtr certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kHourSeconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kHourSeconds);
  X509_NAME_add_entry_by_txt(
      X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
      reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

template <typename Write>
std::string Pem(Write write) {
  const std::unique_ptr<BIO, Free> bio(BIO_new(BIO_s_mem()));
  CHECK(write(bio.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string PemOf(X509* certificate) {
  return Pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

}  // namespace

struct TestAuthority::State {
  KeyPtr key{EVP_EC_gen("P-256")};
  CertificatePtr certificate =
      NewCertificate("a test's authority", 1, key.get());
  std::string pem;
};

TestAuthority::TestAuthority() : state_(std::make_unique<State>()) {
  X509* const certificate = state_->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  AddExtension(certificate, certificate, NID_basic_constraints,
               "critical,CA:TRUE");
  X509_sign(certificate, state_->key.get(), EVP_sha256());
  state_->pem = PemOf(certificate);
}

TestAuthority::~TestAuthority() = default;

const std::string& TestAuthority::cert() const { return state_->pem; }

TestCertificate TestAuthority::Issue(const std::string& dns_name) const {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const CertificatePtr certificate = NewCertificate(dns_name, 2, key.get());
  X509* const issuer = state_->certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
  AddExtension(certificate.get(), issuer, NID_subject_alt_name,
               absl::StrCat("IP:127.0.0.1,DNS:", dns_name));
  X509_sign(certificate.get(), state_->key.get(), EVP_sha256());
  return {.cert = PemOf(certificate.get()), .key = Pem([&](BIO* bio) {
                                              return PEM_write_bio_PrivateKey(
                                                  bio, key.get(), nullptr,
                                                  nullptr, 0, nullptr, nullptr);
                                            })};
}

std::string WriteTestFile(const std::string& name, absl::string_view text) {
  const std::string path = absl::StrCat(testing::TempDir(), "/", name);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  CHECK(file.good());
  return path;
}

}  // namespace rafthttpctl
