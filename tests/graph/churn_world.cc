// Records for the gateway and the same for the model.
#include "tests/graph/churn_world.h"

#include <string>

#include "proto/net/byte_writer.h"
#include "proto/net/check.h"

namespace sluice::testing {
namespace {

namespace fixture = dataplane::testing;
using channel::RecordType;
using fixture::Record;

constexpr uint32_t kMagic = 0x51ce15a7;  // as IsolationWorld::IdOf looks for
constexpr uint8_t kFirstHost = 100;

std::string Text(bool v4, const char* ipv4, const char* ipv6, unsigned number) {
  return std::string(v4 ? ipv4 : ipv6) + std::to_string(number);
}
std::string OnFarLink(bool v4, unsigned host) {
  return Text(v4, "10.9.0.", "2001:db8:9::", host);
}
std::string RoutePrefix(bool v4, unsigned route) {
  return Text(v4, "10.", "2001:db8:1", 16 + route) + (v4 ? ".0.0/16" : "::/48");
}
std::string BehindRoute(bool v4, unsigned route) {
  return Text(v4, "10.", "2001:db8:1", 16 + route) + (v4 ? ".3.4" : "::7");
}

// Says whose it is, in which family, who, and which version of it.
net::MacAddress Station(uint8_t tenant, bool v4, uint8_t host, uint8_t version = 0) {
  return {{0x02, 0x77, tenant, v4, host, version}};
}

uint32_t NearId(uint8_t tenant) {
  return 10u + tenant;
}
uint32_t FarId(uint8_t tenant) {
  return 20u + tenant;
}
uint32_t WanderId(uint8_t tenant) {
  return 30u + tenant;
}
uint32_t HopId(uint8_t tenant, uint8_t family, unsigned hop) {
  return 100u + tenant * 20u + family * 10u + hop;
}

Record GroupWith(uint8_t tenant, uint8_t family, unsigned members) {
  channel::NextHopGroupRecord record{.group = HopId(tenant, family, ChurnState::kGroup), .member_count = 0};
  for (unsigned hop = 0; hop < kHops; ++hop)
    if ((members >> hop & 1) != 0)
      record.members[record.member_count++] = {
          .adjacency = HopId(tenant, family, hop), .weight = 1, .flags = 0};
  return Record(
      RecordType::kNextHopGroup, record,
      offsetof(channel::NextHopGroupRecord, members) + record.member_count * sizeof(channel::GroupMember));
}

// Ports made of rings have no address of their own.
Record InterfaceWith(uint32_t id, uint8_t tenant, uint16_t vlan, uint16_t port) {
  Record record = fixture::InterfaceIs(id, tenant + 1u, vlan, port);
  return record.Set(offsetof(channel::InterfaceRecord, mac), kGatewayMac.bytes);
}

Record Near(uint8_t tenant, uint16_t port, bool strict_urpf) {
  Record record = InterfaceWith(NearId(tenant), tenant, VlanOfTenant(tenant, 0), port);
  const uint32_t flags = channel::kInterfaceUp | (strict_urpf ? channel::kInterfaceStrictUrpf : 0);
  using Flags = decltype(channel::InterfaceRecord::flags);
  return record.Set(offsetof(channel::InterfaceRecord, flags), static_cast<Flags>(flags));
}

Record Wander(uint8_t tenant, uint16_t port) {
  return InterfaceWith(WanderId(tenant), tenant, kWanderVlan, port);
}

Record StaticHop(uint8_t tenant, uint8_t family, uint8_t version) {
  const bool v4 = family == 0;
  return fixture::NeighborIs(FarId(tenant), OnFarLink(v4, 3), Station(tenant, v4, 3, version).ToString());
}

void AddFamily(uint8_t tenant, uint8_t family, const ChurnState::Family& state,
               std::vector<Record>& records) {
  const bool v4 = family == 0;
  for (unsigned hop = 0; hop < kHops; ++hop) {
    const uint32_t id = HopId(tenant, family, hop);
    records.push_back(fixture::AdjacencyTo(id, FarId(tenant), OnFarLink(v4, 2 + hop)));
    records.push_back(fixture::GroupOf(id, {id}));
  }
  records.push_back(StaticHop(tenant, family, 0));
  records.push_back(GroupWith(tenant, family, state.members));
  // Every next hop has a route, so that it is one to resolve.
  for (unsigned route = 0; route < kRoutes; ++route)
    records.push_back(fixture::RouteTo(tenant + 1u, RoutePrefix(v4, route), HopId(tenant, family, 0)));
  // What remains of IPv4 when a more specific route goes.
  if (v4) records.push_back(fixture::RouteTo(tenant + 1u, "10.16.0.0/12", HopId(tenant, family, 2)));
  // Two links, two connected prefixes.
  records.push_back(fixture::RouteTo(tenant + 1u, v4 ? "10.9.0.0/24" : "2001:db8:9::/64", FarId(tenant)));
  records.push_back(fixture::RouteTo(tenant + 1u, v4 ? "10.1.0.0/24" : "2001:db8:1::/64", NearId(tenant)));
}

}  // namespace

std::vector<Record> ChurnWorld::Initial(const std::array<uint16_t, 2>& ports) const {
  std::vector<Record> records = {fixture::BeginSync()};
  for (uint8_t tenant = 0; tenant < kTenants; ++tenant) {
    records.push_back(fixture::VrfIs(tenant + 1u));
    records.push_back(Near(tenant, ports[0], false));
    records.push_back(InterfaceWith(FarId(tenant), tenant, VlanOfTenant(tenant, 1), ports[1]));
    for (const char* address : {"10.1.0.254/24", "2001:db8:1::fe/64"})
      records.push_back(fixture::AddressIs(NearId(tenant), address));
    for (const char* address : {"10.9.0.254/24", "2001:db8:9::fe/64"})
      records.push_back(fixture::AddressIs(FarId(tenant), address));
    for (const uint32_t link : {NearId(tenant), FarId(tenant)}) {
      records.push_back(fixture::AdjacencyIs(link, channel::AdjacencyKind::kGlean, link));
      records.push_back(fixture::GroupOf(link, {link}));
    }
    for (uint8_t family = 0; family < 2; ++family)
      AddFamily(tenant, family, state_.tenants[tenant].family[family], records);
  }
  records.push_back(Wander(state_.wanderer, ports[0]));
  records.push_back(fixture::EndOfSync());
  return records;
}

std::vector<Record> ChurnWorld::Change(const std::array<uint16_t, 2>& ports) {
  Records records;
  for (uint8_t tenant = 0; tenant < kTenants; ++tenant)
    if (Below(4) != 0) ChangeTenant(tenant, ports, records);
  if (Below(3) == 0) {
    records.push_back(fixture::Delete(RecordType::kInterfaceDelete, WanderId(state_.wanderer)));
    state_.wanderer ^= 1;
    records.push_back(Wander(state_.wanderer, ports[0]));
  }
  return records;
}

void ChurnWorld::ChangeTenant(uint8_t tenant, const std::array<uint16_t, 2>& ports, Records& records) {
  ChurnState::Tenant& state = state_.tenants[tenant];
  const auto family = static_cast<uint8_t>(Below(2));
  switch (Below(5)) {
    case 0:
    case 1:
      return ChangeRoute(tenant, family, records);
    case 2:
      state.family[family].members = static_cast<uint8_t>(1 + Below(7));
      records.push_back(GroupWith(tenant, family, state.family[family].members));
      return;
    case 3:
      state.family[family].mac_version ^= 1;
      records.push_back(StaticHop(tenant, family, state.family[family].mac_version));
      return;
    case 4:
      state.strict_urpf = !state.strict_urpf;
      records.push_back(Near(tenant, ports[0], state.strict_urpf));
      return;
  }
}

void ChurnWorld::ChangeRoute(uint8_t tenant, uint8_t family, Records& records) {
  constexpr int8_t kTargets[] = {ChurnState::kAbsent, 0, 1, 2, ChurnState::kGroup};
  const uint32_t route = Below(kRoutes);
  int8_t& target = state_.tenants[tenant].family[family].route[route];
  const int8_t before = target;
  target = kTargets[Below(5)];
  if (target == before) return;
  const std::string prefix = RoutePrefix(family == 0, route);
  if (target == ChurnState::kAbsent)
    records.push_back(fixture::RouteTo(tenant + 1u, prefix, 0, RecordType::kRouteDelete));
  else
    records.push_back(
        fixture::RouteTo(tenant + 1u, prefix, HopId(tenant, family, static_cast<unsigned>(target))));
}

Shot ChurnWorld::RandomShot(uint8_t round) {
  Shot shot;
  shot.tenant = static_cast<uint8_t>(Below(kTenants));
  shot.wander = Below(8) == 0;
  shot.v4 = Below(2) == 0;
  shot.foreign_source = Below(5) == 0;
  shot.route = static_cast<int8_t>(Below(kRoutes + 2)) - 2 < 0 ? -1 : static_cast<int8_t>(Below(kRoutes));
  // Hosts that nobody spoke to yet: their first packets are held.
  shot.host = static_cast<uint8_t>(kFirstHost + (round * 4 + Below(4)) % 100);
  return shot;
}

Bytes ChurnWorld::FrameOf(const Shot& shot, uint32_t id) {
  net::ByteWriter marks;
  marks.U16(static_cast<uint16_t>(1024 + id % 64)).U16(4000).U16(8 + 16).U16(0);
  for (int i = 0; i < 2; ++i) marks.U32(kMagic).U32(id);
  const std::string destination = shot.route < 0 ? OnFarLink(shot.v4, shot.host)
                                                 : BehindRoute(shot.v4, static_cast<unsigned>(shot.route));
  const uint16_t vlan = shot.wander ? kWanderVlan : VlanOfTenant(shot.tenant, 0);
  Packet packet = Packet().Ethernet(kGatewayMac, Station(shot.tenant, shot.v4, 7)).Vlan(vlan);
  if (shot.v4)
    packet.Ipv4({.source = shot.foreign_source ? "172.31.0.7" : "10.1.0.7", .destination = destination});
  else
    packet.Ipv6(
        {.source = shot.foreign_source ? "2001:db8:ffff::7" : "2001:db8:1::7", .destination = destination});
  return packet.Transport(17, marks.Release()).frame();
}

void ChurnWorld::Allow(const ChurnState& state, uint8_t tenant, const Shot& shot, Verdicts& verdicts) {
  const ChurnState::Tenant& owner = state.tenants[tenant];
  const ChurnState::Family& family = owner.family[shot.v4 ? 0 : 1];
  // The wandering VLAN is never checked for its reverse path.
  if (shot.foreign_source && owner.strict_urpf && !shot.wander) {
    verdicts.dropped = true;
    return;
  }
  const auto through = [&](unsigned hop) {
    verdicts.to.insert(
        Station(tenant, shot.v4, static_cast<uint8_t>(2 + hop), hop == 1 ? family.mac_version : 0));
  };
  if (shot.route < 0) {
    // Held until the host answers; how many are is limited.
    verdicts.to.insert(Station(tenant, shot.v4, shot.host));
    verdicts.dropped = true;
    return;
  }
  const int8_t target = family.route[static_cast<size_t>(shot.route)];
  if (target == ChurnState::kAbsent && !shot.v4) {
    verdicts.dropped = true;
  } else if (target == ChurnState::kAbsent) {
    through(2);
  } else if (target != ChurnState::kGroup) {
    through(static_cast<unsigned>(target));
  } else {
    for (unsigned hop = 0; hop < kHops; ++hop)
      if ((family.members >> hop & 1) != 0) through(hop);
  }
}

uint8_t ChurnWorld::TenantOf(const net::MacAddress& mac) {
  return mac.bytes[0] == 2 && mac.bytes[1] == 0x77 && mac.bytes[2] < kTenants ? mac.bytes[2] : 255;
}

std::optional<net::MacAddress> ChurnWorld::HostAt(uint16_t vlan, const net::Address& address) {
  const uint8_t tenant = static_cast<uint8_t>(vlan % 10);
  if (vlan == kWanderVlan || tenant >= kTenants) return std::nullopt;
  const bool v4 = address.is_v4();
  // Decimal digits in both families.
  const std::string text = address.ToString();
  const auto host = static_cast<uint8_t>(std::stoi(text.substr(text.find_last_of(".:") + 1)));
  return Station(tenant, v4, host);
}

}  // namespace sluice::testing
