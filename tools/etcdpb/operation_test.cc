#include "tools/etcdpb/operation.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = ::nlohmann::ordered_json;

constexpr char kFolder[] = "tools/etcdpb/testdata/entries";

// One of the entries that etcd's own code has marshalled, see testdata/gen.
raftpb::Entry EntryNamed(const std::string& name) {
  std::ifstream file(absl::StrCat(kFolder, "/", name), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)),
                          std::istreambuf_iterator<char>());
  raftpb::Entry entry;
  EXPECT_TRUE(!bytes.empty() && entry.ParseFromString(bytes)) << name;
  return entry;
}

std::vector<std::string> EntryNames() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(kFolder)) {
    names.push_back(file.path().filename().string());
  }
  return names;
}

raftpb::Entry NormalEntry(absl::string_view data) {
  raftpb::Entry entry;
  entry.set_data(data.data(), data.size());
  return entry;
}

Json OpNamed(const std::string& name) {
  return OperationJson(EntryNamed(name), {});
}

struct Vector {
  const char* name;
  const char* json;
  const char* text;
};

void PrintTo(const Vector& vector, std::ostream* out) { *out << vector.name; }

const Vector
    kVectors
        [] =
            {
                {"empty", R"({"kind":"empty"})", R"(empty)"},
                {"put",
                 R"({"kind":"put","key":"key1","value":"val1","lease":"0"})",
                 R"(put key1 = "val1")"},
                {"put_all_fields",
                 R"({"kind":"put","key":"k","value":"","lease":"7587858848333473250","prevKv":true,"ignoreValue":true,"ignoreLease":true})",
                 R"(put k lease=694d7d6b9cb8a5e2 prevKv ignoreValue ignoreLease)"},
                {"put_binary",
                 R"({"kind":"put","keyBase64":"/2s=","valueBase64":"AMMo","lease":"0"})",
                 R"(put "\xffk" = "\x00\xc3(")"},
                {"put_escapes",
                 "{\"kind\":\"put\",\"key\":\"a "
                 "b\\u001b[2J\",\"value\":"
                 "\"\\\"\\\\\\n\u009b31m\u202eh\u00e9\",\"lease\":\"0\"}",
                 "put \"a b\\x1b[2J\" = "
                 "\"\\\"\\\\\\n\\u009b31m\\u202eh\u00e9\""},
                {"put_by_user",
                 R"({"kind":"put","key":"k","value":"v","lease":"0","username":"root"})",
                 R"(put k = "v" username=root)"},
                {"range", R"({"kind":"range","key":"a"})", R"(range a)"},
                {"range_all_fields",
                 R"({"kind":"range","key":"a","rangeEnd":"\u0000","limit":"1","revision":"2","sortOrder":"descend","sortTarget":"value","serializable":true,"keysOnly":true,"countOnly":true,"minModRevision":"3","maxModRevision":"4","minCreateRevision":"5","maxCreateRevision":"6"})",
                 R"(range a.. limit=1 revision=2 sortOrder=descend sortTarget=value serializable keysOnly countOnly minModRevision=3 maxModRevision=4 minCreateRevision=5 maxCreateRevision=6)"},
                {"delete_range",
                 R"({"kind":"delete_range","key":"a","rangeEnd":"b","prevKv":true})",
                 R"(delete_range a..b prevKv)"},
                {"delete_one", R"({"kind":"delete_range","key":"a"})",
                 R"(delete_range a)"},
                {"compaction",
                 R"({"kind":"compaction","revision":"1152921504606846976","physical":true})",
                 R"(compaction revision=1152921504606846976 physical)"},
                {"txn",
                 R"({"kind":"txn","compare":[{"key":"k","target":"value","result":"equal","value":"x"}],"success":[{"kind":"put","key":"k","value":"y","lease":"0"}],"failure":[]})",
                 R"(txn if value(k) = "x" then put k = "y" else (none))"},
                {"txn_compares",
                 R"({"kind":"txn","compare":[{"key":"a","target":"version","result":"greater","version":"1"},{"key":"b","target":"create","result":"less","createRevision":"2"},{"key":"c","rangeEnd":"d","target":"mod","result":"not_equal","modRevision":"3"},{"key":"e","target":"lease","result":"equal","lease":"16"},{"key":"f","target":"mod","result":"equal","modRevision":"0"}],"success":[],"failure":[]})",
                 R"(txn if version(a) > 1 and create(b) < 2 and mod(c..d) != 3 and lease(e) = 10 and mod(f) = 0 then (none) else (none))"},
                {"txn_nested",
                 R"({"kind":"txn","compare":[],"success":[{"kind":"txn","compare":[],"success":[{"kind":"put","key":"in/a","value":"1","lease":"0"}],"failure":[{"kind":"range","key":"in/b"}]}],"failure":[{"kind":"delete_range","key":"out"},{"kind":"put","key":"k","value":"z","lease":"0"}]})",
                 R"(txn then (txn then put in/a = "1" else range in/b) else delete_range out; put k = "z")"},
                {"lease_grant",
                 R"({"kind":"lease_grant","lease":"7587858848333473250","ttl":"60"})",
                 R"(lease_grant lease=694d7d6b9cb8a5e2 ttl=60)"},
                {"lease_revoke",
                 R"({"kind":"lease_revoke","lease":"7587858848333473250"})",
                 R"(lease_revoke lease=694d7d6b9cb8a5e2)"},
                {"lease_checkpoint",
                 R"({"kind":"lease_checkpoint","checkpoints":[{"lease":"1","remainingTtl":"2"},{"lease":"16","remainingTtl":"30"}]})",
                 R"(lease_checkpoint 1 remaining 2, 10 remaining 30)"},
                {"alarm",
                 R"({"kind":"alarm","action":"activate","member":"8e9e05c52164694d","alarm":"nospace"})",
                 R"(alarm action=activate member=8e9e05c52164694d alarm=nospace)"},
                {"alarm_unknown",
                 R"({"kind":"alarm","action":"7","member":"0","alarm":"9"})",
                 R"(alarm action=7 member=0 alarm=9)"},
                {"auth_enable", R"({"kind":"auth_enable"})", R"(auth_enable)"},
                {"auth_disable", R"({"kind":"auth_disable"})",
                 R"(auth_disable)"},
                {"auth_status", R"({"kind":"auth_status"})", R"(auth_status)"},
                {"auth_authenticate",
                 R"op({"kind":"auth_authenticate","name":"ann","password":"(redacted)","simpleToken":"(redacted)"})op",
                 R"(auth_authenticate name=ann password=(redacted) simpleToken=(redacted))"},
                {"auth_user_add",
                 R"op({"kind":"auth_user_add","name":"ann","password":"(redacted)"})op",
                 R"(auth_user_add name=ann password=(redacted))"},
                {"auth_user_add_binary",
                 R"op({"kind":"auth_user_add","nameBase64":"/2Fubg==","password":"(redacted)"})op",
                 R"(auth_user_add name="\xffann" password=(redacted))"},
                {"auth_user_add_hashed",
                 R"op({"kind":"auth_user_add","name":"ann","hashedPassword":"(redacted)","noPassword":true})op",
                 R"(auth_user_add name=ann hashedPassword=(redacted) noPassword)"},
                {"auth_user_delete",
                 R"({"kind":"auth_user_delete","name":"ann"})",
                 R"(auth_user_delete name=ann)"},
                {"auth_user_get", R"({"kind":"auth_user_get","name":"ann"})",
                 R"(auth_user_get name=ann)"},
                {"auth_user_change_password",
                 R"op({"kind":"auth_user_change_password","name":"ann","password":"(redacted)"})op",
                 R"(auth_user_change_password name=ann password=(redacted))"},
                {"auth_user_change_password_hashed",
                 R"op({"kind":"auth_user_change_password","name":"ann","hashedPassword":"(redacted)"})op",
                 R"(auth_user_change_password name=ann hashedPassword=(redacted))"},
                {"auth_user_grant_role",
                 R"({"kind":"auth_user_grant_role","user":"ann","role":"dev"})",
                 R"(auth_user_grant_role user=ann role=dev)"},
                {"auth_user_revoke_role",
                 R"({"kind":"auth_user_revoke_role","name":"ann","role":"dev"})",
                 R"(auth_user_revoke_role name=ann role=dev)"},
                {"auth_user_list", R"({"kind":"auth_user_list"})",
                 R"(auth_user_list)"},
                {"auth_role_list", R"({"kind":"auth_role_list"})",
                 R"(auth_role_list)"},
                {"auth_role_add", R"({"kind":"auth_role_add","name":"dev"})",
                 R"(auth_role_add name=dev)"},
                {"auth_role_delete",
                 R"({"kind":"auth_role_delete","role":"dev"})",
                 R"(auth_role_delete role=dev)"},
                {"auth_role_get", R"({"kind":"auth_role_get","role":"dev"})",
                 R"(auth_role_get role=dev)"},
                {"auth_role_grant_permission",
                 R"({"kind":"auth_role_grant_permission","name":"dev","permission":"readwrite","key":"a","rangeEnd":"b"})",
                 R"(auth_role_grant_permission name=dev permission=readwrite key=a rangeEnd=b)"},
                {"auth_role_revoke_permission",
                 R"({"kind":"auth_role_revoke_permission","role":"dev","key":"a","rangeEnd":"b"})",
                 R"(auth_role_revoke_permission role=dev key=a rangeEnd=b)"},
                {"cluster_version_set",
                 R"({"kind":"cluster_version_set","version":"3.5.0"})",
                 R"(cluster_version_set version=3.5.0)"},
                {"cluster_member_attr_set",
                 R"({"kind":"cluster_member_attr_set","member":"8e9e05c52164694d","name":"n1","clientURLs":["http://127.0.0.1:2379","http://10.0.0.1:2379"]})",
                 R"(cluster_member_attr_set member=8e9e05c52164694d name=n1 clientURLs=[http://127.0.0.1:2379,http://10.0.0.1:2379])"},
                {"downgrade_info_set",
                 R"({"kind":"downgrade_info_set","enabled":true,"version":"3.5.0"})",
                 R"(downgrade_info_set enabled version=3.5.0)"},
                {"downgrade_version_test",
                 R"({"kind":"downgrade_version_test","version":"3.6.0"})",
                 R"(downgrade_version_test version=3.6.0)"},
                {"v2_put",
                 R"({"kind":"v2_put","path":"/0/members/8e9e05c52164694d/attributes","value":"{\"name\":\"n1\",\"clientURLs\":[\"http://127.0.0.1:2379\"]}"})",
                 R"(v2_put /0/members/8e9e05c52164694d/attributes = "{\"name\":\"n1\",\"clientURLs\":[\"http://127.0.0.1:2379\"]}")"},
                {"v2_put_inside",
                 R"({"kind":"v2_put","path":"/0/members/8e9e05c52164694d/attributes","value":"{\"name\":\"n1\",\"clientURLs\":[\"http://127.0.0.1:2379\"]}"})",
                 R"(v2_put /0/members/8e9e05c52164694d/attributes = "{\"name\":\"n1\",\"clientURLs\":[\"http://127.0.0.1:2379\"]}")"},
                {"v2_all_fields", R"({"kind":"v2_post","path":"/1/q","value":"v","dir":true,"prevValue":"w","prevIndex":"5","prevExist":true,"expiration":"6","wait":true,"since":"7","recursive":true,"sorted":true,"quorum":true,"time":"8","stream":true,"refresh":true})",
                 R"(v2_post /1/q = "v" dir prevValue=w prevIndex=5 prevExist expiration=6 wait since=7 recursive sorted quorum time=8 stream refresh)"},
                {"v2_delete", R"({"kind":"v2_delete","path":"/1/q"})",
                 R"(v2_delete /1/q)"},
                {"v2_get", R"({"kind":"v2_get","path":"/1/q"})",
                 R"(v2_get /1/q)"},
                {"v2_qget", R"({"kind":"v2_qget","path":"/1/q"})",
                 R"(v2_qget /1/q)"},
                {"v2_sync",
                 R"({"kind":"v2_sync","time":"1669190400000000000"})",
                 R"(v2_sync time=1669190400000000000)"},
                {"v2_user",
                 R"op({"kind":"v2_put","path":"/2/users/ann","value":"(redacted)","prevValue":"(redacted)"})op",
                 R"(v2_put /2/users/ann = (redacted) prevValue=(redacted))"},
                {"v2_method_unknown",
                 R"({"kind":"unknown","data":"CAgSA0VBVBoELzEvcSIAKAAyADgASABQAFgAYABoAHAAeACAAQA="})",
                 "unknown "
                 "\"\\x08\\x08\\x12\\x03EAT\\x1a\\x04/1/q\\\"\\x00(\\x002\\x008"
                 "\\x00H\\x00P\\x00X\\x00\u2026\" (38 bytes)"},
                {"conf_change_add",
                 R"({"kind":"conf_change","changes":[{"type":"add_node","node":"8e9e05c52164694d","peerURLs":["http://127.0.0.1:2380","http://10.0.0.1:2380"]}]})",
                 R"(conf_change add_node 8e9e05c52164694d peerURLs=[http://127.0.0.1:2380,http://10.0.0.1:2380])"},
                {"conf_change_add_learner",
                 R"({"kind":"conf_change","changes":[{"type":"add_learner_node","node":"8e9e05c52164694d","peerURLs":["http://127.0.0.1:2380","http://10.0.0.1:2380"],"isLearner":true}]})",
                 R"(conf_change add_learner_node 8e9e05c52164694d peerURLs=[http://127.0.0.1:2380,http://10.0.0.1:2380] isLearner)"},
                {"conf_change_promote",
                 R"({"kind":"conf_change","changes":[{"type":"add_node","node":"8e9e05c52164694d","isPromote":true}]})",
                 R"(conf_change add_node 8e9e05c52164694d isPromote)"},
                {"conf_change_remove",
                 R"({"kind":"conf_change","changes":[{"type":"remove_node","node":"8e9e05c52164694d"}]})",
                 R"(conf_change remove_node 8e9e05c52164694d)"},
                {"conf_change_update",
                 R"({"kind":"conf_change","changes":[{"type":"update_node","node":"8e9e05c52164694d","peerURLs":["http://127.0.0.1:2380","http://10.0.0.1:2380"]}]})",
                 R"(conf_change update_node 8e9e05c52164694d peerURLs=[http://127.0.0.1:2380,http://10.0.0.1:2380])"},
                {"conf_change_bootstrap",
                 R"({"kind":"conf_change","changes":[{"type":"add_node","node":"8e9e05c52164694d","peerURLs":["http://127.0.0.1:2380","http://10.0.0.1:2380"],"name":"n1","clientURLs":["http://127.0.0.1:2379"]}]})",
                 R"(conf_change add_node 8e9e05c52164694d peerURLs=[http://127.0.0.1:2380,http://10.0.0.1:2380] name=n1 clientURLs=[http://127.0.0.1:2379])"},
                {"conf_change_bare_url",
                 R"({"kind":"conf_change","changes":[{"type":"add_node","node":"8e9e05c52164694d","peerURLs":["http://127.0.0.1:12380"]}]})",
                 R"(conf_change add_node 8e9e05c52164694d peerURLs=[http://127.0.0.1:12380])"},
                {"conf_change_odd_context",
                 R"({"kind":"conf_change","changes":[{"type":"add_node","node":"8e9e05c52164694d"}],"contextBase64":"/wA="})",
                 R"(conf_change add_node 8e9e05c52164694d context="\xff\x00")"},
                {"conf_change_unknown_type",
                 R"({"kind":"unknown","data":"CAsQBxjN0pGL0riBz44B"})",
                 "unknown "
                 "\"\\x08\\x0b\\x10\\x07\\x18\\xcd\u0491\\x8b\u04b8\\x81\u03ce"
                 "\\x01\""},
                {"conf_change_v2",
                 R"({"kind":"conf_change","transition":"joint_explicit","changes":[{"type":"add_node","node":"5"},{"type":"remove_node","node":"6"}],"context":"why"})",
                 R"(conf_change add_node 5, remove_node 6 transition=joint_explicit context=why)"},
                {"conf_change_v2_leave_joint",
                 R"({"kind":"conf_change","changes":[]})",
                 R"(conf_change leave joint)"},
                {"conf_change_garbage", R"({"kind":"unknown","data":"/w=="})",
                 R"(unknown "\xff")"},
                {"unknown_garbage",
                 R"({"kind":"unknown","data":"aGVsbG8g/w=="})",
                 R"(unknown "hello \xff")"},
                {"unknown_only_id", R"({"kind":"unknown","data":"CAU="})",
                 R"(unknown "\x08\x05")"},
                {"unknown_future_auth",
                 R"op({"kind":"unknown","data":"(redacted)"})op",
                 R"(unknown (redacted))"},
                {"unknown_torn_auth",
                 R"op({"kind":"unknown","data":"(redacted)"})op",
                 R"(unknown (redacted))"},
};

class VectorTest : public testing::TestWithParam<Vector> {};

TEST_P(VectorTest, IsShownAsJsonAndAsText) {
  const Json op = OpNamed(GetParam().name);
  EXPECT_EQ(op.dump(), GetParam().json);
  EXPECT_EQ(OperationText(op), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(Entries, VectorTest, testing::ValuesIn(kVectors),
                         [](const testing::TestParamInfo<Vector>& info) {
                           return info.param.name;
                         });

TEST(VectorsTest, EachEntryIsExpected) {
  for (const std::string& name : EntryNames()) {
    const bool is_expected =
        absl::StartsWith(name, "txn_depth_") ||
        std::any_of(std::begin(kVectors), std::end(kVectors),
                    [&](const Vector& vector) { return name == vector.name; });
    EXPECT_TRUE(is_expected) << name;
  }
}

TEST(OperationJsonTest, NestedTransactionsAreFollowedToTheParsersDepth) {
  Json op = OpNamed("txn_depth_40");
  EXPECT_TRUE(TouchesKey(op, "deep"));
  for (int level = 0; level < 40; ++level) {
    ASSERT_EQ(op["kind"], "txn") << level;
    const Json inner = op["success"].at(0);
    op = inner;
  }
  EXPECT_EQ(op["key"], "deep");
}

TEST(OperationJsonTest, TransactionsNestedTooDeeplyAreUnknown) {
  const Json op = OpNamed("txn_depth_400");
  EXPECT_EQ(op["kind"], "unknown");
  EXPECT_EQ(op["reason"], "nested too deeply");
  std::string data;
  ASSERT_TRUE(absl::Base64Unescape(op["data"].get<std::string>(), &data));
  EXPECT_EQ(data, EntryNamed("txn_depth_400").data());
}

TEST(OperationJsonTest, FieldsBeyondTheLimitAreUnknown) {
  // InternalRaftRequest.txn with so many empty success operations.
  std::string ops;
  for (int i = 0; i < 100'000; ++i) ops += std::string("\x12\x00", 2);
  std::string data = "\x32\xc0\x9a\x0c";  // field 6, 200,000 bytes
  const Json op = OperationJson(NormalEntry(data + ops), {});
  EXPECT_EQ(op["kind"], "unknown");
  EXPECT_EQ(op["reason"], "too many fields");
}

TEST(OperationJsonTest, AnEntryOfANewerTypeIsUnknown) {
  // Its data would do for a put, were it EntryNormal.
  raftpb::Entry entry;
  ASSERT_TRUE(entry.ParseFromString("\x08\x09\x22\x05\x22\x03\x0a\x01k"));
  EXPECT_EQ(OperationJson(entry, {}).dump(),
            R"({"kind":"unknown","data":"IgMKAWs="})");
  entry.mutable_unknown_fields()->Clear();
  EXPECT_EQ(OperationJson(entry, {})["kind"], "put");
}

TEST(OperationJsonTest, AHugeContextIsShownUnparsed) {
  raftpb::ConfChange change;
  change.set_context(absl::StrCat(R"({"peerURLs":["http://a"],"x":")",
                                  std::string(100'000, 'x'), R"("})"));
  raftpb::Entry entry;
  entry.set_type(raftpb::EntryConfChange);
  entry.set_data(change.SerializeAsString());
  const Json op = OperationJson(entry, {});
  EXPECT_EQ(op["changes"].dump(), R"([{"type":"add_node","node":"0"}])");
  EXPECT_EQ(op["context"], change.context());
}

TEST(OperationJsonTest, AContextOfOddShapesIsReadAsFarAsItGoes) {
  raftpb::ConfChange change;
  change.set_context(
      R"({"peerURLs":["http://a",7],"isLearner":"yes","name":[],"isPromote":true})");
  raftpb::Entry entry;
  entry.set_type(raftpb::EntryConfChange);
  entry.set_data(change.SerializeAsString());
  EXPECT_EQ(OperationJson(entry, {}).dump(),
            R"({"kind":"conf_change","changes":[{"type":"add_node","node":"0",)"
            R"("peerURLs":["http://a"],"isPromote":true}]})");
}

TEST(OperationJsonTest, AContextBelongsToAChangeOnlyWhereThereIsOne) {
  const std::string context = R"({"peerURLs":["http://a"]})";
  raftpb::ConfChangeV2 change;
  change.set_context(context);
  raftpb::Entry entry;
  entry.set_type(raftpb::EntryConfChangeV2);
  const auto op = [&] {
    entry.set_data(change.SerializeAsString());
    return OperationJson(entry, {});
  };
  EXPECT_EQ(op()["changes"].dump(), "[]");
  EXPECT_EQ(op()["context"], context);
  change.add_changes()->set_node_id(5);
  EXPECT_EQ(op()["changes"].dump(),
            R"([{"type":"add_node","node":"5","peerURLs":["http://a"]}])");
  EXPECT_FALSE(op().contains("context"));
  change.add_changes()->set_node_id(6);
  EXPECT_EQ(
      op()["changes"].dump(),
      R"([{"type":"add_node","node":"5"},{"type":"add_node","node":"6"}])");
  EXPECT_EQ(op()["context"], context);
}

TEST(SecretsTest, AreShownOnlyOnDemand) {
  const auto shown = [](const std::string& name) {
    return OperationJson(EntryNamed(name), {.show_secrets = true}).dump();
  };
  EXPECT_THAT(shown("auth_authenticate"),
              HasSubstr(R"("password":"secret-1")"));
  EXPECT_THAT(shown("auth_authenticate"),
              HasSubstr(R"("simpleToken":"secret-2")"));
  EXPECT_THAT(shown("auth_user_add"), HasSubstr(R"("password":"secret-1")"));
  EXPECT_THAT(shown("auth_user_add_binary"),
              HasSubstr(R"("passwordBase64":"c2VjcmV0LTH/")"));
  EXPECT_THAT(shown("auth_user_add_hashed"),
              HasSubstr(R"("hashedPassword":"secret-3")"));
  EXPECT_THAT(shown("auth_user_change_password_hashed"),
              HasSubstr(R"("hashedPassword":"secret-3")"));
  EXPECT_THAT(shown("v2_user"), HasSubstr("secret-4"));
  EXPECT_THAT(shown("unknown_future_auth"), HasSubstr("zZWNyZXQtNg=="));
}

TEST(SecretsTest, NoCutOfAnEntryShowsOne) {
  for (const std::string& name : EntryNames()) {
    raftpb::Entry entry = EntryNamed(name);
    const std::string whole = entry.data();
    for (size_t size = 0; size <= whole.size(); ++size) {
      entry.set_data(whole.substr(0, size));
      const Json op = OperationJson(entry, {});
      std::string data;
      absl::Base64Unescape(op.value("data", std::string()), &data);
      EXPECT_THAT(data, Not(HasSubstr("secret-"))) << name << " " << size;
      EXPECT_THAT(op.dump(), Not(HasSubstr("secret-"))) << name << " " << size;
      EXPECT_THAT(OperationText(op), Not(HasSubstr("secret-")))
          << name << " " << size;
    }
  }
}

TEST(OperationTextTest, LongValuesAreCut) {
  const Json op = {{"kind", "put"}, {"key", "k"}, {"value", "0123456789"}};
  EXPECT_EQ(OperationText(op, 4), "put k = \"0123\u2026\" (10 bytes)");
}

TEST(OperationTextTest, LongListsAreCut) {
  Json op = {{"kind", "txn"}, {"success", Json::array()}};
  for (int i = 0; i < 1000; ++i) {
    op["success"].push_back({{"kind", "range"}, {"key", "k"}});
  }
  const std::string text = OperationText(op);
  EXPECT_LT(text.size(), 400);
  EXPECT_THAT(text, HasSubstr("range k; \u2026 (984 more) else (none)"));
}

TEST(OperationTextTest, NestedListsDoNotMultiply) {
  Json op = {{"kind", "range"}, {"key", std::string(60, 'k')}};
  for (int level = 0; level < 4; ++level) {
    Json txn = {{"kind", "txn"}, {"success", Json::array()}};
    for (int i = 0; i < 8; ++i) txn["success"].push_back(op);
    op = txn;
  }
  EXPECT_LT(OperationText(op).size(), 8192);
}

TEST(OperationTextTest, OddJsonIsShownNotTrusted) {
  EXPECT_EQ(OperationText(Json()), "unknown");
  EXPECT_EQ(OperationText(Json::array({1})), "unknown");
  EXPECT_EQ(OperationText({{"kind", 7}, {"a\x1b", {1, "b"}}}),
            R"(unknown "a\x1b"=[?,b])");
  EXPECT_EQ(OperationText({{"kind", "put"}, {"key", 5}, {"lease", "x\n"}}),
            R"(put "" lease="x\n")");
  EXPECT_EQ(OperationText({{"kind", "txn"}, {"compare", "x"}, {"success", 1}}),
            "txn if then else (none)");
  EXPECT_EQ(OperationText({{"kind", "e\x1b"}}), R"("e\x1b")");
}

TEST(TouchesKeyTest, AKeyTouchesItsPrefixes) {
  const Json op = {{"kind", "put"}, {"key", "foo/a"}};
  EXPECT_TRUE(TouchesKey(op, ""));
  EXPECT_TRUE(TouchesKey(op, "foo/"));
  EXPECT_TRUE(TouchesKey(op, "foo/a"));
  EXPECT_FALSE(TouchesKey(op, "foo/ab"));
  EXPECT_FALSE(TouchesKey(op, "g"));
}

TEST(TouchesKeyTest, ARangeTouchesThePrefixesThatItMeets) {
  const Json op = {{"kind", "delete_range"}, {"key", "b"}, {"rangeEnd", "d"}};
  EXPECT_TRUE(TouchesKey(op, ""));
  EXPECT_FALSE(TouchesKey(op, "a"));
  EXPECT_TRUE(TouchesKey(op, "b"));
  EXPECT_TRUE(TouchesKey(op, "c/x"));
  EXPECT_FALSE(TouchesKey(op, "d"));
  const Json inner = {{"kind", "range"}, {"key", "a/1"}, {"rangeEnd", "a/2"}};
  EXPECT_TRUE(TouchesKey(inner, "a/"));
}

TEST(TouchesKeyTest, AnOpenRangeTouchesAllThatIsGreater) {
  const Json op = {
      {"kind", "range"}, {"key", "b"}, {"rangeEnd", std::string(1, '\0')}};
  EXPECT_FALSE(TouchesKey(op, "a"));
  EXPECT_TRUE(TouchesKey(op, "b"));
  EXPECT_TRUE(TouchesKey(op, "z"));
  EXPECT_TRUE(TouchesKey(op, "\xff\xff"));
}

TEST(TouchesKeyTest, ARangeThatEndsBeforeItBeginsIsItsKey) {
  const Json op = {{"kind", "range"}, {"key", "c"}, {"rangeEnd", "a"}};
  EXPECT_TRUE(TouchesKey(op, "c"));
  EXPECT_FALSE(TouchesKey(op, "b"));
}

TEST(TouchesKeyTest, KeysThatAreNotUtf8AreCompared) {
  EXPECT_TRUE(TouchesKey(OpNamed("put_binary"), "\xff"));
  EXPECT_TRUE(TouchesKey(OpNamed("put_binary"), "\xffk"));
  EXPECT_FALSE(TouchesKey(OpNamed("put_binary"), "\xfe"));
}

TEST(TouchesKeyTest, EveryPlaceOfAKeyCounts) {
  const Json nested = OpNamed("txn_nested");
  EXPECT_TRUE(TouchesKey(nested, "in/a"));
  EXPECT_TRUE(TouchesKey(nested, "in/b"));
  EXPECT_TRUE(TouchesKey(nested, "out"));
  EXPECT_FALSE(TouchesKey(nested, "in/c"));
  EXPECT_TRUE(TouchesKey(OpNamed("txn_compares"), "c"));
  EXPECT_TRUE(TouchesKey(OpNamed("auth_role_grant_permission"), "a"));
  EXPECT_TRUE(TouchesKey(OpNamed("v2_put"), "/0/members"));
}

TEST(TouchesKeyTest, WhatHasNoKeyTouchesNone) {
  EXPECT_FALSE(TouchesKey(OpNamed("empty"), ""));
  EXPECT_FALSE(TouchesKey(OpNamed("lease_grant"), ""));
  EXPECT_FALSE(TouchesKey(OpNamed("conf_change_add"), ""));
  EXPECT_FALSE(TouchesKey(Json(), ""));
}

TEST(TouchesKeyTest, DepthIsNoDanger) {
  Json op = {{"kind", "put"}, {"key", "deep"}};
  for (int level = 0; level < 100'000; ++level) {
    Json txn = {{"kind", "txn"}, {"success", Json::array()}};
    txn["success"].push_back(std::move(op));
    op = std::move(txn);
  }
  EXPECT_TRUE(TouchesKey(op, "deep"));
  EXPECT_FALSE(TouchesKey(op, "x"));
  EXPECT_THAT(OperationText(op), EndsWith("else (none)"));
}

}  // namespace
}  // namespace rafthttpctl
