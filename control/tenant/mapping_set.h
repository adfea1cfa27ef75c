// The mappings of one virtual network: up to a hundred thousand customer prefixes,
// each with the host and the inner MAC that its packets go to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/functional/function_ref.h"
#include "control/tenant/model.h"
#include "proto/net/prefix.h"

namespace sluice::tenant {

class MappingSet {
 public:
  struct Value {
    net::Address provider;
    net::MacAddress mac;
    uint16_t subnet = 0;  // index for SubnetAt
  };
  using Map = absl::btree_map<net::Prefix, Value>;

  // True when the prefix was not there before.
  bool Put(const Mapping& mapping);
  // True when it was there.
  bool Remove(const net::Prefix& prefix);

  const Map& mappings() const { return mappings_; }
  size_t size() const { return mappings_.size(); }
  Mapping At(Map::const_iterator at) const {
    return {at->first, subnets_[at->second.subnet].name, at->second.provider, at->second.mac};
  }
  // How many lead into the subnet.
  uint64_t CountIn(std::string_view subnet) const;
  // Different provider addresses.
  size_t hosts() const { return hosts_.size(); }
  // How many lead to the host.
  uint64_t CountTo(const net::Address& host) const;

 private:
  struct Subnet {
    std::string name;
    uint64_t mappings = 0;
  };
  uint16_t IndexOf(const std::string& subnet);
  void Release(const Value& value);

  Map mappings_;
  std::vector<Subnet> subnets_;                    // few; names that are no longer used stay
  absl::btree_map<net::Address, uint64_t> hosts_;  // mappings to each
};

struct MappingCounts {
  uint64_t added = 0;
  uint64_t changed = 0;
  uint64_t removed = 0;

  uint64_t all() const { return added + changed + removed; }
};

// Tells what leads from one set to another, in order of prefix and in portions.
// Both sets must outlive it unchanged.
class MappingDifference {
 public:
  MappingDifference(const MappingSet& before, const MappingSet& after)
      : before_(before),
        after_(after),
        old_at_(before.mappings().begin()),
        new_at_(after.mappings().begin()) {}

  // Looks at up to `prefixes` more. False when all were looked at.
  bool Advance(size_t prefixes, absl::FunctionRef<void(const Mapping&)> put,
               absl::FunctionRef<void(const net::Prefix&)> remove);
  // Of what was told so far.
  const MappingCounts& counts() const { return counts_; }

 private:
  const MappingSet& before_;
  const MappingSet& after_;
  MappingSet::Map::const_iterator old_at_;
  MappingSet::Map::const_iterator new_at_;
  MappingCounts counts_;
};

MappingCounts CountDifference(const MappingSet& before, const MappingSet& after);

}  // namespace sluice::tenant
