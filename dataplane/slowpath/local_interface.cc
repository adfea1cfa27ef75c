// Questions about our own addresses on a subinterface.
#include "dataplane/slowpath/local_interface.h"

#include <algorithm>

#include "dataplane/slowpath/ethernet_frame.h"

namespace sluice::dataplane {

LocalInterface::LocalInterface(const InterfaceChange& change, uint32_t requests_per_second,
                               uint32_t solicitations_per_second)
    : config(change),
      requests(requests_per_second, requests_per_second),
      solicitations(solicitations_per_second, solicitations_per_second) {
  const bool has_ipv6 = std::any_of(change.addresses.begin(), change.addresses.end(),
                                    [](const net::InterfaceAddress& own) { return !own.address.is_v4(); });
  if (has_ipv6) link_local = LinkLocalAddress(change.mac);
}

bool LocalInterface::IsOwn(const net::Address& address) const {
  if (link_local && address == net::Address(*link_local)) return true;
  return std::any_of(config.addresses.begin(), config.addresses.end(),
                     [&](const net::InterfaceAddress& own) { return own.address == address; });
}

bool LocalInterface::IsOnLink(const net::Address& address) const {
  if (address.IsZero() || address.IsMulticast() || address.IsLoopback()) return false;
  if (link_local && !address.is_v4() && address.v6().IsLinkLocal()) return true;
  return std::any_of(config.addresses.begin(), config.addresses.end(),
                     [&](const net::InterfaceAddress& own) { return own.Subnet().Contains(address); });
}

std::optional<net::Address> LocalInterface::SourceFor(const net::Address& target) const {
  std::optional<net::Address> first;
  for (const net::InterfaceAddress& own : config.addresses) {
    if (own.Subnet().Contains(target)) return own.address;
    if (!first && own.address.family() == target.family()) first = own.address;
  }
  if (!target.is_v4() && link_local) return net::Address(*link_local);
  return first;
}

std::vector<net::Address> LocalInterface::Addresses() const {
  std::vector<net::Address> all;
  for (const net::InterfaceAddress& own : config.addresses) all.push_back(own.address);
  if (link_local) all.push_back(*link_local);
  return all;
}

}  // namespace sluice::dataplane
