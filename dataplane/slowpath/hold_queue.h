// Packets that wait for their next hop to be resolved. It knows their order and
// the caps, not their bytes: a packet is a handle that the caller understands.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "dataplane/slowpath/tenant_queues.h"
#include "dataplane/tables/ids.h"

namespace sluice::dataplane {

// Key is what packets wait for; it needs operator==.
template <class Key>
struct HeldPacket {
  Key key;
  PacketHandle packet;
};

template <class Key>
class HoldQueue : public TenantQueues<HeldPacket<Key>> {
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

  size_t size() const {
    size_t all = 0;
    for (const auto& [tenant, queue] : tenants_) all += queue.size();
    return all;
  }

 private:
  using Held = HeldPacket<Key>;
  using TenantQueues<Held>::tenants_;

  uint32_t per_key_max_;
  uint32_t per_tenant_max_;
};

}  // namespace sluice::dataplane
