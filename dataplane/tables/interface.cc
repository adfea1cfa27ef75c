// Which of an interface's addresses speaks to a given peer.
#include "dataplane/tables/interface.h"

namespace sluice::dataplane {

std::optional<net::Address> Interface::SourceToward(const net::Address& peer) const {
  std::optional<net::Address> first, link_local;
  for (const net::InterfaceAddress& own : addresses) {
    if (own.address.family() != peer.family()) continue;
    if (own.Subnet().Contains(peer)) return own.address;
    const bool local_only = !own.address.is_v4() && own.address.v6().IsLinkLocal();
    auto& candidate = local_only ? link_local : first;
    if (!candidate) candidate = own.address;
  }
  return first ? first : link_local;
}

}  // namespace sluice::dataplane
