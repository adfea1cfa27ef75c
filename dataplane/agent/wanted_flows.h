// Which flows ports should steer, derived from the tables: those of a VLAN or tunnel
// to the worker that owns its slot.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "dataplane/eal/steered_flow.h"
#include "dataplane/tables/tables.h"

namespace sluice::dataplane {

// Owner slots of tunnels and VLANs; Tables::slots says whose they are.
constexpr uint8_t OwnerSlotOf(InterfaceId interface) {
  return interface % kOwnerSlots;
}

class OwnerQueues {
 public:
  // No port has a queue yet.
  OwnerQueues(uint32_t ports, WorkerIndex workers) : workers_(workers), queues_(ports * size_t{workers}) {}

  // `worker` polls `queue` of `port`; of several queues the first one counts.
  void Add(PortId port, WorkerIndex worker, uint16_t queue);
  // Absent: the worker polls no queue of the port.
  std::optional<uint16_t> Find(PortId port, WorkerIndex worker) const;

 private:
  WorkerIndex workers_;
  std::vector<std::optional<uint16_t>> queues_;  // by port, then worker
};

// The underlay's tunnels may arrive through each of its interfaces. Untagged frames
// of a tenant are no flow: a rule for them would match every other one, too. Reads
// the tables as any reader does.
std::set<SteeredFlow> WantedFlows(const Tables& tables, const OwnerQueues& queues);

}  // namespace sluice::dataplane
