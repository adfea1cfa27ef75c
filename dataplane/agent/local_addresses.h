// Our own addresses per VRF with the number of reasons for each: an interface's
// address, a link-local one that several interfaces of a VRF share, the tenant's
// router address. The first reason installs the host route, the last removes it.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "dataplane/agent/stale_holders.h"
#include "dataplane/tables/tables.h"

namespace sluice::dataplane {

// Agent's thread only.
class LocalAddresses {
 public:
  // Both must outlive this object.
  LocalAddresses(Tables& tables, StaleHolders& stale) : tables_(tables), stale_(stale) {}

  // A stale host route gives way. Removed again within the record, the address gives
  // the place back.
  WriteResult Add(VrfId vrf, const net::Address& address) {
    uint32_t& uses = uses_[Key(vrf, address)];
    if (uses == 0) {
      const net::Prefix host(address, address.BitLength());
      RouteValue route = tables_.FindRouteValue(vrf, host);
      const bool displaces = route.group != kNoGroup && stale_.MayEvict(vrf, host, route);
      const WriteResult added = tables_.AddLocalAddress(vrf, address, displaces ? &route : nullptr);
      if (!added.ok()) {
        uses_.erase(Key(vrf, address));
        return added;
      }
      if (displaces) displaced_.push_back({vrf, host, route});
    }
    ++uses;
    return WriteResult::Accepted();
  }

  // Refused only while removals have no room; then the reason stays.
  WriteResult Remove(VrfId vrf, const net::Address& address) {
    const auto found = uses_.find(Key(vrf, address));
    if (found == uses_.end()) return WriteResult::Refused(channel::RefusalReason::kNotFound);
    if (found->second > 1) {
      --found->second;
      return WriteResult::Accepted();
    }
    const auto before =
        std::find_if(displaced_.begin(), displaced_.end(), [&](const DisplacedRoute& displaced) {
          return displaced.vrf == vrf && displaced.prefix.address() == address;
        });
    const RouteValue* restored = before == displaced_.end() ? nullptr : &before->route;
    if (const WriteResult removed = tables_.RemoveLocalAddress(vrf, address, restored); !removed.ok())
      return removed;
    uses_.erase(found);
    if (restored != nullptr) displaced_.erase(before);
    return WriteResult::Accepted();
  }

  // At the end of a record: the routes that are gone for good.
  std::vector<DisplacedRoute> TakeDisplaced() { return std::exchange(displaced_, {}); }

 private:
  // Two words and the family: what net::Address holds, hashable.
  struct Key {
    Key(VrfId of, const net::Address& address)
        : vrf(of),
          v4(address.is_v4()),
          high(v4 ? 0 : address.v6().High()),
          low(v4 ? address.v4().value : address.v6().Low()) {}
    VrfId vrf;
    bool v4;
    uint64_t high, low;
    friend bool operator==(const Key&, const Key&) = default;
    template <class H>
    friend H AbslHashValue(H hash, const Key& key) {
      return H::combine(std::move(hash), key.vrf, key.v4, key.high, key.low);
    }
  };

  Tables& tables_;
  StaleHolders& stale_;
  absl::flat_hash_map<Key, uint32_t> uses_;
  std::vector<DisplacedRoute> displaced_;  // by the record that is being applied
};

}  // namespace sluice::dataplane
