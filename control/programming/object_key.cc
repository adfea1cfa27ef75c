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
  return std::visit([](const auto& any) { return any.vrf; }, object);
}

std::string NameOf(const Object& object) {
  return std::visit(Overloaded{
                        [](const AdjacencyObject&) { return std::string(); },
                        [](const GroupObject&) { return std::string(); },
                        [](const auto& other) { return other.name; },
                    },
                    object);
}

absl::InlinedVector<ObjectKey, 3> RequirementsOf(const Object& object) {
  absl::InlinedVector<ObjectKey, 3> keys;
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
  using Kind = Claim::Kind;
  if (const auto* at = std::get_if<AddressObject>(&object))
    return {{.kind = Kind::kAddress, .number = at->vrf, .address = at->address.address}};
  const auto* at = std::get_if<InterfaceObject>(&object);
  if (at == nullptr) return {};
  if (!at->tunnel) return {{.kind = Kind::kVlan, .port = at->port, .number = at->vlan}};
  // Hosts of overlays are adjacencies, and whose they are the dataplane says.
  const TunnelEnds& ends = *at->tunnel;
  if (ends.kind != channel::TunnelKind::kGre || !ends.remote) return {};
  const bool has_key = (ends.flags & channel::kTunnelKeyIn) != 0;
  return {{.kind = has_key ? Kind::kGreWithKey : Kind::kGre,
           .number = ends.key_in,
           .address = ends.local,
           .remote = *ends.remote}};
}

std::string TextOf(const Claim& claim) {
  const std::string number = std::to_string(claim.number);
  switch (claim.kind) {
    case Claim::Kind::kVlan:
      return "VLAN " + number + " of port '" + claim.port + "'";
    case Claim::Kind::kAddress:
      return "address " + claim.address.ToString();
    case Claim::Kind::kGre:
      return "GRE from " + claim.remote.ToString() + " to " + claim.address.ToString();
    case Claim::Kind::kGreWithKey:
      return "GRE key " + number + " from " + claim.remote.ToString() + " to " + claim.address.ToString();
  }
  return "";
}

}  // namespace sluice::programming
