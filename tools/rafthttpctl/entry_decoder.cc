#include "tools/rafthttpctl/entry_decoder.h"

#include <fstream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/stubs/logging.h"
#include "google/protobuf/util/json_util.h"
#include "tools/etcdpb/operation.h"

namespace rafthttpctl {

using Json = nlohmann::ordered_json;

namespace {

// protobuf reads a hundred levels of messages; each is one or two of JSON.
constexpr int kNestingMax = 400;

bool IsConfChange(const raftpb::Entry& entry) {
  return entry.type() == raftpb::EntryConfChange ||
         entry.type() == raftpb::EntryConfChangeV2;
}

// As etcd's decoder has it.
Json UnknownOp(absl::string_view data) {
  Json op;
  op["kind"] = "unknown";
  op["data"] = absl::Base64Escape(data);
  return op;
}

class EtcdDecoder final : public EntryDecoder {
 public:
  explicit EtcdDecoder(OperationOptions options) : options_(options) {}

  Json Decode(const raftpb::Entry& entry) const override {
    return OperationJson(entry, options_);
  }
  bool knows_keys() const override { return true; }

 private:
  const OperationOptions options_;
};

class RawDecoder final : public EntryDecoder {
 public:
  explicit RawDecoder(OperationOptions options) : options_(options) {}

  Json Decode(const raftpb::Entry& entry) const override {
    return IsConfChange(entry) ? OperationJson(entry, options_) : Json();
  }

 private:
  const OperationOptions options_;
};

class ProtoDecoder final : public EntryDecoder {
 public:
  explicit ProtoDecoder(OperationOptions options) : options_(options) {}

  absl::Status Load(const std::string& file, const std::string& type);

  Json Decode(const raftpb::Entry& entry) const override {
    // A leader's first entry has no data, whatever the application stores.
    if (IsConfChange(entry) || entry.data().empty()) {
      return OperationJson(entry, options_);
    }
    // protobuf would complain to stderr about text that is no UTF-8.
    const google::protobuf::LogSilencer silencer;
    const std::unique_ptr<google::protobuf::Message> message(prototype_->New());
    std::string text;
    if (!message->ParseFromString(entry.data()) ||
        !google::protobuf::util::MessageToJsonString(*message, &text).ok()) {
      return UnknownOp(entry.data());
    }
    // A string field of proto2 may hold any bytes, which are no JSON then.
    Json json = Json::parse(
        text,
        [](int depth, Json::parse_event_t, Json&) {
          return depth <= kNestingMax;
        },
        /*allow_exceptions=*/false);
    if (json.is_discarded()) return UnknownOp(entry.data());
    Json op;
    op["kind"] = "proto";
    op["type"] = type_->full_name();
    op["message"] = std::move(json);
    return op;
  }

 private:
  const OperationOptions options_;
  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_{&pool_};
  const google::protobuf::Descriptor* type_ = nullptr;
  const google::protobuf::Message* prototype_ = nullptr;
};

// Keeps the first thing that protobuf complains about from the logs.
class FirstError final
    : public google::protobuf::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element,
                const google::protobuf::Message*, ErrorLocation,
                const std::string& text) override {
    if (text_.empty()) text_ = absl::StrCat(file, ": ", element, ": ", text);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

absl::Status ProtoDecoder::Load(const std::string& file,
                                const std::string& type) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    return absl::InvalidArgumentError(
        absl::StrCat("--entries: cannot read ", file));
  }
  google::protobuf::FileDescriptorSet files;
  if (!files.ParseFromIstream(&in) || files.file().empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--entries: ", file,
        " is no descriptor set: make one with protoc --include_imports "
        "--descriptor_set_out"));
  }
  // protoc lists each file after those that it imports.
  for (const google::protobuf::FileDescriptorProto& one : files.file()) {
    FirstError error;
    if (pool_.BuildFileCollectingErrors(one, &error) == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("--entries: ", file, ": ", error.text()));
    }
  }
  type_ = pool_.FindMessageTypeByName(type);
  if (type_ == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("--entries: ", file, " has no message type ", type));
  }
  prototype_ = factory_.GetPrototype(type_);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<const EntryDecoder>> NewEntryDecoder(
    absl::string_view spec, bool shows_secrets) {
  OperationOptions options;
  options.show_secrets = shows_secrets;
  if (spec == "etcd") return std::make_unique<EtcdDecoder>(options);
  if (spec == "raw") return std::make_unique<RawDecoder>(options);
  absl::string_view rest = spec;
  // A path may hold colons, a type's name does not.
  if (const size_t colon = rest.rfind(':');
      absl::ConsumePrefix(&rest, "proto:") && colon > sizeof("proto:") - 1) {
    const absl::string_view file =
        spec.substr(sizeof("proto:") - 1, colon - (sizeof("proto:") - 1));
    const absl::string_view type =
        absl::StripPrefix(spec.substr(colon + 1), ".");
    auto decoder = std::make_unique<ProtoDecoder>(options);
    const absl::Status status =
        decoder->Load(std::string(file), std::string(type));
    if (!status.ok()) return status;
    return decoder;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", spec,
                   "\" is no way to decode entries: want etcd, raw or "
                   "proto:DESCRIPTOR_SET:TYPE"));
}

}  // namespace rafthttpctl
