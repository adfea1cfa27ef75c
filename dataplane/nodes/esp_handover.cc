// The source node takes what the others handed over, but leaves what is of a slot that the
// former owner may still be at work on; what lies behind it waits, too: no longer than a
// grace period.
#include "dataplane/nodes/esp_handover.h"

#include <algorithm>

#include "dataplane/graph/handover_rings.h"

namespace sluice::dataplane {
namespace {

enum Edge : uint16_t { kEspEncrypt, kEspDecrypt, kDrop, kEdgeCount };
constexpr const char* kNext[kEdgeCount] = {"esp_encrypt", "esp_decrypt", "drop"};

// An interface that is gone, or another VRF's by now, is none.
void CheckArrival(const Tables& tables, PacketMetadata& meta) {
  const Interface* interface =
      meta.interface < tables.interfaces.size() ? tables.interfaces.Find(meta.interface) : nullptr;
  if (interface == nullptr || interface->vrf != meta.vrf) meta.interface = kNoInterface;
}

uint16_t TakeFrom(const NodeRun& run, FairRing& ring, uint16_t max) {
  const Tables& tables = *run.worker.tables;
  uint16_t taken = 0;
  for (; taken < max; ++taken) {
    rte_mbuf* const mbuf = ring.Front();
    if (mbuf == nullptr || tables.slots.OwnerOf(MetaOf(*mbuf).owner_slot).moving()) break;
    ring.Pop();
    PacketMetadata& meta = MetaOf(*mbuf);
    if (tables.GenerationOf(meta.vrf) != meta.group) {
      meta.vrf = 0;  // its tenant is gone
      run.Drop(kDrop, *mbuf, DropReason::kInjectInvalid);
      continue;
    }
    if (meta.handover == EspHandover::kDecrypt) CheckArrival(tables, meta);
    run.Send(meta.handover == EspHandover::kEncrypt ? kEspEncrypt : kEspDecrypt, *mbuf);
  }
  return taken;
}

// Each worker gets as much as the others, and what one leaves is nobody's.
uint16_t Take(const NodeRun& run, rte_mbuf**, uint16_t) {
  WorkerContext& worker = run.worker;
  if (worker.handover_rings == nullptr) return 0;
  HandoverRings& rings = *worker.handover_rings;
  const WorkerIndex workers = rings.workers();
  const auto each = static_cast<uint16_t>(std::max(1, esp_handover::kTakenMax / workers));
  uint16_t taken = 0;
  for (uint16_t step = 0; step < workers && taken < esp_handover::kTakenMax; ++step) {
    FairRing& ring = rings.Between(static_cast<WorkerIndex>((worker.index + step) % workers), worker.index);
    const auto room = static_cast<uint16_t>(esp_handover::kTakenMax - taken);
    taken = static_cast<uint16_t>(taken + TakeFrom(run, ring, std::min(each, room)));
  }
  worker.arrived += taken;
  return taken;
}

}  // namespace

namespace esp_handover {

bool HandOver(const NodeRun& run, rte_mbuf& mbuf, SlotOwner owner, const Passage& passage) {
  const WorkerContext& worker = run.worker;
  PacketMetadata& meta = MetaOf(mbuf);
  meta.vrf = passage.vrf;
  // The tenant may be gone before the other worker looks.
  meta.group = worker.tables->GenerationOf(passage.vrf);
  meta.handover = passage.to;
  meta.owner_slot = passage.slot;
  // Somebody may begin to trace before it is taken.
  if (!worker.tracing) meta.trace_id = 0;
  if (worker.handover_rings != nullptr &&
      worker.handover_rings->Between(worker.index, owner.worker()).Push(mbuf, passage.sa, passage.vrf))
    return true;
  worker.tables->sas.LostBetweenWorkers(worker.index, passage.sa);
  return false;
}

}  // namespace esp_handover

const NodeSpec kEspHandoverNode{"esp_handover", Counted<Take>, kNext, true};

}  // namespace sluice::dataplane
