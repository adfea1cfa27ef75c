// Packets to our own addresses: echo is answered, neighbour discovery, path MTU messages
// of the underlay and what control asked for go to the slow path, the rest is refused by
// name.
#pragma once

#include "dataplane/graph/node_spec.h"
#include "dataplane/packet/icmp.h"
#include "dataplane/tables/vrf.h"

namespace sluice::dataplane {
namespace local {

enum Edge : uint16_t {
  kIp4Forward,
  kIp6Forward,
  kIcmpError,
  kPunt,
  kDrop,
  kReassemble,
  kTunnelDecap,
  kEspDecrypt,
  kEdgeCount
};

enum class Service : uint8_t { kEcho, kPunt, kNeighborDiscovery, kPathMtu, kUnreachable, kReassemble, kDrop };

// Who in the VRF waits for packets to us.
struct Listeners {
  bool bgp = false;      // control speaks it here
  bool tunnels = false;  // they lead through here: this is the underlay
  bool ike = false;      // control speaks it here
};

struct Verdict {
  Service service;
  DropReason reason = DropReason::kNone;
  IcmpKind error{};      // with kUnreachable
  uint16_t offset = 0;   // of the transport header
  uint16_t pointer = 0;  // of the octet an ICMPv6 parameter problem is about

  friend bool operator==(const Verdict& a, const Verdict& b) {
    return a.service == b.service && a.reason == b.reason && a.error.type == b.error.type &&
           a.error.code == b.error.code;
  }
};

// For a packet whose header is sound. `reassembled`: it came in fragments, and may not
// have a second fragment header.
Verdict DecideIpv4(const uint8_t* ip, Listeners listeners);
Verdict DecideIpv6(const uint8_t* ip, Listeners listeners, bool reassembled = false);

}  // namespace local

extern const NodeSpec kLocalNode;

}  // namespace sluice::dataplane
