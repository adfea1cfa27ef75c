// A failed call as one line for people, with one more line for each field,
// precondition or limit that the gateway named.
#pragma once

#include <grpcpp/support/status.h>

#include <string>

namespace sluice::ctl {

// The API's words with sluicectl's options where they name a field for one.
std::string OptionWords(std::string text);

// "sluicectl: WHAT: MESSAGE\n" and "  FIELD: DESCRIPTION\n" for each detail.
// `server` is named when nobody answered there.
std::string StatusText(const grpc::Status& status, const std::string& server);

}  // namespace sluice::ctl
