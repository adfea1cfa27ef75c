// Comparison of two states of a tenant: see the header.
#include "control/programming/diff.h"

#include <algorithm>
#include <tuple>

#include "absl/container/flat_hash_map.h"

namespace sluice::programming {
namespace {

// All objects of a tenant one by one, in order of dependence.
std::vector<Object> Flatten(const TenantObjects* tenant) {
  std::vector<Object> objects;
  if (tenant == nullptr) return objects;
  if (tenant->vrf.vrf != 0) objects.emplace_back(tenant->vrf);  // the underlay's is always there
  for (const PolicerObject& policer : tenant->policers) objects.emplace_back(policer);
  for (InterfaceObject interface : tenant->interfaces) {
    interface.addresses.clear();
    objects.emplace_back(std::move(interface));
  }
  for (const InterfaceObject& interface : tenant->interfaces) {
    for (const net::InterfaceAddress& address : interface.addresses) {
      objects.emplace_back(AddressObject{interface.interface, interface.vrf, address,
                                         interface.name + ": address " + address.ToString()});
    }
  }
  for (const StaticNeighborObject& neighbor : tenant->neighbors) objects.emplace_back(neighbor);
  return objects;
}

auto Identity(const rib::RouteInput& route) {
  return std::tie(route.prefix, route.source, route.path_id);
}

std::vector<const rib::RouteInput*> Sorted(const TenantObjects* tenant) {
  std::vector<const rib::RouteInput*> routes;
  if (tenant == nullptr) return routes;
  routes.reserve(tenant->routes.size());
  for (const rib::RouteInput& route : tenant->routes) routes.push_back(&route);
  std::stable_sort(routes.begin(), routes.end(), [](const rib::RouteInput* a, const rib::RouteInput* b) {
    return Identity(*a) < Identity(*b);
  });
  return routes;
}

void DiffRoutes(const TenantObjects* desired, const TenantObjects* installed, TenantChanges& changes) {
  const std::vector<const rib::RouteInput*> wanted = Sorted(desired);
  const std::vector<const rib::RouteInput*> had = Sorted(installed);
  auto old = had.begin();
  for (const rib::RouteInput* route : wanted) {
    while (old != had.end() && Identity(**old) < Identity(*route)) changes.remove_routes.push_back(**old++);
    const bool known = old != had.end() && Identity(**old) == Identity(*route);
    if (!known || **old != *route) changes.put_routes.push_back(*route);
    if (known) ++old;
  }
  for (; old != had.end(); ++old) changes.remove_routes.push_back(**old);
}

}  // namespace

TenantChanges Diff(const TenantObjects* desired, const TenantObjects* installed) {
  TenantChanges changes;
  std::vector<Object> had = Flatten(installed);
  absl::flat_hash_map<ObjectKey, const Object*> old;
  for (const Object& object : had) old[KeyOf(object)] = &object;
  for (Object& object : Flatten(desired)) {
    const auto at = old.find(KeyOf(object));
    const bool same = at != old.end() && *at->second == object;
    if (at != old.end()) old.erase(at);
    if (!same) changes.put.push_back(std::move(object));
  }
  for (auto at = had.rbegin(); at != had.rend(); ++at) {
    const ObjectKey key = KeyOf(*at);
    if (old.contains(key)) changes.remove.push_back(key);
  }
  DiffRoutes(desired, installed, changes);
  return changes;
}

}  // namespace sluice::programming
