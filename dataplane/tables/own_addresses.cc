// The writer's side of the own-address filters.
#include "dataplane/tables/own_addresses.h"

namespace sluice::dataplane {

OwnAddresses::OwnAddresses(const TableLimits& limits)
    : limit_(limits.addresses), filters_(new Filters[limits.vrfs]), own_(limits.vrfs) {}

uint64_t OwnAddresses::Mask(const net::Address& address) {
  const uint64_t key = address.is_v4() ? address.v4().value : address.v6().High() ^ address.v6().Low();
  return Bits(key);
}

WriteResult OwnAddresses::Add(VrfId vrf, const net::Address& address) {
  if (used_ >= limit_) return WriteResult::AtLimit(channel::Limit::kAddresses, limit_);
  if (!own_[vrf].insert(address).second) return WriteResult::Refused(channel::RefusalReason::kConflict);
  ++used_;
  auto& filter = address.is_v4() ? filters_[vrf].ipv4 : filters_[vrf].ipv6;
  filter.fetch_or(Mask(address), std::memory_order_relaxed);
  return WriteResult::Accepted();
}

WriteResult OwnAddresses::Remove(VrfId vrf, const net::Address& address) {
  if (own_[vrf].erase(address) == 0) return WriteResult::Refused(channel::RefusalReason::kNotFound);
  --used_;
  uint64_t ipv4 = 0, ipv6 = 0;
  for (const net::Address& other : own_[vrf]) (other.is_v4() ? ipv4 : ipv6) |= Mask(other);
  filters_[vrf].ipv4.store(ipv4, std::memory_order_relaxed);
  filters_[vrf].ipv6.store(ipv6, std::memory_order_relaxed);
  return WriteResult::Accepted();
}

}  // namespace sluice::dataplane
