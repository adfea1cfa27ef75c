// Packets whose neighbour is resolved but not yet in the tables that workers
// read: they wait for the agent, at most so many of each tenant.
#pragma once

#include <deque>
#include <optional>
#include <unordered_map>

#include "dataplane/slowpath/hold_queue.h"
#include "dataplane/slowpath/instant.h"

namespace sluice::dataplane {

class WaitingPackets {
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

  size_t CountOf(VrfId tenant) const {
    const auto found = tenants_.find(tenant);
    return found == tenants_.end() ? 0 : found->second.size();
  }
  std::optional<PacketHandle> TakeOldest(VrfId tenant) {
    const auto found = tenants_.find(tenant);
    if (found == tenants_.end()) return std::nullopt;
    const PacketHandle oldest = found->second.front().packet;
    found->second.pop_front();
    if (found->second.empty()) tenants_.erase(found);
    return oldest;
  }
  template <class Visit>
  void ForEachTenant(Visit visit) const {
    for (const auto& [tenant, queue] : tenants_) visit(tenant);
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
  struct Entry {
    PacketHandle packet;
    Instant give_up;
  };

  uint32_t per_tenant_max_;
  std::unordered_map<VrfId, std::deque<Entry>> tenants_;
};

}  // namespace sluice::dataplane
