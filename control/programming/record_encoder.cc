// One function per kind of record: see the header.
#include "control/programming/record_encoder.h"

#include <algorithm>
#include <cstring>

#include "control/rib/next_hop_table.h"
#include "proto/net/check.h"

namespace sluice::programming {
namespace {

using channel::RecordType;

static_assert(rib::kGroupMembersMax == channel::kMaxGroupMembers);

template <typename Record>
Record& Start(Record& record, RecordType type) {
  std::memset(static_cast<void*>(&record), 0, sizeof(record));
  record.header.type = static_cast<uint16_t>(type);
  record.header.scope.kind = static_cast<uint8_t>(channel::ScopeKind::kConfiguration);
  return record;
}

// Network byte order, IPv4 in the first four bytes.
uint8_t PutAddress(const net::Address& address, uint8_t out[16]) {
  if (!address.is_v4()) {
    std::copy_n(address.v6().bytes.begin(), 16, out);
    return 6;
  }
  const uint32_t value = address.v4().value;
  for (unsigned i = 0; i < 4; ++i) out[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
  return 4;
}

uint32_t Encode(const VrfObject& object, uint16_t, WireNumbers&, RecordBuffer& out) {
  channel::VrfRecord& record = Start(out.vrf, RecordType::kVrf);
  record.vrf = object.vrf;
  uint8_t bytes[16] = {};
  if (object.router_ipv4) {
    PutAddress(*object.router_ipv4, bytes);
    std::copy_n(bytes, 4, record.router_ipv4);
  }
  if (object.router_ipv6) PutAddress(*object.router_ipv6, record.router_ipv6);
  record.ipv4_routes_max = object.ipv4_routes_max;
  record.ipv6_routes_max = object.ipv6_routes_max;
  record.neighbors_max = object.neighbors_max;
  return sizeof(record);
}

uint32_t Encode(const PolicerObject& object, uint16_t, WireNumbers&, RecordBuffer& out) {
  channel::PolicerRecord& record = Start(out.policer, RecordType::kPolicer);
  record.policer = object.policer;
  record.rate_kbps = object.rate_kbps;
  record.burst_bytes = object.burst_bytes;
  return sizeof(record);
}

uint32_t EncodeTunnel(const InterfaceObject& object, const TunnelEnds& ends, RecordBuffer& out) {
  channel::TunnelRecord& record = Start(out.tunnel, RecordType::kTunnel);
  record.interface = object.interface;
  record.vrf = object.vrf;
  record.connection = object.connection;
  record.kind = static_cast<uint8_t>(ends.kind);
  record.flags = static_cast<uint16_t>(ends.flags | (object.up ? channel::kTunnelUp : 0) |
                                       (object.strict_urpf ? channel::kTunnelStrictUrpf : 0) |
                                       (object.clamp_mss ? channel::kTunnelClampMss : 0));
  record.family = PutAddress(ends.local, record.local);
  if (ends.remote) PutAddress(*ends.remote, record.remote);
  record.key_in = ends.key_in;
  record.key_out = ends.key_out;
  record.policer_in = object.policer_in;
  record.policer_out = object.policer_out;
  record.mtu = object.mtu;
  record.udp_port = ends.udp_port;
  record.ttl = ends.ttl;
  record.dscp = ends.dscp;
  record.probe = static_cast<uint8_t>(ends.probe);
  record.probe_misses = ends.probe_misses;
  record.probe_interval_s = ends.probe_interval_s;
  std::copy_n(object.mac.bytes.begin(), 6, record.mac);
  return sizeof(record);
}

uint32_t Encode(const InterfaceObject& object, uint16_t port, WireNumbers&, RecordBuffer& out) {
  if (object.tunnel) return EncodeTunnel(object, *object.tunnel, out);
  channel::InterfaceRecord& record = Start(out.interface, RecordType::kInterface);
  record.interface = object.interface;
  record.vrf = object.vrf;
  record.connection = object.connection;
  record.port = port;
  record.vlan = object.vlan;
  record.mtu = object.mtu;
  record.flags = static_cast<uint16_t>((object.up ? channel::kInterfaceUp : 0) |
                                       (object.strict_urpf ? channel::kInterfaceStrictUrpf : 0) |
                                       (object.clamp_mss ? channel::kInterfaceClampMss : 0));
  record.policer_in = object.policer_in;
  record.policer_out = object.policer_out;
  std::copy_n(object.mac.bytes.begin(), 6, record.mac);
  return sizeof(record);
}

uint32_t Encode(const AddressObject& object, uint16_t, WireNumbers&, RecordBuffer& out) {
  channel::InterfaceAddressRecord& record = Start(out.address, RecordType::kInterfaceAddress);
  record.interface = object.interface;
  record.family = PutAddress(object.address.address, record.address);
  record.prefix_length = object.address.length;
  return sizeof(record);
}

uint32_t Encode(const StaticNeighborObject& object, uint16_t, WireNumbers&, RecordBuffer& out) {
  channel::NeighborRecord& record = Start(out.neighbor, RecordType::kNeighbor);
  record.interface = object.interface;
  record.family = PutAddress(object.address, record.address);
  std::copy_n(object.mac.bytes.begin(), 6, record.mac);
  return sizeof(record);
}

uint32_t Encode(const AdjacencyObject& object, uint16_t, WireNumbers& numbers, RecordBuffer& out) {
  channel::AdjacencyRecord& record = Start(out.adjacency, RecordType::kAdjacency);
  record.adjacency = numbers.adjacencies.Acquire(object.adjacency);
  record.kind = static_cast<uint8_t>(object.kind);
  record.interface = object.interface;
  record.family = PutAddress(object.next_hop, record.next_hop);
  std::copy_n(object.mac.bytes.begin(), 6, record.mac);
  return sizeof(record);
}

uint32_t Encode(const GroupObject& object, uint16_t, WireNumbers& numbers, RecordBuffer& out) {
  channel::NextHopGroupRecord& record = Start(out.group, RecordType::kNextHopGroup);
  record.group = numbers.groups.Acquire(object.group);
  SLUICE_CHECK(object.members.size() <= channel::kMaxGroupMembers);
  for (const GroupObject::Member& member : object.members) {
    record.members[record.member_count++] = {numbers.adjacencies.Find(member.adjacency), member.weight, 0};
  }
  return static_cast<uint32_t>(offsetof(channel::NextHopGroupRecord, members) +
                               record.member_count * sizeof(channel::GroupMember));
}

uint32_t EncodeId(RecordType type, uint32_t id, RecordBuffer& out) {
  Start(out.id, type).id = id;
  return sizeof(out.id);
}

}  // namespace

uint32_t EncodePut(const Object& object, uint16_t port, WireNumbers& numbers, RecordBuffer& out) {
  return std::visit([&](const auto& value) { return Encode(value, port, numbers, out); }, object);
}

uint32_t EncodeDelete(const Object& object, const WireNumbers& numbers, RecordBuffer& out) {
  const ObjectKey key = KeyOf(object);
  switch (key.kind) {
    case ObjectKind::kVrf:
      return EncodeId(RecordType::kVrfDelete, key.id, out);
    case ObjectKind::kPolicer:
      return EncodeId(RecordType::kPolicerDelete, key.id, out);
    case ObjectKind::kInterface:
      return EncodeId(
          std::get<InterfaceObject>(object).tunnel ? RecordType::kTunnelDelete : RecordType::kInterfaceDelete,
          key.id, out);
    case ObjectKind::kAdjacency:
      return EncodeId(RecordType::kAdjacencyDelete, numbers.adjacencies.Find(key.id), out);
    case ObjectKind::kGroup:
      return EncodeId(RecordType::kNextHopGroupDelete, numbers.groups.Find(key.id), out);
    case ObjectKind::kAddress: {
      channel::InterfaceAddressRecord& record = Start(out.address, RecordType::kInterfaceAddressDelete);
      record.interface = key.id;
      record.family = PutAddress(key.address, record.address);
      record.prefix_length = std::get<AddressObject>(object).address.length;
      return sizeof(record);
    }
    case ObjectKind::kNeighbor: {
      channel::NeighborRecord& record = Start(out.neighbor, RecordType::kNeighborDelete);
      record.interface = key.id;
      record.family = PutAddress(key.address, record.address);
      return sizeof(record);
    }
  }
  return 0;
}

uint32_t EncodeRoute(const rib::RouteUpdate& route, const WireNumbers& numbers, RecordBuffer& out) {
  const bool put = route.group != rib::kNoGroup;
  channel::RouteRecord& record = Start(out.route, put ? RecordType::kRoute : RecordType::kRouteDelete);
  record.vrf = route.vrf;
  record.family = PutAddress(route.prefix.address(), record.prefix);
  record.prefix_length = route.prefix.length();
  record.group = put ? numbers.groups.Find(route.group) : 0;
  return sizeof(record);
}

uint32_t EncodeSync(RecordType type, uint32_t stale_deadline_ms, RecordBuffer& out) {
  Start(out.scope, type).stale_deadline_ms = stale_deadline_ms;
  return sizeof(out.scope);
}

}  // namespace sluice::programming
