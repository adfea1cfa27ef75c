// TableWriter's rule for what is in the way of a new object: stale objects give
// way, whoever owns them, in the last step of the record that takes their place.
#include "dataplane/agent/table_writer.h"
#include "proto/net/check.h"

namespace sluice::dataplane {

// Its addresses with the link-local one, its neighbours, and itself.
uint64_t TableWriter::RemovalsOf(InterfaceId id) const {
  return 2 * (tables_.interfaces.Find(id)->addresses.size() + resolver_.NeighborsOn(id)) + 4;
}

bool TableWriter::HasRoomFor(uint64_t removals) {
  Retirement& retirement = tables_.retirement;
  if (retirement.pending() + removals > tables_.limits.pending_removals) retirement.Reclaim();
  return retirement.pending() + removals <= tables_.limits.pending_removals;
}

bool TableWriter::MayEvict(std::span<const InterfaceId> interfaces) {
  uint64_t removals = 0;
  uint64_t host_routes = 0;
  for (const InterfaceId id : interfaces) {
    if (!scopes_.IsStale(interface_owners_[id])) return false;
    removals += RemovalsOf(id);
    host_routes += tables_.interfaces.Find(id)->addresses.size() + 1;  // a tunnel's end is one
  }
  return HasRoomFor(removals) && tables_.fib4_pool.HasReserveFor(host_routes) &&
         tables_.fib6_pool.HasReserveFor(host_routes);
}

bool TableWriter::MayEvict(InterfaceId interface, const net::Address& address) {
  const auto found = interfaces_.addresses().find({interface, address});
  return found != interfaces_.addresses().end() && scopes_.IsStale(found->second) &&
         !tables_.retirement.full();
}

bool TableWriter::MayEvict(VrfId vrf, const net::Prefix& prefix, const RouteValue& route) {
  const ScopeIndex scope = routes_.ScopeOf(route.tag, vrf, prefix.family());
  return scope != kNoScope && routes_.IsStale(route.tag, scope);
}

// What leads through it goes down until its owner says otherwise.
void TableWriter::Evict(InterfaceId interface) {
  SLUICE_CHECK(!RemoveInterface(interface, now_, true).has_value());
}

void TableWriter::Evict(InterfaceId interface, const net::Address& address) {
  const InterfaceWriter::AddressKey key{interface, address};
  Owner owner = interfaces_.addresses().at(key);
  SLUICE_CHECK(!interfaces_.RemoveAddress(key).has_value());
  Disown(owner);
}

// Stale host routes whose place an address of ours took are no longer anybody's.
void TableWriter::SettleDisplacedRoutes() {
  for (const DisplacedRoute& displaced : interfaces_.TakeDisplaced()) routes_.OnDisplaced(displaced);
}

}  // namespace sluice::dataplane
