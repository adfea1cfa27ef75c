// What neighbour resolution wants done; perform in order. Values that compare,
// so that tests state whole exchanges.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "dataplane/agent/neighbor_exchange.h"
#include "dataplane/slowpath/hold_queue.h"
#include "dataplane/tables/drop_reason.h"

namespace sluice::dataplane {

// A complete Ethernet frame, tag included, for this interface's port.
struct SendFrame {
  PortId port = 0;  // kNoPort: back through the overlay to the host that asked
  InterfaceId interface = kNoInterface;
  std::vector<uint8_t> bytes;
  friend bool operator==(const SendFrame&, const SendFrame&) = default;
};
// A held packet whose next hop is known now.
struct ReleasePacket {
  PacketHandle packet = 0;
  InterfaceId interface = kNoInterface;
  net::MacAddress next_hop_mac;
  friend bool operator==(const ReleasePacket&, const ReleasePacket&) = default;
};
// A packet whose next hop does not answer: host unreachable goes to its sender
// (RFC 1812 section 5.2.7.1 code 1, RFC 4443 section 3.1 code 3).
struct UnreachablePacket {
  PacketHandle packet = 0;
  friend bool operator==(const UnreachablePacket&, const UnreachablePacket&) = default;
};
// A packet that gave way to others or came too late for its interface.
struct DiscardPacket {
  PacketHandle packet = 0;
  DropReason reason = DropReason::kHoldQueueFull;
  friend bool operator==(const DiscardPacket&, const DiscardPacket&) = default;
};

using NeighborOutput = std::variant<SendFrame, NeighborUpdate, ReleasePacket, UnreachablePacket,
                                    DiscardPacket, DuplicateAddressReport>;
using NeighborOutputs = std::vector<NeighborOutput>;

}  // namespace sluice::dataplane
