// Why nobody answers, in an operator's words instead of gRPC's.
#pragma once

#include <string>

namespace sluice::ctl {

// `said` is what gRPC says of a channel that cannot be had to `server`, "unix:/path" or
// "host:port". Empty when it is no such complaint, but the gateway's own words.
std::string UnreachableText(const std::string& server, const std::string& said);

}  // namespace sluice::ctl
