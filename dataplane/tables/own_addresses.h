// Which addresses are ours, per VRF: a 64-bit filter that lets almost every
// packet pass the own-source check in one load. A hit is confirmed by the FIB,
// where our addresses are host routes to the local group.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "dataplane/tables/ids.h"
#include "dataplane/tables/table_limits.h"
#include "dataplane/tables/write_result.h"
#include "proto/net/address.h"

namespace sluice::dataplane {

class OwnAddresses {
 public:
  explicit OwnAddresses(const TableLimits& limits);

  // Any reader. False: certainly not ours.
  bool MayBeIpv4(VrfId vrf, uint32_t address) const {
    return Holds(filters_[vrf].ipv4.load(std::memory_order_relaxed), address);
  }
  bool MayBeIpv6(VrfId vrf, uint64_t high, uint64_t low) const {
    return Holds(filters_[vrf].ipv6.load(std::memory_order_relaxed), high ^ low);
  }

  // Any reader that looks at several at once: the first VRF's filter, further ones
  // every kFilterBytes. An address certainly is not ours unless Bits() are all set.
  const std::atomic<uint64_t>* Ipv4Filters() const { return &filters_[0].ipv4; }
  static constexpr size_t kFilterBytes = 16;
  static constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15u;

  // Writer. kConflict when the VRF has the address already.
  WriteResult Add(VrfId vrf, const net::Address& address);
  WriteResult Remove(VrfId vrf, const net::Address& address);
  bool Contains(VrfId vrf, const net::Address& address) const { return own_[vrf].contains(address); }
  uint64_t CountOf(VrfId vrf) const { return own_[vrf].size(); }
  uint32_t used() const { return used_; }

 private:
  struct Filters {
    std::atomic<uint64_t> ipv4{0}, ipv6{0};
  };
  static_assert(sizeof(Filters) == kFilterBytes);
  // Two bits per address (a Bloom filter): with a handful of addresses of ours,
  // one foreign address in some hundreds looks like one of them.
  static uint64_t Bits(uint64_t address) {
    const uint64_t hash = address * kMultiplier;
    return uint64_t{1} << (hash >> 58) | uint64_t{1} << (hash >> 52 & 63);
  }
  static bool Holds(uint64_t filter, uint64_t address) { return (~filter & Bits(address)) == 0; }
  static uint64_t Mask(const net::Address& address);

  const uint32_t limit_;
  uint32_t used_ = 0;
  std::unique_ptr<Filters[]> filters_;
  std::vector<std::set<net::Address>> own_;
};

}  // namespace sluice::dataplane
