// One table of fields, by record and offset.
#include "control/programming/refused_field.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

namespace sluice::programming {
namespace {

using channel::Refusal;
using channel::RefusalReason;

// What the refusal's value is.
enum class Value : uint8_t {
  kNone,       // nothing for an operator: a number of the channel, or no value
  kOwn,        // the field's own
  kMost,       // the largest possible
  kNeeded,     // the number of the object that is not there
  kHolder,     // the number of the interface that has it
  kHolderVrf,  // the number of the VRF that has it
};

struct Field {
  size_t offset;
  RefusalReason reason;
  const char* name;
  Value value;
  ObjectKind object = ObjectKind::kInterface;  // with kNeeded
};

#define AT(record, member) offsetof(channel::record, member)

constexpr Field kVrf[] = {
    {AT(VrfRecord, vrf), RefusalReason::kOutOfRange, "number", Value::kOwn},
    {AT(VrfRecord, router_ipv4), RefusalReason::kOutOfRange, "router address of IPv4", Value::kNone},
    {AT(VrfRecord, router_ipv6), RefusalReason::kOutOfRange, "router address of IPv6", Value::kNone},
    {AT(VrfRecord, router_ipv4), RefusalReason::kConflict, "router address of IPv4", Value::kNone},
    {AT(VrfRecord, router_ipv6), RefusalReason::kConflict, "router address of IPv6", Value::kNone},
};
constexpr Field kPolicer[] = {
    {AT(PolicerRecord, policer), RefusalReason::kOutOfRange, "number", Value::kOwn},
    {AT(PolicerRecord, rate_kbps), RefusalReason::kOutOfRange, "rate in kbit/s", Value::kOwn},
    {AT(PolicerRecord, burst_bytes), RefusalReason::kOutOfRange, "burst in bytes", Value::kOwn},
};
constexpr Field kInterface[] = {
    {AT(InterfaceRecord, interface), RefusalReason::kOutOfRange, "number", Value::kOwn},
    {AT(InterfaceRecord, interface), RefusalReason::kConflict, "number", Value::kHolder},
    {AT(InterfaceRecord, vrf), RefusalReason::kNotFound, "tenant", Value::kNeeded, ObjectKind::kVrf},
    {AT(InterfaceRecord, vrf), RefusalReason::kInUse, "tenant", Value::kHolderVrf},
    {AT(InterfaceRecord, port), RefusalReason::kNotFound, "port", Value::kNone},
    {AT(InterfaceRecord, vlan), RefusalReason::kOutOfRange, "VLAN", Value::kOwn},
    {AT(InterfaceRecord, vlan), RefusalReason::kConflict, "VLAN", Value::kHolder},
    {AT(InterfaceRecord, mtu), RefusalReason::kOutOfRange, "MTU", Value::kOwn},
    {AT(InterfaceRecord, mtu), RefusalReason::kUnsupported, "MTU", Value::kMost},
    {AT(InterfaceRecord, policer_in), RefusalReason::kNotFound, "inbound bandwidth", Value::kNeeded,
     ObjectKind::kPolicer},
    {AT(InterfaceRecord, policer_out), RefusalReason::kNotFound, "outbound bandwidth", Value::kNeeded,
     ObjectKind::kPolicer},
    {AT(InterfaceRecord, mac), RefusalReason::kOutOfRange, "MAC address", Value::kNone},
};
constexpr Field kTunnel[] = {
    {AT(TunnelRecord, interface), RefusalReason::kOutOfRange, "number", Value::kOwn},
    {AT(TunnelRecord, interface), RefusalReason::kConflict, "number", Value::kHolder},
    {AT(TunnelRecord, vrf), RefusalReason::kNotFound, "tenant", Value::kNeeded, ObjectKind::kVrf},
    {AT(TunnelRecord, vrf), RefusalReason::kInUse, "tenant", Value::kHolderVrf},
    {AT(TunnelRecord, local), RefusalReason::kOutOfRange, "our end", Value::kNone},
    {AT(TunnelRecord, remote), RefusalReason::kOutOfRange, "far end", Value::kNone},
    {AT(TunnelRecord, local), RefusalReason::kConflict, "our end", Value::kHolder},
    {AT(TunnelRecord, remote), RefusalReason::kConflict, "far end", Value::kHolder},
    {AT(TunnelRecord, key_in), RefusalReason::kConflict, "key", Value::kHolder},
    {AT(TunnelRecord, key_in), RefusalReason::kOutOfRange, "key", Value::kOwn},
    {AT(TunnelRecord, key_out), RefusalReason::kOutOfRange, "key", Value::kOwn},
    {AT(TunnelRecord, mtu), RefusalReason::kOutOfRange, "MTU", Value::kOwn},
    {AT(TunnelRecord, dscp), RefusalReason::kOutOfRange, "DSCP", Value::kOwn},
    {AT(TunnelRecord, probe), RefusalReason::kOutOfRange, "probe kind", Value::kOwn},
    {AT(TunnelRecord, probe_misses), RefusalReason::kOutOfRange, "probe misses", Value::kOwn},
    {AT(TunnelRecord, probe_interval_s), RefusalReason::kOutOfRange, "probe interval", Value::kOwn},
    {AT(TunnelRecord, policer_in), RefusalReason::kNotFound, "inbound bandwidth", Value::kNeeded,
     ObjectKind::kPolicer},
    {AT(TunnelRecord, policer_out), RefusalReason::kNotFound, "outbound bandwidth", Value::kNeeded,
     ObjectKind::kPolicer},
};
constexpr Field kAddress[] = {
    {AT(InterfaceAddressRecord, interface), RefusalReason::kNotFound, "connection", Value::kNeeded},
    {AT(InterfaceAddressRecord, interface), RefusalReason::kConflict, "MTU too small for IPv6:", Value::kOwn},
    {AT(InterfaceAddressRecord, address), RefusalReason::kConflict, "address", Value::kHolder},
    {AT(InterfaceAddressRecord, address), RefusalReason::kOutOfRange, "address", Value::kNone},
    {AT(InterfaceAddressRecord, address), RefusalReason::kUnsupported, "link-local address", Value::kNone},
    {AT(InterfaceAddressRecord, prefix_length), RefusalReason::kOutOfRange, "prefix length", Value::kOwn},
};
constexpr Field kNeighbor[] = {
    {AT(NeighborRecord, interface), RefusalReason::kNotFound, "connection", Value::kNeeded},
    {AT(NeighborRecord, interface), RefusalReason::kUnsupported, "connection", Value::kNone},
    {AT(NeighborRecord, address), RefusalReason::kOutOfRange, "address", Value::kNone},
    {AT(NeighborRecord, mac), RefusalReason::kOutOfRange, "MAC address", Value::kNone},
};
constexpr Field kAdjacency[] = {
    {AT(AdjacencyRecord, interface), RefusalReason::kNotFound, "connection", Value::kNeeded},
    {AT(AdjacencyRecord, interface), RefusalReason::kUnsupported, "connection", Value::kNone},
    {AT(AdjacencyRecord, interface), RefusalReason::kOutOfRange, "connection", Value::kNone},
    {AT(AdjacencyRecord, next_hop), RefusalReason::kOutOfRange, "next hop", Value::kNone},
    {AT(AdjacencyRecord, family), RefusalReason::kOutOfRange, "family", Value::kOwn},
};
constexpr Field kGroup[] = {
    {AT(NextHopGroupRecord, members), RefusalReason::kConflict, "next hops", Value::kHolderVrf},
    {AT(NextHopGroupRecord, member_count), RefusalReason::kOutOfRange, "number of next hops", Value::kOwn},
};
constexpr Field kRoute[] = {
    {AT(RouteRecord, vrf), RefusalReason::kNotFound, "tenant", Value::kNone},
    {AT(RouteRecord, group), RefusalReason::kNotFound, "next hops", Value::kNone},
    {AT(RouteRecord, group), RefusalReason::kConflict, "next hops", Value::kHolderVrf},
    {AT(RouteRecord, prefix), RefusalReason::kConflict, "prefix, an address of ours", Value::kNone},
    {AT(RouteRecord, prefix), RefusalReason::kScope, "prefix", Value::kNone},
    {AT(RouteRecord, prefix_length), RefusalReason::kOutOfRange, "prefix length", Value::kOwn},
};
#undef AT

// In the order of ObjectKind.
constexpr std::span<const Field> kFields[] = {kVrf,      kPolicer,   kInterface, kAddress,
                                              kNeighbor, kAdjacency, kGroup};
static_assert(std::size(kFields) == kObjectKindCount);

std::string HeldBy(const Field& field, std::string holder) {
  if (holder.empty()) holder = "one that is not configured any more";
  return std::string(field.name) + ", held by " + holder;
}

std::string Text(std::span<const Field> fields, const Refusal& refusal, NameOfNumber name_of) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& each) {
    return each.offset == refusal.field_offset && static_cast<uint16_t>(each.reason) == refusal.reason;
  });
  if (found == fields.end()) {
    // A field that no table knows is still more than nothing in a report of a fault.
    return refusal.field_offset == 0 ? std::string()
                                     : "byte " + std::to_string(refusal.field_offset) +
                                           " of the record, value " + std::to_string(refusal.value);
  }
  const auto number = static_cast<uint32_t>(refusal.value);
  switch (found->value) {
    case Value::kNone:
      return found->name;
    case Value::kOwn:
      return std::string(found->name) + " " + std::to_string(refusal.value);
    case Value::kMost:
      return std::string(found->name) + ", " + std::to_string(refusal.value) + " at most";
    case Value::kNeeded: {
      const std::string needed = name_of(found->object, number);
      return std::string(found->name) + (needed.empty() ? "" : ": " + needed);
    }
    case Value::kHolder:
      return HeldBy(*found, name_of(ObjectKind::kInterface, number));
    case Value::kHolderVrf:
      return HeldBy(*found, name_of(ObjectKind::kVrf, number));
  }
  return {};
}

}  // namespace

std::string FieldText(ObjectKind kind, bool tunnel, const Refusal& refusal, NameOfNumber name_of) {
  if (tunnel) return Text(kTunnel, refusal, name_of);
  return Text(kFields[static_cast<unsigned>(kind)], refusal, name_of);
}

std::string RouteFieldText(const Refusal& refusal, NameOfNumber name_of) {
  return Text(kRoute, refusal, name_of);
}

}  // namespace sluice::programming
