// Identity, dependence and claims of each kind of object.
#include "control/programming/object_key.h"

namespace sluice::programming {
namespace {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

ObjectKey KeyOf(const Object& object) {
  return std::visit(Overloaded{
                        [](const VrfObject& vrf) {
                          return ObjectKey{ObjectKind::kVrf, vrf.vrf, {}};
                        },
                        [](const PolicerObject& policer) {
                          return ObjectKey{ObjectKind::kPolicer, policer.policer, {}};
                        },
                        [](const InterfaceObject& at) {
                          return ObjectKey{ObjectKind::kInterface, at.interface, {}};
                        },
                        [](const AddressObject& at) {
                          return ObjectKey{ObjectKind::kAddress, at.interface, at.address.address};
                        },
                        [](const StaticNeighborObject& at) {
                          return ObjectKey{ObjectKind::kNeighbor, at.interface, at.address};
                        },
                        [](const AdjacencyObject& at) {
                          return ObjectKey{ObjectKind::kAdjacency, at.adjacency, {}};
                        },
                        [](const GroupObject& group) {
                          return ObjectKey{ObjectKind::kGroup, group.group, {}};
                        },
                    },
                    object);
}

uint32_t VrfOf(const Object& object) {
  return std::visit(Overloaded{
                        [](const AdjacencyObject&) { return uint32_t{0}; },
                        [](const auto& other) { return other.vrf; },
                    },
                    object);
}

std::string NameOf(const Object& object) {
  return std::visit(Overloaded{
                        [](const AdjacencyObject&) { return std::string(); },
                        [](const GroupObject&) { return std::string(); },
                        [](const auto& other) { return other.name; },
                    },
                    object);
}

std::vector<ObjectKey> RequirementsOf(const Object& object) {
  std::vector<ObjectKey> keys;
  const auto needs = [&keys](ObjectKind kind, uint32_t id) {
    if (id != 0) keys.push_back({kind, id, {}});
  };
  std::visit(Overloaded{
                 [](const VrfObject&) {},
                 [](const PolicerObject&) {},
                 [&](const InterfaceObject& at) {
                   needs(ObjectKind::kVrf, at.vrf);
                   needs(ObjectKind::kPolicer, at.policer_in);
                   if (at.policer_out != at.policer_in) needs(ObjectKind::kPolicer, at.policer_out);
                 },
                 [&](const AddressObject& at) { needs(ObjectKind::kInterface, at.interface); },
                 [&](const StaticNeighborObject& at) { needs(ObjectKind::kInterface, at.interface); },
                 [&](const AdjacencyObject& at) { needs(ObjectKind::kInterface, at.interface); },
                 [&](const GroupObject& group) {
                   for (const GroupObject::Member& member : group.members) {
                     needs(ObjectKind::kAdjacency, member.adjacency);
                   }
                 },
             },
             object);
  return keys;
}

std::vector<Claim> ClaimsOf(const Object& object) {
  const auto* interface = std::get_if<InterfaceObject>(&object);
  if (interface != nullptr && !interface->tunnel) return {{interface->port, interface->vlan, {}}};
  if (const auto* at = std::get_if<AddressObject>(&object)) return {{"", at->vrf, at->address.address}};
  return {};
}

}  // namespace sluice::programming
