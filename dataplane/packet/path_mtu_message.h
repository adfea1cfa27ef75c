// What routers of the underlay say of tunnel packets of ours that were too large:
// "fragmentation needed" (RFC 792, RFC 1191 section 4) and "packet too big" (RFC 4443
// section 3.2). Anybody can send these, so everything is checked that the message alone
// can tell; whether the quoted tunnel exists, the agent knows.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/tables/drop_reason.h"
#include "dataplane/tables/termination_map.h"
#include "proto/net/address.h"

namespace sluice::dataplane {

// Below these nothing is learned: a link of the underlay that carries less would be no use
// for a tunnel, and a forger could cut a tunnel off. RFC 8201 section 4 demands it of
// IPv6; of IPv4, where RFC 1191 section 3 would allow 68, it is 576.
inline constexpr uint16_t kIpv4PathMtuMin = 576;
inline constexpr uint16_t kIpv6PathMtuMin = 1280;

// The largest plateau of RFC 1191 section 7.1 below the length of the packet that did not
// pass; 0: there is none. For routers that do not say a number.
uint16_t PlateauBelow(uint16_t ip_bytes);

// A packet of ours, as much as was quoted, and the most that passes on its way, bytes.
struct PathMtuReport {
  net::Address local;   // its source, which the message was sent to
  net::Address remote;  // its destination
  TunnelKind kind = TunnelKind::kGre;
  bool has_key = false;         // kGre: the key is present in the packet
  uint16_t udp_port = 0;        // kVxlan
  std::optional<uint32_t> key;  // GRE key, VNI or VSID, where as much was quoted
  uint16_t path_mtu = 0;

  TunnelSelector selector() const { return {kind, has_key, udp_port}; }

  friend bool operator==(const PathMtuReport&, const PathMtuReport&) = default;
};

struct PathMtuMessage {
  // kNone: `report` is what it says. kLocalMalformed: it does not hold together.
  // kIcmpUnwanted: it is about no tunnel packet of ours.
  DropReason reason = DropReason::kNone;
  PathMtuReport report;
};

// `packet` begins with its IP header, which the forward nodes found sound; any bytes are safe.
PathMtuMessage ParsePathMtuMessage(std::span<const uint8_t> packet);

}  // namespace sluice::dataplane
