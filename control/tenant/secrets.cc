// Walks a message by reflection, so that a secret added to the schema later is
// taken out without a line here.
#include "control/tenant/secrets.h"

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"

namespace sluice::tenant {
namespace {

using gateway::v1::Secret;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// "connections/los-angeles/" for an element with a name, else by position.
std::string ElementPath(const FieldDescriptor& field, const Message& element, int index) {
  const auto* name = element.GetDescriptor()->FindFieldByName("name");
  if (name != nullptr && name->cpp_type() == FieldDescriptor::CPPTYPE_STRING && !name->is_repeated())
    return absl::StrCat(field.name(), "/", element.GetReflection()->GetString(element, name), "/");
  return absl::StrCat(field.name(), "/", index, "/");
}

using Visit = absl::FunctionRef<void(const std::string& path, const Message& secret)>;

void Walk(const Message& message, const std::string& path, Visit visit) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_map()) continue;
    const auto& reflection = *message.GetReflection();
    if (field->message_type() == Secret::descriptor() && !field->is_repeated()) {
      visit(absl::StrCat(path, field->name()), reflection.GetMessage(message, field));
    } else if (field->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        const Message& element = reflection.GetRepeatedMessage(message, field, i);
        Walk(element, absl::StrCat(path, ElementPath(*field, element, i)), visit);
      }
    } else {
      Walk(reflection.GetMessage(message, field), absl::StrCat(path, field->name(), "."), visit);
    }
  }
}

}  // namespace

std::vector<CarriedSecret> TakeSecrets(Message& message) {
  std::vector<CarriedSecret> taken;
  Walk(message, "", [&](const std::string& path, const Message& found) {
    // `message` is ours to change; Walk only reads its shape, which stays.
    auto& secret = const_cast<Secret&>(static_cast<const Secret&>(found));
    if (!secret.has_value()) return;
    taken.push_back({path, std::move(*secret.mutable_value())});
    secret.clear_value();
  });
  return taken;
}

std::vector<std::string> SecretPaths(const Message& message) {
  std::vector<std::string> paths;
  Walk(message, "", [&](const std::string& path, const Message&) { paths.push_back(path); });
  return paths;
}

}  // namespace sluice::tenant
