#include "tools/etcdclient/tls_files.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tools/etcdclient/testing/test_certificates.h"

namespace rafthttpctl {
namespace {

class TlsFilesTest : public testing::Test {
 protected:
  const TestAuthority authority_;
  const TestCertificate client_ = authority_.Issue("client.test");
  const std::string ca_file_ = WriteTestFile("ca.pem", authority_.cert());
  const std::string cert_file_ = WriteTestFile("cert.pem", client_.cert);
  const std::string key_file_ = WriteTestFile("key.pem", client_.key);
};

TEST_F(TlsFilesTest, AreReadAsTheyAre) {
  const auto texts = ReadTlsFiles(ca_file_, cert_file_, key_file_);
  ASSERT_TRUE(texts.ok()) << texts.status();
  EXPECT_EQ(texts->roots, authority_.cert());
  EXPECT_EQ(texts->cert, client_.cert);
  EXPECT_EQ(texts->key, client_.key);
  const auto roots_only = ReadTlsFiles(ca_file_, "", "");
  ASSERT_TRUE(roots_only.ok()) << roots_only.status();
  EXPECT_EQ(roots_only->cert, "");
}

TEST_F(TlsFilesTest, WhatCannotBeUsedIsNamed) {
  const std::string other_key =
      WriteTestFile("other.pem", authority_.Issue("other.test").key);
  const std::string empty = WriteTestFile("empty.pem", "");
  // As `openssl pkey -aes128` has it; gRPC could not ask for its pass phrase.
  const std::string encrypted = WriteTestFile(
      "encrypted.pem",
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGjMF8GCSqGSIb3DQEF\n"
      "-----END ENCRYPTED PRIVATE KEY-----\n");
  const std::string missing = testing::TempDir() + "/no-such-file";
  struct Case {
    std::string cacert, cert, key;
    std::string culprit;
  };
  const Case cases[] = {
      {missing, "", "", missing},
      {testing::TempDir(), "", "", testing::TempDir()},
      {empty, "", "", empty},
      {key_file_, "", "", key_file_},
      {ca_file_, missing, key_file_, missing},
      {ca_file_, cert_file_, missing, missing},
      {ca_file_, key_file_, key_file_, key_file_},
      {ca_file_, cert_file_, cert_file_, cert_file_},
      {ca_file_, cert_file_, encrypted, encrypted},
      {ca_file_, cert_file_, other_key, other_key},
      {ca_file_, cert_file_, "", "--key"},
      {ca_file_, "", key_file_, "--cert"},
  };
  for (const Case& c : cases) {
    const absl::Status status = ReadTlsFiles(c.cacert, c.cert, c.key).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << c.culprit << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.culprit)) << status;
  }
}

}  // namespace
}  // namespace rafthttpctl
