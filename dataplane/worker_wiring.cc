// Queues and rings of the workers.
#include "dataplane/worker_wiring.h"

#include <rte_errno.h>

#include "absl/strings/str_cat.h"
#include "dataplane/eal/packet_pool_rule.h"
#include "dataplane/packet/ethernet.h"

namespace sluice::dataplane {

void AssignQueues(std::span<const PortQueues> ports, std::span<WorkerContext> workers) {
  size_t next = 0;
  for (const PortQueues& port : ports) {
    for (uint16_t queue = 0; queue < port.rx_queues; ++queue)
      workers[next++ % workers.size()].receive_queues.push_back({port.port, queue});
    for (uint16_t worker = 0; worker < workers.size(); ++worker)
      workers[worker].transmit[port.port] = {true, worker, MacBits(port.mac.bytes.data())};
  }
}

absl::StatusOr<OwnedWorkerRings> OwnedWorkerRings::Create(WorkerIndex worker) {
  OwnedWorkerRings rings;
  for (size_t queue = 0; queue < kPuntQueues; ++queue) {
    auto punt = CreateRing(absl::StrCat("punt", worker, "_", kPuntQueueNames[queue]), kPuntQueueSlots[queue]);
    if (!punt.ok()) return punt.status();
    rings.punt_[queue] = *std::move(punt);
  }
  auto inject = CreateRing(absl::StrCat("inject", worker), kInjectRingSlots);
  if (!inject.ok()) return inject.status();
  rings.inject_ = *std::move(inject);
  return rings;
}

WorkerRings OwnedWorkerRings::rings() const {
  WorkerRings rings;
  for (size_t queue = 0; queue < kPuntQueues; ++queue) rings.punt[queue] = punt_[queue].get();
  rings.inject = inject_.get();
  return rings;
}

absl::StatusOr<OwnedWorkerRings::Ring> OwnedWorkerRings::CreateRing(const std::string& name, uint32_t slots) {
  Ring ring(
      rte_ring_create(name.c_str(), slots, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ));
  if (ring == nullptr)
    return absl::ResourceExhaustedError(
        absl::StrCat("memory: no room for ring ", name, ": ", rte_strerror(rte_errno)));
  return ring;
}

void OwnedWorkerRings::FreeRing::operator()(rte_ring* ring) const {
  void* packet = nullptr;
  while (rte_ring_sc_dequeue(ring, &packet) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
  rte_ring_free(ring);
}

}  // namespace sluice::dataplane
