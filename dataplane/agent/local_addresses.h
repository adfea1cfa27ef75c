// Our own addresses per VRF with the number of reasons for each: an interface's
// address, a link-local one that several interfaces of a VRF share, the tenant's
// router address. The first reason installs the host route, the last removes it.
#pragma once

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "dataplane/tables/tables.h"

namespace sluice::dataplane {

// Agent's thread only.
class LocalAddresses {
 public:
  explicit LocalAddresses(Tables& tables) : tables_(tables) {}

  WriteResult Add(VrfId vrf, const net::Address& address) {
    uint32_t& uses = uses_[Key(vrf, address)];
    if (uses == 0) {
      if (const WriteResult added = tables_.AddLocalAddress(vrf, address); !added.ok()) {
        uses_.erase(Key(vrf, address));
        return added;
      }
    }
    ++uses;
    return WriteResult::Accepted();
  }

  // Refused only while removals have no room; then the reason stays.
  WriteResult Remove(VrfId vrf, const net::Address& address) {
    const auto found = uses_.find(Key(vrf, address));
    if (found == uses_.end()) return WriteResult::Refused(channel::RefusalReason::kNotFound);
    if (found->second == 1) {
      if (const WriteResult removed = tables_.RemoveLocalAddress(vrf, address); !removed.ok()) return removed;
      uses_.erase(found);
    } else {
      --found->second;
    }
    return WriteResult::Accepted();
  }

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
  absl::flat_hash_map<Key, uint32_t> uses_;
};

}  // namespace sluice::dataplane
