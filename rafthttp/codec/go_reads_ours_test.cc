// What our encoder writes for the messages of raftpb/testdata/go_vectors.txt,
// to the byte. That Go decodes these bytes to equal messages is for
// //raftpb:go_check_test to say, and for raftpb/testdata/README.md to explain.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "rafthttp/codec/codec_testing.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/message_writer.h"
#include "raftpb/go_vectors.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::codec {
namespace {

constexpr char kHeader[] =
    "# Made by //rafthttp/codec:go_reads_ours_test. Name, form, bytes.\n";

std::string Encoded(const raftpb::Message& message) {
  ViewStorage storage;
  std::string out;
  AppendEncoded(ViewOf(message, &storage), &out);
  return out;
}

// Takes away each scalar that is zero: the same value, as etcd 3.7 would write
// it, or a program that sets only what it needs. Bytes stay, as raft tells
// empty ones from none.
void StripZeros(google::protobuf::Message* message) {
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(*message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    using google::protobuf::FieldDescriptor;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const int size =
          field->is_repeated() ? reflection.FieldSize(*message, field) : 0;
      for (int i = 0; i < size; ++i) {
        StripZeros(reflection.MutableRepeatedMessage(message, field, i));
      }
      if (!field->is_repeated()) {
        StripZeros(reflection.MutableMessage(message, field));
      }
      continue;
    }
    if (field->is_repeated()) continue;
    const bool is_zero =
        (field->cpp_type() == FieldDescriptor::CPPTYPE_UINT64 &&
         reflection.GetUInt64(*message, field) == 0) ||
        (field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL &&
         !reflection.GetBool(*message, field)) ||
        (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM &&
         reflection.GetEnumValue(*message, field) == 0);
    if (is_zero) reflection.ClearField(message, field);
  }
}

struct NamedMessage {
  std::string name;
  raftpb::Message message;
};

std::vector<NamedMessage> Messages() {
  std::vector<NamedMessage> messages;
  for (const raftpb::GoVector& vector : raftpb::ReadGoVectors()) {
    if (vector.kind != "Message") continue;
    messages.push_back({.name = vector.name, .message = {}});
    EXPECT_TRUE(messages.back().message.ParseFromString(vector.bytes));
  }
  return messages;
}

std::string Ours() {
  std::string ours = kHeader;
  const auto add = [&ours](absl::string_view name, absl::string_view form,
                           const raftpb::Message& message) {
    absl::StrAppend(&ours, name, " ", form, " ",
                    absl::BytesToHexString(Encoded(message)), "\n");
  };
  for (const NamedMessage& named : Messages()) {
    add(named.name, "plain", named.message);
    raftpb::Message message = named.message;
    if (message.type() == raftpb::MsgSnap) {
      StripZeros(&message);
      add(named.name, "minimal", message);
    }
    message = named.message;
    message.set_vote(5);
    if (absl::string_view(named.name).substr(named.name.size() - 2) == "/0") {
      add(named.name, "vote", message);
    }
  }
  return ours;
}

// To bless a change of the encoder, copy the file that this test leaves in its
// undeclared outputs, and have Go read it.
TEST(GoReadsOursTest, WeWriteTheCheckedInBytes) {
  const std::string ours = Ours();
  if (const char* dir = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR")) {
    std::ofstream(absl::StrCat(dir, "/ours.txt")) << ours;
  }
  std::ifstream file("raftpb/testdata/ours.txt");
  const std::string checked_in((std::istreambuf_iterator<char>(file)),
                               std::istreambuf_iterator<char>());
  // Not EXPECT_EQ, which would print all of both.
  EXPECT_TRUE(ours == checked_in) << "raftpb/testdata/ours.txt is another";
}

TEST(GoReadsOursTest, AbsentAndZeroAreTheSame) {
  int messages = 0;
  for (const NamedMessage& named : Messages()) {
    if (named.message.type() == raftpb::MsgSnap) continue;
    SCOPED_TRACE(named.name);
    raftpb::Message minimal = named.message;
    StripZeros(&minimal);
    EXPECT_LT(minimal.ByteSizeLong(), named.message.ByteSizeLong());
    EXPECT_EQ(Encoded(minimal), Encoded(named.message));
    ++messages;
  }
  EXPECT_GT(messages, 200);
}

TEST(GoReadsOursTest, WeReadItToo) {
  for (const NamedMessage& named : Messages()) {
    raftpb::Message message;
    ASSERT_TRUE(message.ParseFromString(Encoded(named.message))) << named.name;
    EXPECT_EQ(CanonicalValues(message), CanonicalValues(named.message))
        << named.name;
  }
}

}  // namespace
}  // namespace rafthttp::codec
