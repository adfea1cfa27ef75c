// ESP packets of SAs that another worker owns: sequence numbers and replay windows have one
// writer, so their packets go to it, through a ring for each pair of workers.
#pragma once

#include "dataplane/graph/node_spec.h"
#include "dataplane/tables/sa/slot_table.h"

namespace sluice::dataplane {
namespace esp_handover {

// What one walk takes out of the rings.
inline constexpr uint16_t kTakenMax = 64;

// A packet as its node got it, of the tenant `vrf`, with an SA of the slot `slot`.
struct Passage {
  EspHandover to;
  SaId sa;
  VrfId vrf;
  uint8_t slot;
};

// To the slot's owner, which is not at work on this worker, be it that the slot is on its way
// here. False: the ring has no room for this SA, which is counted; the packet stays the caller's.
bool HandOver(const NodeRun& run, rte_mbuf& mbuf, SlotOwner owner, const Passage& passage);

}  // namespace esp_handover

extern const NodeSpec kEspHandoverNode;

}  // namespace sluice::dataplane
