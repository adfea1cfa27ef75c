// Decides whether a captured frame is one of those a filter by addresses and
// protocol asks for. The dataplane filters by numbers only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "proto/net/prefix.h"
#include "sluice/gateway/v1/diagnostics.pb.h"

namespace sluice::api {

class PacketMatch {
 public:
  // INVALID_ARGUMENT names the field of a malformed prefix.
  static absl::StatusOr<PacketMatch> Make(const gateway::v1::PacketFilter& filter);

  // Every frame matches.
  bool matches_all() const { return !source_ && !destination_ && !protocol_; }
  // `frame` starts with the Ethernet header, with up to two VLAN tags, and may be
  // cut. A frame too short to tell, or that is not IP, does not match.
  bool Matches(std::string_view frame) const;

 private:
  std::optional<net::Prefix> source_;
  std::optional<net::Prefix> destination_;
  std::optional<uint32_t> protocol_;  // IPv4 protocol, or IPv6 next header of the fixed header
};

}  // namespace sluice::api
