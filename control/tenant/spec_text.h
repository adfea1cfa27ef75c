// Parts of a spec in an operator's words: "l3 (port p1, vlan 100), addresses 15.0.0.5/24".
// Secrets are never in it.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

namespace sluice::tenant {

// A field's name as words: "peer_addresses" is "peer addresses", and of one element "peer address".
std::string FieldWords(const google::protobuf::FieldDescriptor& field);
std::string ElementWords(const google::protobuf::FieldDescriptor& field);

// What tells an element of a list from the others: its name, prefix or address; else empty.
std::string KeyOf(const google::protobuf::Message& element);

// The fields that are set, without the key.
std::string MessageText(const google::protobuf::Message& message);
// One field, of a list the element at `index`; an element with a key starts with it.
std::string ValueText(const google::protobuf::Message& parent, const google::protobuf::FieldDescriptor& field,
                      int index);

}  // namespace sluice::tenant
