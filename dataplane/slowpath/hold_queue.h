// Packets that wait for their next hop to be resolved. It knows their order and
// the caps, not their bytes: a packet is a handle that the caller understands.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "dataplane/slowpath/tenant_queues.h"
#include "dataplane/tables/ids.h"

namespace sluice::dataplane {

// Key is what packets wait for; it needs an order.
template <class Key>
struct HeldPacket {
  Key key;
  PacketHandle packet;
};

// What waits for one key may be several tenants': their tunnels lead over one next hop of
// the underlay.
template <class Key>
class HoldQueue : public TenantQueues<HeldPacket<Key>> {
 public:
  // Both of one tenant.
  HoldQueue(uint32_t per_key_max, uint32_t per_tenant_max)
      : per_key_max_(per_key_max), per_tenant_max_(per_tenant_max) {}

  // Returns the handles of the tenant that gave way, oldest first: of the same key when it
  // has its fill, else of any. With a cap of zero that is `packet` itself.
  std::vector<PacketHandle> Hold(VrfId tenant, const Key& key, PacketHandle packet) {
    std::deque<Held>& queue = tenants_[tenant];
    queue.push_back({key, packet});
    uint32_t of_key = ++holders_[key][tenant];
    std::vector<PacketHandle> evicted;
    for (auto it = queue.begin(); it != queue.end() && of_key > per_key_max_;) {
      if (it->key != key) {
        ++it;
        continue;
      }
      evicted.push_back(it->packet);
      it = queue.erase(it);
      LetGo(tenant, key);
      --of_key;
    }
    while (queue.size() > per_tenant_max_) {
      evicted.push_back(queue.front().packet);
      LetGo(tenant, queue.front().key);
      queue.pop_front();
    }
    if (queue.empty()) tenants_.erase(tenant);
    return evicted;
  }

  // Takes out everything that waits for `key`, tenant by tenant in the order of arrival.
  std::vector<PacketHandle> Take(const Key& key) {
    std::vector<PacketHandle> taken;
    const auto holders = holders_.find(key);
    if (holders == holders_.end()) return taken;
    for (const auto& [tenant, count] : holders->second) {
      const auto found = tenants_.find(tenant);
      std::erase_if(found->second, [&](const Held& held) {
        if (held.key != key) return false;
        taken.push_back(held.packet);
        return true;
      });
      if (found->second.empty()) tenants_.erase(found);
    }
    holders_.erase(holders);
    return taken;
  }

  // Takes out the tenant's oldest packet, whatever it waits for.
  std::optional<PacketHandle> TakeOldest(VrfId tenant) {
    const auto found = tenants_.find(tenant);
    if (found == tenants_.end()) return std::nullopt;
    LetGo(tenant, found->second.front().key);
    return TenantQueues<Held>::TakeOldest(tenant);
  }

  size_t size() const {
    size_t all = 0;
    for (const auto& [tenant, queue] : tenants_) all += queue.size();
    return all;
  }

 private:
  using Held = HeldPacket<Key>;
  using TenantQueues<Held>::tenants_;

  // One packet less of the tenant waits for `key`.
  void LetGo(VrfId tenant, const Key& key) {
    const auto holders = holders_.find(key);
    const auto holder = holders->second.find(tenant);
    if (--holder->second == 0) holders->second.erase(holder);
    if (holders->second.empty()) holders_.erase(holders);
  }

  uint32_t per_key_max_;
  uint32_t per_tenant_max_;
  // How many packets of whom wait for each key.
  std::map<Key, std::map<VrfId, uint32_t>> holders_;
};

}  // namespace sluice::dataplane
