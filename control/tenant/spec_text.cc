// Specs for people, by protobuf's reflection.
#include "control/tenant/spec_text.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sluice/gateway/v1/routes.pb.h"
#include "sluice/gateway/v1/secret.pb.h"

namespace sluice::tenant {
namespace {

namespace v1 = ::sluice::gateway::v1;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr const char* kKeyFields[] = {"name", "prefix", "address"};
constexpr size_t kTextMax = 300;

const FieldDescriptor* KeyField(const Message& element) {
  for (const char* name : kKeyFields) {
    const auto* field = element.GetDescriptor()->FindFieldByName(name);
    if (field != nullptr && field->cpp_type() == FieldDescriptor::CPPTYPE_STRING && !field->is_repeated())
      return field;
  }
  return nullptr;
}

// "GATEWAY_KIND_FORWARDING" of enum GatewayKind is "forwarding".
std::string EnumeratorWords(const google::protobuf::EnumValueDescriptor& value) {
  std::string name = value.name();
  const std::string& zero = value.type()->value(0)->name();
  const size_t prefix = zero.rfind("UNSPECIFIED");
  if (prefix != std::string::npos && name.compare(0, prefix, zero, 0, prefix) == 0) name.erase(0, prefix);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return c == '_' ? '-' : static_cast<char>(std::tolower(c)); });
  return name;
}

std::string ScalarText(const Message& parent, const FieldDescriptor& field, int index) {
  const auto& reflection = *parent.GetReflection();
  const bool listed = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return listed ? reflection.GetRepeatedString(parent, &field, index)
                    : reflection.GetString(parent, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return (listed ? reflection.GetRepeatedBool(parent, &field, index) : reflection.GetBool(parent, &field))
                 ? "yes"
                 : "no";
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(listed ? reflection.GetRepeatedUInt32(parent, &field, index)
                                   : reflection.GetUInt32(parent, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(listed ? reflection.GetRepeatedUInt64(parent, &field, index)
                                   : reflection.GetUInt64(parent, &field));
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(listed ? reflection.GetRepeatedInt32(parent, &field, index)
                                   : reflection.GetInt32(parent, &field));
    case FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(listed ? reflection.GetRepeatedInt64(parent, &field, index)
                                   : reflection.GetInt64(parent, &field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumeratorWords(listed ? *reflection.GetRepeatedEnum(parent, &field, index)
                                    : *reflection.GetEnum(parent, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return "(not shown)";
}

// Operators read "via", not a list of messages.
std::string RouteText(const v1::StaticRoute& route) {
  std::string out;
  for (const v1::NextHop& hop : route.next_hops()) {
    absl::StrAppend(&out, out.empty() ? "via " : ", ",
                    hop.address().empty() ? hop.connection() : hop.address());
    if (!hop.connection().empty()) absl::StrAppend(&out, " over ", hop.connection());
    if (hop.has_weight()) absl::StrAppend(&out, " weight ", hop.weight());
  }
  if (route.has_metric()) absl::StrAppend(&out, ", metric ", route.metric());
  return out;
}

// "addresses 15.0.0.5/24, 2001:db8::5/64" or "l3 (port p1, vlan 100)".
std::string SetFieldText(const Message& message, const FieldDescriptor& field) {
  if (!field.is_repeated()) {
    const std::string value = ValueText(message, field, -1);
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE)
      return absl::StrCat(FieldWords(field), " ", value);
    return value.empty() ? FieldWords(field) : absl::StrCat(FieldWords(field), " (", value, ")");
  }
  std::string out = FieldWords(field);
  const int size = message.GetReflection()->FieldSize(message, &field);
  for (int i = 0; i < size; ++i) absl::StrAppend(&out, i == 0 ? " " : " and ", ValueText(message, field, i));
  return out;
}

}  // namespace

std::string FieldWords(const FieldDescriptor& field) {
  std::string words = field.name();
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::string ElementWords(const FieldDescriptor& field) {
  std::string words = FieldWords(field);
  if (absl::EndsWith(words, "ies")) return words.substr(0, words.size() - 3) + "y";
  if (absl::EndsWith(words, "sses")) return words.substr(0, words.size() - 2);
  if (absl::EndsWith(words, "s")) words.pop_back();
  return words;
}

std::string KeyOf(const Message& element) {
  const FieldDescriptor* field = KeyField(element);
  return field == nullptr ? std::string() : element.GetReflection()->GetString(element, field);
}

std::string MessageText(const Message& message) {
  if (message.GetDescriptor() == v1::StaticRoute::descriptor())
    return RouteText(static_cast<const v1::StaticRoute&>(message));
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  std::string out;
  for (const FieldDescriptor* field : fields) {
    if (field == KeyField(message)) continue;
    absl::StrAppend(&out, out.empty() ? "" : ", ", SetFieldText(message, *field));
  }
  if (out.size() > kTextMax) out = out.substr(0, kTextMax) + "…";
  return out;
}

std::string ValueText(const Message& parent, const FieldDescriptor& field, int index) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return ScalarText(parent, field, index);
  if (field.message_type() == v1::Secret::descriptor()) return "a secret";
  const auto& reflection = *parent.GetReflection();
  const Message& value = field.is_repeated() ? reflection.GetRepeatedMessage(parent, &field, index)
                                             : reflection.GetMessage(parent, &field);
  if (field.is_map()) {
    const auto* entry = field.message_type();
    return absl::StrCat(ScalarText(value, *entry->map_key(), -1), "=",
                        ValueText(value, *entry->map_value(), -1));
  }
  const std::string key = field.is_repeated() ? KeyOf(value) : std::string();
  const std::string text = MessageText(value);
  return key.empty() ? text : text.empty() ? key : absl::StrCat(key, " ", text);
}

}  // namespace sluice::tenant
