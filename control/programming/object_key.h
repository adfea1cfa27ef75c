// One address for every object of the dataplane that configuration or the RIB
// asks for, whatever its kind; the order of kinds is the order of dependence.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "control/programming/objects.h"
#include "proto/net/address.h"

namespace sluice::programming {

// An object may name objects of earlier kinds only.
enum class ObjectKind : uint8_t { kVrf, kPolicer, kInterface, kAddress, kNeighbor, kAdjacency, kGroup };
inline constexpr unsigned kObjectKindCount = 7;

// An address of an interface: a record of its own in the channel.
struct AddressObject {
  uint32_t interface = 0;
  uint32_t vrf = 0;
  net::InterfaceAddress address;
  std::string name;  // "tenant contoso: connection paris: address 15.0.0.5/24"

  friend bool operator==(const AddressObject&, const AddressObject&) = default;
};

// In the order of ObjectKind. The interface's addresses are objects of their own:
// here its list is empty.
using Object = std::variant<VrfObject, PolicerObject, InterfaceObject, AddressObject, StaticNeighborObject,
                            AdjacencyObject, GroupObject>;

// Stated by configuration; the others are made by the RIB for routes.
constexpr bool IsConfigured(ObjectKind kind) {
  return kind < ObjectKind::kAdjacency;
}

struct ObjectKey {
  ObjectKind kind = ObjectKind::kVrf;
  uint32_t id = 0;       // of the object, or of its interface (kAddress, kNeighbor)
  net::Address address;  // kAddress and kNeighbor

  friend bool operator==(const ObjectKey&, const ObjectKey&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const ObjectKey& key) {
    hash = H::combine(std::move(hash), key.kind, key.id);
    return key.address.is_v4() ? H::combine(std::move(hash), key.address.v4().value)
                               : H::combine(std::move(hash), key.address.v6().High(), key.address.v6().Low());
  }
};

ObjectKey KeyOf(const Object& object);
// No VRF has this number; 0 is the underlay.
inline constexpr uint32_t kNoVrf = ~uint32_t{0};
// The VRF that the object belongs to; kNoVrf for adjacencies that are shared by VRFs or follow
// their interface.
uint32_t VrfOf(const Object& object);
// In the operator's words; empty for what the RIB makes.
std::string NameOf(const Object& object);
// The objects that must be there before it.
absl::InlinedVector<ObjectKey, 3> RequirementsOf(const Object& object);

// What only one object can have at a time: a VLAN of a port, an address of a VRF,
// the packets that arrive for a GRE tunnel.
struct Claim {
  enum class Kind : uint8_t { kVlan, kAddress, kGre, kGreWithKey };

  Kind kind = Kind::kVlan;
  std::string port;      // kVlan
  uint32_t number = 0;   // VLAN, VRF or key
  net::Address address;  // kAddress; of a tunnel the local end
  net::Address remote;   // of a tunnel

  friend bool operator==(const Claim&, const Claim&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const Claim& claim) {
    return H::combine(std::move(hash), claim.kind, claim.port, claim.number,
                      ObjectKey{ObjectKind::kAddress, 0, claim.address},
                      ObjectKey{ObjectKind::kAddress, 0, claim.remote});
  }
};
// "VLAN 100 of port 'p1'".
std::string TextOf(const Claim& claim);
// At most one; empty for kinds that claim nothing.
std::vector<Claim> ClaimsOf(const Object& object);

}  // namespace sluice::programming
