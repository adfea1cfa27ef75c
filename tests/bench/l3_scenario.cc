// Fills the tables of the l3 rows.
#include "tests/bench/l3_scenario.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "dataplane/packet/wire.h"
#include "proto/net/check.h"
#include "proto/net/checksum.h"
#include "tests/lib/route_set.h"

namespace sluice::bench {
namespace {

using namespace dataplane;  // NOLINT: this is about nothing else
using testing::Mac;
using testing::Random;

constexpr uint16_t kFrameBytes = 60;  // 64 with the FCS

net::Prefix ToPrefix(const testing::Ipv4Prefix& p) {
  return net::Prefix(net::Ipv4Address{p.address}, p.length);
}
net::Prefix ToPrefix(const testing::Ipv6Prefix& p) {
  return net::Prefix(net::Ipv6Address::FromHalves(p.high, p.low), p.length);
}

// A tenant with a few sites, each a /16 of its own.
constexpr unsigned kFewRoutes = 16;

std::vector<testing::Ipv4Prefix> SiteRoutes(uint64_t, unsigned count) {
  std::vector<testing::Ipv4Prefix> routes;
  for (unsigned i = 0; i < count; ++i) routes.push_back({0x0a010000 + (i << 16), 16});
  return routes;
}

void WriteL2(Flow& flow, const net::MacAddress& to, uint16_t vlan, uint16_t ether_type) {
  std::memcpy(flow.bytes, to.bytes.data(), 6);
  std::memcpy(flow.bytes + 6, Mac("02:00:00:00:00:01").bytes.data(), 6);
  StoreBe16(flow.bytes + 12, 0x8100);
  StoreBe16(flow.bytes + 14, vlan);
  StoreBe16(flow.bytes + 16, ether_type);
}

void WriteIpv4(Flow& flow, uint32_t source, uint32_t destination, Random& random) {
  flow.size = kFrameBytes + 4;
  uint8_t* ip = flow.bytes + 18;
  std::memset(ip, 0, sizeof flow.bytes - 18);
  ip[0] = 0x45;
  StoreBe16(ip + 2, 46);
  StoreBe16(ip + 4, static_cast<uint16_t>(random.Next()));
  ip[8] = 64;
  ip[9] = 17;
  StoreBe32(ip + 12, source);
  StoreBe32(ip + 16, destination);
  StoreBe16(ip + 10, net::Checksum(std::span(ip, 20)));
  StoreBe32(ip + 20, static_cast<uint32_t>(random.Next()));
  StoreBe16(ip + 24, 26);
}

void WriteIpv6(Flow& flow, const net::Ipv6Address& source, const net::Ipv6Address& destination,
               Random& random) {
  flow.size = sizeof flow.bytes;
  uint8_t* ip = flow.bytes + 18;
  std::memset(ip, 0, sizeof flow.bytes - 18);
  ip[0] = 0x60;
  StoreBe16(ip + 4, sizeof flow.bytes - 18 - 40);
  ip[6] = 17;
  ip[7] = 64;
  std::memcpy(ip + 8, source.bytes.data(), 16);
  std::memcpy(ip + 24, destination.bytes.data(), 16);
  StoreBe32(ip + 40, static_cast<uint32_t>(random.Next()));
  StoreBe16(ip + 44, 24);
}

net::Address Inside(const net::Prefix& prefix, Random& random) {
  if (prefix.address().is_v4())
    return net::Ipv4Address{
        testing::AddressIn(testing::Ipv4Prefix{prefix.address().v4().value, prefix.length()}, random)};
  const auto [high, low] = testing::AddressIn(
      testing::Ipv6Prefix{prefix.address().v6().High(), prefix.address().v6().Low(), prefix.length()},
      random);
  return net::Ipv6Address::FromHalves(high, low);
}

}  // namespace

L3Gateway::L3Gateway(const Scenario& scenario, const testing::HarnessOptions& options)
    : graph_(std::make_unique<testing::GraphHarness>(options)), prefixes_(scenario.vrfs) {
  for (unsigned tenant = 0; tenant < scenario.vrfs; ++tenant) AddTenant(scenario, tenant);
  AddFlows(scenario);
}

void L3Gateway::AddTenant(const Scenario& scenario, unsigned tenant) {
  const auto vrf = static_cast<VrfId>(tenant + 1);
  const auto in = static_cast<InterfaceId>(2 * tenant + 1), out = static_cast<InterfaceId>(2 * tenant + 2);
  const auto vlan = static_cast<uint16_t>(tenant + 1);
  graph_->AddVrf(vrf);
  graph_->AddInterface({.id = in, .vrf = vrf, .port = 0, .vlan = vlan}, {"15.0.0.5/24", "2001:db8:15::5/64"});
  graph_->AddInterface({.id = out, .vrf = vrf, .port = 1, .vlan = vlan},
                       {"15.0.1.5/24", "2001:db8:16::5/64"});
  for (unsigned i = 0; i < scenario.next_hops; ++i)
    graph_->AddNextHop(tenant * scenario.next_hops + i + 1, out, {{2, 0, 0, 1, static_cast<uint8_t>(i), 9}});
  if (scenario.routes <= kFewRoutes) {
    AddRoutes(scenario, tenant, SiteRoutes);
  } else if (scenario.ipv6) {
    AddRoutes(scenario, tenant, testing::GlobalRoutes6);
  } else if (scenario.internet) {
    AddRoutes(scenario, tenant, testing::InternetRoutes4);
  } else {
    AddRoutes(scenario, tenant, testing::TenantRoutes4);
  }
}

template <class Draw>
void L3Gateway::AddRoutes(const Scenario& scenario, unsigned tenant, Draw draw) {
  auto routes = draw(1 + tenant, scenario.routes);
  Random random(7 + tenant);
  for (const auto& route : routes) {
    const auto group =
        static_cast<GroupId>(tenant * scenario.next_hops + random.Below(scenario.next_hops) + 1);
    SLUICE_CHECK(graph_->tables().AddRoute(static_cast<VrfId>(tenant + 1), ToPrefix(route), group).ok());
    prefixes_[tenant].push_back(ToPrefix(route));
  }
}

void L3Gateway::AddFlows(const Scenario& scenario) {
  Random random(99);
  const net::MacAddress to = graph_->port(0).mac();
  flows_.reserve(scenario.flows);
  while (flows_.size() < scenario.flows) {
    const auto tenant = static_cast<unsigned>(random.Below(scenario.vrfs));
    const auto& prefixes = prefixes_[tenant];
    const net::Address destination = Inside(prefixes[random.Below(prefixes.size())], random);
    // 169.254.0.0/16 is in some Internet tables, but no router forwards it.
    if (destination.is_v4() && destination.v4().value >> 16 == 0xa9fe) continue;
    Flow flow{};
    WriteL2(flow, to, static_cast<uint16_t>(tenant + 1), scenario.ipv6 ? 0x86dd : 0x0800);
    if (scenario.ipv6) {
      const net::Address source = net::Ipv6Address::FromHalves(0x20010db800150000, random.Next());
      WriteIpv6(flow, source.v6(), destination.v6(), random);
    } else {
      // The hosts behind the connection: 10.0.0.0/16.
      const auto source = static_cast<uint32_t>(0x0a000000 | random.Below(65536));
      WriteIpv4(flow, source, destination.v4().value, random);
    }
    flows_.push_back(flow);
  }
}

}  // namespace sluice::bench
