// Packets that wait, a queue per tenant in the order of arrival: what HoldQueue and
// WaitingPackets have in common. It knows handles, not bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "dataplane/tables/ids.h"

namespace sluice::dataplane {

// A packet as the caller understands it.
using PacketHandle = uint64_t;

// Entry has a member `packet`, its handle. A tenant without packets has no queue.
template <class Entry>
class TenantQueues {
 public:
  // How many packets of the tenant wait here.
  size_t CountOf(VrfId tenant) const {
    const auto found = tenants_.find(tenant);
    return found == tenants_.end() ? 0 : found->second.size();
  }
  // Takes out the tenant's oldest packet, whatever it waits for.
  std::optional<PacketHandle> TakeOldest(VrfId tenant) {
    const auto found = tenants_.find(tenant);
    if (found == tenants_.end()) return std::nullopt;
    const PacketHandle oldest = found->second.front().packet;
    found->second.pop_front();
    if (found->second.empty()) tenants_.erase(found);
    return oldest;
  }
  // Calls `visit(tenant)` for all tenants that have packets here.
  template <class Visit>
  void ForEachTenant(Visit visit) const {
    for (const auto& [tenant, queue] : tenants_) visit(tenant);
  }

 protected:
  // The caps of those that derive keep each queue short enough to be searched.
  std::unordered_map<VrfId, std::deque<Entry>> tenants_;
};

}  // namespace sluice::dataplane
