// The northbound schema only grows within v1: everything the last accepted
// descriptors have is still there, with the same number, type and name.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"

namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::EnumDescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorSet;

// Every part of a schema that a client depends on: "name" -> "what it is".
using Facts = std::map<std::string, std::string>;

void Collect(const std::string& scope, const EnumDescriptorProto& type, Facts& facts) {
  for (const auto& value : type.value())
    facts[absl::StrCat("enum ", scope, ".", type.name(), " = ", value.number())] = value.name();
}

void Collect(const std::string& scope, const DescriptorProto& type, Facts& facts) {
  const std::string name = absl::StrCat(scope, ".", type.name());
  facts[absl::StrCat("message ", name)] = "";
  for (const FieldDescriptorProto& field : type.field()) {
    const std::string oneof = !field.has_oneof_index() || field.proto3_optional()
                                  ? std::string(field.proto3_optional() ? "optional" : "")
                                  : absl::StrCat("oneof ", type.oneof_decl(field.oneof_index()).name());
    facts[absl::StrCat("field ", name, " = ", field.number())] =
        absl::StrCat(field.name(), " ", static_cast<int>(field.label()), " ", static_cast<int>(field.type()),
                     " ", field.type_name(), " ", oneof);
  }
  for (const auto& nested : type.nested_type()) Collect(name, nested, facts);
  for (const auto& nested : type.enum_type()) Collect(name, nested, facts);
}

Facts Read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  FileDescriptorSet set;
  INFO(path);
  REQUIRE(set.ParseFromIstream(&file));
  Facts facts;
  for (const auto& schema : set.file()) {
    if (schema.package() != "sluice.gateway.v1") continue;
    for (const auto& type : schema.message_type()) Collect(schema.package(), type, facts);
    for (const auto& type : schema.enum_type()) Collect(schema.package(), type, facts);
    for (const auto& service : schema.service())
      for (const auto& method : service.method())
        facts[absl::StrCat("method ", service.name(), ".", method.name())] =
            absl::StrCat(method.input_type(), " ", method.output_type(), " ", method.client_streaming(), " ",
                         method.server_streaming());
  }
  return facts;
}

TEST_CASE("the schema has all that was accepted before, unchanged") {
  const Facts now = Read(SLUICE_DESCRIPTORS_NOW);
  const Facts accepted = Read(SLUICE_DESCRIPTORS_ACCEPTED);
  CHECK(accepted.size() > 500);
  for (const auto& [what, how] : accepted) {
    INFO("missing or changed: " << what << ": " << how
                                << "; additive changes only: docs/hacking.md says how to accept new parts");
    const auto found = now.find(what);
    CHECK((found != now.end() && found->second == how));
  }
}

}  // namespace
