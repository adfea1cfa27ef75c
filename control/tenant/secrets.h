// Secret fields of a request: taken out before anything is stored, compared or
// logged, and shown only as "is set, version".
#pragma once

#include <google/protobuf/message.h>

#include <map>
#include <string>
#include <vector>

#include "sluice/gateway/v1/secret.pb.h"

namespace sluice::tenant {

// A secret that a request carries. `path` is its stable place: names instead of
// list positions, e.g. "connections/los-angeles/ipsec.pre_shared_key".
struct CarriedSecret {
  std::string path;
  std::string value;  // empty: to be removed
};

// Moves every secret's value out of `message`; afterwards no field of type
// Secret in it has a value. A Secret without a value is left as it is.
std::vector<CarriedSecret> TakeSecrets(google::protobuf::Message& message);

// Paths of all Secret fields that are present in `message`, with value or not.
std::vector<std::string> SecretPaths(const google::protobuf::Message& message);

}  // namespace sluice::tenant
