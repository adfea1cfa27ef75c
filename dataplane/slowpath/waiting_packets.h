// Packets whose neighbour is resolved but not yet in the tables that workers
// read: they wait for the agent, at most so many of each tenant.
#pragma once

#include <deque>
#include <optional>

#include "dataplane/slowpath/instant.h"
#include "dataplane/slowpath/tenant_queues.h"

namespace sluice::dataplane {

struct WaitingPacket {
  PacketHandle packet;
  Instant give_up;
};

class WaitingPackets : public TenantQueues<WaitingPacket> {
 public:
  explicit WaitingPackets(uint32_t per_tenant_max) : per_tenant_max_(per_tenant_max) {}

  // The handle that gave way, when the tenant has its fill: its oldest. With a
  // cap of zero that is `packet` itself.
  std::optional<PacketHandle> Add(VrfId tenant, PacketHandle packet, Instant give_up) {
    std::deque<Entry>& queue = tenants_[tenant];
    queue.push_back({packet, give_up});
    if (queue.size() <= per_tenant_max_) return std::nullopt;
    const PacketHandle oldest = queue.front().packet;
    queue.pop_front();
    if (queue.empty()) tenants_.erase(tenant);
    return oldest;
  }

  // Hands each packet to `done(packet, give_up)`, a tenant's in the order of their
  // arrival, and lets go of those for which it answers true.
  template <class Done>
  void Release(Done done) {
    for (auto& [tenant, queue] : tenants_)
      std::erase_if(queue, [&](const Entry& waiting) { return done(waiting.packet, waiting.give_up); });
    std::erase_if(tenants_, [](const auto& tenant) { return tenant.second.empty(); });
  }

  bool empty() const { return tenants_.empty(); }

 private:
  using Entry = WaitingPacket;

  uint32_t per_tenant_max_;
};

}  // namespace sluice::dataplane
