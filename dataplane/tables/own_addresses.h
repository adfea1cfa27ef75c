// Which addresses are ours, per VRF: a 64-bit filter that lets almost every
// packet pass the own-source check in one load. A hit is confirmed by the FIB,
// where our addresses are host routes to the local group.
#pragma once

#include <atomic>
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
    return filters_[vrf].ipv4.load(std::memory_order_relaxed) >> BitOf(address) & 1;
  }
  bool MayBeIpv6(VrfId vrf, uint64_t high, uint64_t low) const {
    return filters_[vrf].ipv6.load(std::memory_order_relaxed) >> BitOf(high ^ low) & 1;
  }

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
  static unsigned BitOf(uint64_t address) { return address * 0x9e3779b97f4a7c15u >> 58; }
  static uint64_t Mask(const net::Address& address);

  const uint32_t limit_;
  uint32_t used_ = 0;
  std::unique_ptr<Filters[]> filters_;
  std::vector<std::set<net::Address>> own_;
};

}  // namespace sluice::dataplane
