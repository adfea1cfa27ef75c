// Composed JSON; see json_object.h.
#include "tools/sluicectl/json_object.h"

#include <google/protobuf/util/json_util.h>

#include "proto/net/check.h"

namespace sluice::ctl {
namespace {

using google::protobuf::util::JsonStringToMessage;
using google::protobuf::util::MessageToJsonString;

google::protobuf::Struct StructOf(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  google::protobuf::Struct out;
  SLUICE_CHECK(MessageToJsonString(message, &json, options).ok());
  SLUICE_CHECK(JsonStringToMessage(json, &out).ok());
  return out;
}

}  // namespace

JsonList::JsonList(const std::string& name) : list_((*object_.mutable_fields())[name].mutable_list_value()) {}

void JsonList::Add(const std::vector<std::pair<std::string, std::string>>& texts,
                   const std::vector<std::pair<std::string, const google::protobuf::Message*>>& messages) {
  auto& fields = *list_->add_values()->mutable_struct_value()->mutable_fields();
  for (const auto& [name, text] : texts) fields[name].set_string_value(text);
  for (const auto& [name, message] : messages) *fields[name].mutable_struct_value() = StructOf(*message);
}

}  // namespace sluice::ctl
