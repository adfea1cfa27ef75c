// Every record: valid, each field out of range, each truncation.
#include "dataplane/agent/record_fields.h"

#include <catch2/catch.hpp>
#include <string>

#include "dataplane/agent/record_fixture.h"

namespace sluice::dataplane {
namespace {

using namespace testing;
using channel::AdjacencyKind;
using channel::RecordType;
using channel::RefusalReason;

struct Valid {
  const char* what;
  Record record;
};

std::vector<Valid> AllRecords() {
  return {
      {"begin of sync", BeginSync(1000)},
      {"end of sync", EndOfSync()},
      {"VRF", VrfIs(1, "10.0.0.1")},
      {"VRF delete", Delete(RecordType::kVrfDelete, 1)},
      {"interface", InterfaceIs(1, 1, 100)},
      {"interface delete", Delete(RecordType::kInterfaceDelete, 1)},
      {"IPv4 address", AddressIs(1, "10.0.0.1/24")},
      {"IPv6 address", AddressIs(1, "2001:db8::1/64")},
      {"address delete", AddressIs(1, "10.0.0.1/24", RecordType::kInterfaceAddressDelete)},
      {"neighbour", NeighborIs(1, "10.0.0.2", "02:00:00:00:00:01")},
      {"neighbour delete", NeighborIs(1, "fe80::1", "00:00:00:00:00:00", RecordType::kNeighborDelete)},
      {"adjacency to a neighbour", AdjacencyTo(1, 1, "10.0.0.2")},
      {"glean", AdjacencyIs(1, AdjacencyKind::kGlean, 1)},
      {"GRE tunnel", GreIs(4, 1, "192.0.2.1", "198.51.100.2")},
      {"GRE tunnel over IPv6", GreIs(4, 1, "2001:db8:f::1", "2001:db8:e::2")},
      {"VXLAN", OverlayIs(5, 1, "192.0.2.1", 0xffffff)},
      {"NVGRE over IPv6", OverlayIs(5, 1, "2001:db8:f::1", 0, channel::TunnelKind::kNvgre)},
      {"tunnel delete", Delete(RecordType::kTunnelDelete, 4)},
      {"adjacency through GRE", AdjacencyThrough(1, 4)},
      {"adjacency through an overlay", AdjacencyThrough(1, 5, "198.51.100.7")},
      {"drop", AdjacencyIs(1, AdjacencyKind::kDrop)},
      {"adjacency delete", Delete(RecordType::kAdjacencyDelete, 1)},
      {"group", GroupOf(1, {1, 2, 3})},
      {"group delete", Delete(RecordType::kNextHopGroupDelete, 1)},
      {"IPv4 route", RouteTo(1, "10.0.0.0/8", 1)},
      {"IPv4 default route", RouteTo(1, "0.0.0.0/0", 1)},
      {"IPv6 route", RouteTo(1, "2001:db8::/32", 1)},
      {"route delete", RouteTo(1, "10.0.0.0/8", 0, RecordType::kRouteDelete)},
      {"policer", PolicerIs(1, 1000)},
      {"policer delete", Delete(RecordType::kPolicerDelete, 1)},
  };
}

TEST_CASE("a valid record of every type passes") {
  for (const Valid& valid : AllRecords()) {
    DYNAMIC_SECTION(valid.what) {
      CHECK_FALSE(CheckFields(valid.record.bytes()).has_value());
    }
  }
}

TEST_CASE("every truncation of every record is malformed, whatever its header says") {
  for (Valid& valid : AllRecords()) {
    DYNAMIC_SECTION(valid.what) {
      for (size_t length = 0; length < valid.record.bytes().size(); ++length) {
        Record cut = valid.record;
        if (length % 2 == 0) cut.Set(offsetof(channel::RecordHeader, length), static_cast<uint32_t>(length));
        const auto refusal = CheckFields(cut.bytes().first(length));
        REQUIRE(refusal.has_value());
        CHECK(static_cast<RefusalReason>(refusal->reason) == RefusalReason::kMalformed);
      }
    }
  }
}

TEST_CASE("a record longer than its type is malformed") {
  for (const Valid& valid : AllRecords()) {
    DYNAMIC_SECTION(valid.what) {
      std::vector<uint64_t> longer(valid.record.bytes().size() / 8 + 1);
      std::memcpy(longer.data(), valid.record.bytes().data(), valid.record.bytes().size());
      const auto length = static_cast<uint32_t>(longer.size() * 8);
      std::memcpy(reinterpret_cast<std::byte*>(longer.data()) + offsetof(channel::RecordHeader, length),
                  &length, 4);
      CHECK(CheckFields(std::as_bytes(std::span(longer))).has_value());
    }
  }
}

struct Bad {
  const char* what;
  Record record;
  size_t field;
};

template <class T>
Bad With(const char* what, Record record, size_t offset, T value) {
  record.Set(offset, value);
  return {what, record, offset};
}

#define WITH(record, type, member, value) \
  With(#type "." #member " = " #value, record, offsetof(type, member), value)

std::vector<Bad> AllBadFields() {
  using namespace channel;  // NOLINT: names of records
  const std::array<uint8_t, 16> kMulticast4{224, 0, 0, 1}, kLoopback4{127, 0, 0, 1}, kZero{},
      kLong4{10, 0, 0, 1, 1}, kMulticast6{0xff, 2},
      kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}, kHostBits4{10, 0, 0, 1};
  const std::array<uint8_t, 6> kGroupMac{1, 0, 0, 0, 0, 1}, kZeroMac{};
  const std::array<uint8_t, 4> kRouter4{224, 0, 0, 1};
  const Record address4 = AddressIs(1, "10.0.0.1/24"), address6 = AddressIs(1, "2001:db8::1/64");
  const Record neighbor = NeighborIs(1, "10.0.0.2", "02:00:00:00:00:01");
  const Record adjacency = AdjacencyTo(1, 1, "10.0.0.2");
  const std::array<uint8_t, 6> kSomeMac{2, 0, 0, 0, 0, 1};
  const Record route4 = RouteTo(1, "10.0.0.0/8", 1), route6 = RouteTo(1, "2001:db8::/32", 1);
  return {
      WITH(BeginSync(), RecordHeader, version, uint16_t{1}),
      WITH(BeginSync(), RecordHeader, reserved, 1u),
      WITH(BeginSync(), RecordHeader, type, uint16_t{0}),
      WITH(BeginSync(), RecordHeader, type, uint16_t{28}),
      WITH(BeginSync(), ScopeRecord, reserved, 1u),
      WITH(VrfIs(1), VrfRecord, vrf, 65536u),
      WITH(VrfIs(1), VrfRecord, flags, 2u),
      WITH(VrfIs(1), VrfRecord, router_ipv4, kRouter4),
      WITH(VrfIs(1), VrfRecord, router_ipv6, kMulticast6),
      WITH(InterfaceIs(1, 1, 1), InterfaceRecord, interface, 0u),
      WITH(InterfaceIs(1, 1, 1), InterfaceRecord, interface, 65536u),
      WITH(InterfaceIs(1, 1, 1), InterfaceRecord, vrf, 65536u),
      WITH(InterfaceIs(1, 1, 1), InterfaceRecord, vlan, uint16_t{4095}),
      WITH(InterfaceIs(1, 1, 1), InterfaceRecord, mtu, uint16_t{575}),
      WITH(InterfaceIs(1, 1, 1), InterfaceRecord, mtu, uint16_t{9001}),
      WITH(InterfaceIs(1, 1, 1), InterfaceRecord, flags, uint16_t{8}),
      WITH(InterfaceIs(1, 1, 1), InterfaceRecord, policer_in, 65536u),
      WITH(InterfaceIs(1, 1, 1), InterfaceRecord, policer_out, 65536u),
      WITH(InterfaceIs(1, 1, 1), InterfaceRecord, mac, kGroupMac),
      WITH(InterfaceIs(1, 1, 1), InterfaceRecord, reserved, uint16_t{1}),
      WITH(InterfaceIs(1, 1, 1), InterfaceRecord, reserved2, 1u),
      WITH(adjacency, AdjacencyRecord, mac, kSomeMac),
      WITH(address4, InterfaceAddressRecord, interface, 0u),
      WITH(address4, InterfaceAddressRecord, family, uint8_t{5}),
      WITH(address4, InterfaceAddressRecord, prefix_length, uint8_t{0}),
      WITH(address4, InterfaceAddressRecord, prefix_length, uint8_t{33}),
      WITH(address6, InterfaceAddressRecord, prefix_length, uint8_t{129}),
      WITH(address4, InterfaceAddressRecord, reserved, uint16_t{1}),
      WITH(address4, InterfaceAddressRecord, address, kMulticast4),
      WITH(address4, InterfaceAddressRecord, address, kLoopback4),
      WITH(address4, InterfaceAddressRecord, address, kZero),
      WITH(address4, InterfaceAddressRecord, address, kLong4),
      WITH(address6, InterfaceAddressRecord, address, kMulticast6),
      WITH(address6, InterfaceAddressRecord, address, kMapped),
      WITH(address6, InterfaceAddressRecord, address, kZero),
      WITH(neighbor, NeighborRecord, interface, 0u),
      WITH(neighbor, NeighborRecord, family, uint8_t{0}),
      WITH(neighbor, NeighborRecord, mac, kGroupMac),
      WITH(neighbor, NeighborRecord, mac, kZeroMac),
      WITH(neighbor, NeighborRecord, address, kMulticast4),
      WITH(neighbor, NeighborRecord, reserved, uint8_t{1}),
      WITH(neighbor, NeighborRecord, reserved2, 1u),
      WITH(adjacency, AdjacencyRecord, adjacency, 0u),
      WITH(adjacency, AdjacencyRecord, kind, uint8_t{0}),
      WITH(adjacency, AdjacencyRecord, kind, uint8_t{6}),
      WITH(adjacency, AdjacencyRecord, family, uint8_t{0}),
      WITH(adjacency, AdjacencyRecord, family, uint8_t{7}),
      WITH(adjacency, AdjacencyRecord, interface, 0u),
      WITH(adjacency, AdjacencyRecord, interface, 65536u),
      WITH(adjacency, AdjacencyRecord, next_hop, kMulticast4),
      WITH(adjacency, AdjacencyRecord, reserved, uint16_t{1}),
      WITH(adjacency, AdjacencyRecord, reserved2, 1u),
      WITH(AdjacencyIs(1, AdjacencyKind::kDrop), AdjacencyRecord, interface, 1u),
      WITH(AdjacencyIs(1, AdjacencyKind::kGlean, 1), AdjacencyRecord, next_hop, kHostBits4),
      WITH(GroupOf(1, {1}), NextHopGroupRecord, group, 0u),
      WITH(GroupOf(1, {1}), NextHopGroupRecord, member_count, 0u),
      WITH(GroupOf(1, {1}), NextHopGroupRecord, member_count, 65u),
      WITH(GroupOf(1, {1}), NextHopGroupRecord, members[0].adjacency, 0u),
      WITH(GroupOf(1, {1, 2}), NextHopGroupRecord, members[1].weight, uint16_t{0}),
      WITH(GroupOf(1, {1, 2}), NextHopGroupRecord, members[1].weight, uint16_t{257}),
      WITH(GroupOf(1, {1}), NextHopGroupRecord, members[0].flags, uint16_t{1}),
      WITH(route4, RouteRecord, vrf, 65536u),
      WITH(route4, RouteRecord, family, uint8_t{1}),
      WITH(route4, RouteRecord, prefix_length, uint8_t{33}),
      WITH(route6, RouteRecord, prefix_length, uint8_t{129}),
      WITH(route4, RouteRecord, prefix, kHostBits4),
      WITH(route4, RouteRecord, prefix, kMapped),
      WITH(route4, RouteRecord, reserved, uint16_t{1}),
      WITH(route4, RouteRecord, reserved2, 1u),
      WITH(PolicerIs(1, 1), PolicerRecord, policer, 0u),
      WITH(PolicerIs(1, 1), PolicerRecord, policer, 65536u),
      WITH(PolicerIs(1, 1), PolicerRecord, rate_kbps, 0u),
      WITH(PolicerIs(1, 1), PolicerRecord, reserved, 1u),
      WITH(Delete(RecordType::kVrfDelete, 1), IdRecord, id, 65536u),
      WITH(Delete(RecordType::kInterfaceDelete, 1), IdRecord, id, 0u),
      WITH(Delete(RecordType::kAdjacencyDelete, 1), IdRecord, id, 0u),
      WITH(Delete(RecordType::kAdjacencyDelete, 1), IdRecord, reserved, 1u),
  };
}

std::vector<Bad> BadFieldsOfTunnels() {
  using namespace channel;  // NOLINT: names of records
  const std::array<uint8_t, 16> kMulticast4{224, 0, 0, 1}, kLoopback4{127, 0, 0, 1}, kZero{},
      kLong4{10, 0, 0, 1, 1}, kMulticast6{0xff, 2}, kHostBits4{10, 0, 0, 1},
      kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};
  const std::array<uint8_t, 6> kGroupMac{1, 0, 0, 0, 0, 1}, kZeroMac{};
  const std::array<uint8_t, 16> kLinkLocal4{169, 254, 0, 1}, kLinkLocal6{0xfe, 0x80, 0, 1},
      kOurEnd{192, 0, 2, 1};
  const std::array<uint8_t, 6> kSomeMac{2, 0, 0, 0, 0, 1};
  const Record gre = GreIs(4, 1, "192.0.2.1", "198.51.100.2");
  const Record probed = WithProbe(gre, 600, 10);
  REQUIRE_FALSE(CheckFields(probed.bytes()));
  const Record gre6 = GreIs(4, 1, "2001:db8:f::1", "2001:db8:e::2");
  const Record vxlan = OverlayIs(5, 1, "192.0.2.1", 7);
  const Record nvgre = OverlayIs(5, 1, "192.0.2.1", 7, TunnelKind::kNvgre);
  const Record bare = Record(gre)
                          .Set(offsetof(TunnelRecord, flags), uint16_t{kTunnelUp})
                          .Set(offsetof(TunnelRecord, key_in), 0u)
                          .Set(offsetof(TunnelRecord, key_out), 0u);
  const Record through = AdjacencyThrough(1, 5, "198.51.100.7");
  return {
      WITH(gre, TunnelRecord, interface, 0u),
      WITH(gre, TunnelRecord, interface, 65536u),
      WITH(gre, TunnelRecord, vrf, 0u),
      WITH(gre, TunnelRecord, vrf, 65536u),
      WITH(gre, TunnelRecord, kind, uint8_t{0}),
      WITH(gre, TunnelRecord, kind, uint8_t{4}),
      WITH(gre, TunnelRecord, family, uint8_t{0}),
      WITH(gre, TunnelRecord, flags, uint16_t{1 << 11}),
      WITH(gre, TunnelRecord, flags, uint16_t{kTunnelUdpChecksum}),
      WITH(gre, TunnelRecord, flags, uint16_t{kTunnelDfCopy | kTunnelDfClear}),
      WITH(gre, TunnelRecord, flags, uint16_t{kTunnelPipe | kTunnelDscpInward}),
      WITH(gre, TunnelRecord, local, kZero),
      WITH(gre, TunnelRecord, local, kMulticast4),
      WITH(gre, TunnelRecord, local, kLoopback4),
      WITH(gre, TunnelRecord, local, kLong4),
      WITH(gre, TunnelRecord, local, kLinkLocal4),
      WITH(gre6, TunnelRecord, local, kLinkLocal6),
      WITH(gre6, TunnelRecord, local, kMulticast6),
      WITH(gre, TunnelRecord, remote, kZero),
      WITH(gre, TunnelRecord, remote, kMulticast4),
      WITH(gre, TunnelRecord, remote, kLong4),
      WITH(gre6, TunnelRecord, remote, kMapped),
      WITH(gre, TunnelRecord, remote, kOurEnd),
      WITH(gre, TunnelRecord, policer_in, 65536u),
      WITH(gre, TunnelRecord, policer_out, 65536u),
      WITH(gre, TunnelRecord, mtu, uint16_t{575}),
      WITH(gre, TunnelRecord, mtu, uint16_t{9001}),
      WITH(gre, TunnelRecord, udp_port, uint16_t{4789}),
      WITH(gre, TunnelRecord, dscp, uint8_t{64}),
      WITH(gre, TunnelRecord, dscp, uint8_t{46}),  // not with the uniform model
      WITH(gre, TunnelRecord, mac, kSomeMac),
      WITH(gre, TunnelRecord, probe, uint8_t{2}),
      WITH(gre, TunnelRecord, probe_misses, uint8_t{1}),  // of no probe
      WITH(gre, TunnelRecord, probe_interval_s, uint16_t{1}),
      WITH(probed, TunnelRecord, probe_misses, uint8_t{0}),
      WITH(probed, TunnelRecord, probe_misses, uint8_t{11}),
      WITH(probed, TunnelRecord, probe_interval_s, uint16_t{0}),
      WITH(probed, TunnelRecord, probe_interval_s, uint16_t{601}),
      WITH(vxlan, TunnelRecord, probe, uint8_t{1}),
      WITH(bare, TunnelRecord, key_in, 1u),
      WITH(bare, TunnelRecord, key_out, 1u),
      WITH(vxlan, TunnelRecord, flags, uint16_t{kTunnelKeyIn}),
      WITH(vxlan, TunnelRecord, flags, uint16_t{kTunnelGreChecksum}),
      WITH(vxlan, TunnelRecord, remote, kHostBits4),
      WITH(vxlan, TunnelRecord, key_in, 0x1000000u),
      WITH(vxlan, TunnelRecord, key_out, 8u),
      WITH(vxlan, TunnelRecord, udp_port, uint16_t{0}),
      WITH(vxlan, TunnelRecord, mac, kZeroMac),
      WITH(vxlan, TunnelRecord, mac, kGroupMac),
      WITH(nvgre, TunnelRecord, flags, uint16_t{kTunnelUdpChecksum}),
      WITH(nvgre, TunnelRecord, udp_port, uint16_t{4789}),
      WITH(through, AdjacencyRecord, interface, 0u),
      WITH(through, AdjacencyRecord, mac, kZeroMac),
      WITH(through, AdjacencyRecord, mac, kGroupMac),
      WITH(through, AdjacencyRecord, next_hop, kZero),
      WITH(through, AdjacencyRecord, next_hop, kMulticast4),
      WITH(through, AdjacencyRecord, next_hop, kLinkLocal4),
      WITH(through, AdjacencyRecord, family, uint8_t{0}),
      WITH(through, AdjacencyRecord, reserved3, 1u),
  };
}

TEST_CASE("each field out of its range is refused, and named") {
  std::vector<Bad> all = AllBadFields();
  for (const Bad& bad : BadFieldsOfTunnels()) all.push_back(bad);
  for (const Bad& bad : all) {
    DYNAMIC_SECTION(bad.what) {
      const auto refusal = CheckFields(bad.record.bytes());
      REQUIRE(refusal.has_value());
      CHECK(refusal->field_offset == bad.field);
    }
  }
}

TEST_CASE("a group whose length and member count differ is malformed") {
  Record group = GroupOf(1, {1, 2});
  group.Set(offsetof(channel::NextHopGroupRecord, member_count), 3u);
  CHECK(static_cast<RefusalReason>(CheckFields(group.bytes())->reason) == RefusalReason::kMalformed);
}

}  // namespace
}  // namespace sluice::dataplane
