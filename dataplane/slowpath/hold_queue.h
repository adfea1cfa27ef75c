// Packets that wait for their next hop to be resolved. It knows their order and
// the caps, not their bytes: a packet is a handle that the caller understands.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "dataplane/tables/ids.h"

namespace sluice::dataplane {

using PacketHandle = uint64_t;

// Key is what packets wait for; it needs operator==.
template <class Key>
class HoldQueue {
 public:
  HoldQueue(uint32_t per_key_max, uint32_t per_tenant_max)
      : per_key_max_(per_key_max), per_tenant_max_(per_tenant_max) {}

  // Returns the handles that gave way, oldest first: of the same key when it has
  // its fill, else of the tenant. With a cap of zero that is `packet` itself.
  std::vector<PacketHandle> Hold(VrfId tenant, const Key& key, PacketHandle packet) {
    std::deque<Held>& queue = tenants_[tenant];
    queue.push_back({key, packet});
    std::vector<PacketHandle> evicted;
    uint32_t of_key = 0;
    for (const Held& held : queue) of_key += held.key == key;
    for (auto it = queue.begin(); it != queue.end() && of_key > per_key_max_;) {
      if (it->key != key) {
        ++it;
        continue;
      }
      evicted.push_back(it->packet);
      it = queue.erase(it);
      --of_key;
    }
    while (queue.size() > per_tenant_max_) {
      evicted.push_back(queue.front().packet);
      queue.pop_front();
    }
    if (queue.empty()) tenants_.erase(tenant);
    return evicted;
  }

  // Takes out everything that waits for `key`, in the order of arrival.
  std::vector<PacketHandle> Take(VrfId tenant, const Key& key) {
    std::vector<PacketHandle> taken;
    const auto found = tenants_.find(tenant);
    if (found == tenants_.end()) return taken;
    std::erase_if(found->second, [&](const Held& held) {
      if (!(held.key == key)) return false;
      taken.push_back(held.packet);
      return true;
    });
    if (found->second.empty()) tenants_.erase(found);
    return taken;
  }

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

  size_t size() const {
    size_t all = 0;
    for (const auto& [tenant, queue] : tenants_) all += queue.size();
    return all;
  }

 private:
  struct Held {
    Key key;
    PacketHandle packet;
  };

  uint32_t per_key_max_;
  uint32_t per_tenant_max_;
  // The caps keep each queue short enough to be searched.
  std::unordered_map<VrfId, std::deque<Held>> tenants_;
};

}  // namespace sluice::dataplane
