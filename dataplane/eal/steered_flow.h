// What a port may be asked to put on one receive queue: the packets of a VLAN, or
// of a tunnel. Plain values, compared and printed in tests.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "dataplane/tables/ids.h"
#include "proto/channel/records.h"
#include "proto/net/address.h"

namespace sluice::dataplane {

// Addresses and key as they stand in the packets that arrive.
struct SteeredTunnel {
  channel::TunnelKind kind = channel::TunnelKind::kGre;
  net::Address local;                  // destination of the outer header
  std::optional<net::Address> remote;  // absent: any host, as of an overlay
  std::optional<uint32_t> key;         // GRE key, VNI or VSID; absent: GRE without a key
  uint16_t udp_port = 0;               // kVxlan: destination port

  auto operator<=>(const SteeredTunnel&) const = default;
};

struct SteeredFlow {
  PortId port = 0;
  uint16_t vlan = 0;                    // outermost tag; 0: none
  std::optional<SteeredTunnel> tunnel;  // absent: all of the VLAN
  // Where to, and the number that the port writes into the mbufs (hash.fdir.hi).
  uint16_t queue = 0;
  InterfaceId mark = kNoInterface;

  auto operator<=>(const SteeredFlow&) const = default;
};

}  // namespace sluice::dataplane
