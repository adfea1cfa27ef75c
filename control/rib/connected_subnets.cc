// Longest match over the connected subnets of a VRF: see the header.
#include "control/rib/connected_subnets.h"

namespace sluice::rib {

void ConnectedSubnets::Remove(const net::Prefix& subnet, uint32_t interface) {
  for (Subnet& at : subnets_) {
    if (at.prefix != subnet || at.interface != interface) continue;
    at = subnets_.back();
    subnets_.pop_back();
    return;
  }
}

std::optional<uint32_t> ConnectedSubnets::InterfaceOf(const net::Address& address) const {
  const Subnet* best = nullptr;
  for (const Subnet& at : subnets_) {
    if (!at.prefix.Contains(address)) continue;
    const bool better = best == nullptr || at.prefix.length() > best->prefix.length() ||
                        (at.prefix.length() == best->prefix.length() && at.interface < best->interface);
    if (better) best = &at;
  }
  if (best == nullptr) return std::nullopt;
  return best->interface;
}

}  // namespace sluice::rib
