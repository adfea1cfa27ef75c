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

constexpr uint16_t kL2Bytes = 18;
constexpr uint16_t kIpv4FrameBytes = 64, kIpv6FrameBytes = 82;
constexpr uint64_t kIpv6SourceHigh = 0x20010db800150000;

uint16_t Ipv4Checksum(const Flow& flow, const uint8_t* frame_template) {
  uint8_t ip[20];
  std::memcpy(ip, frame_template + kL2Bytes, sizeof ip);
  StoreBe32(ip + 12, static_cast<uint32_t>(flow.source_low));
  StoreBe32(ip + 16, static_cast<uint32_t>(flow.destination_low));
  return net::Checksum(ip);
}

void StoreBe64(uint8_t* to, uint64_t value) {
  StoreBe32(to, static_cast<uint32_t>(value >> 32));
  StoreBe32(to + 4, static_cast<uint32_t>(value));
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
    : graph_(std::make_unique<testing::GraphHarness>(options)),
      prefixes_(scenario.vrfs),
      ipv6_(scenario.ipv6),
      frame_bytes_(scenario.ipv6 ? kIpv6FrameBytes : kIpv4FrameBytes) {
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
  const net::MacAddress to = graph_->port(0).mac(), from = Mac("02:00:00:00:00:01");
  std::memcpy(template_, to.bytes.data(), 6);
  std::memcpy(template_ + 6, from.bytes.data(), 6);
  StoreBe16(template_ + 12, 0x8100);
  StoreBe16(template_ + 16, ipv6_ ? 0x86dd : 0x0800);
  uint8_t* ip = template_ + kL2Bytes;
  ip[0] = ipv6_ ? 0x60 : 0x45;
  if (ipv6_) {
    StoreBe16(ip + 4, kIpv6FrameBytes - kL2Bytes - 40);
    ip[6] = 17;
    ip[7] = 64;
    StoreBe64(ip + 8, kIpv6SourceHigh);
  } else {
    StoreBe16(ip + 2, kIpv4FrameBytes - kL2Bytes);
    ip[8] = 64;
    ip[9] = 17;
  }
  Random random(99);
  flows_.reserve(scenario.flows);
  while (flows_.size() < scenario.flows) {
    const auto tenant = static_cast<unsigned>(random.Below(scenario.vrfs));
    const auto& prefixes = prefixes_[tenant];
    const net::Address destination = Inside(prefixes[random.Below(prefixes.size())], random);
    // 169.254.0.0/16 is in some Internet tables, but no router forwards it.
    if (destination.is_v4() && destination.v4().value >> 16 == 0xa9fe) continue;
    Flow flow{};
    flow.vlan = static_cast<uint16_t>(tenant + 1);
    flow.ports = static_cast<uint32_t>(random.Next());
    if (ipv6_) {
      flow.source_low = random.Next();
      flow.destination_high = destination.v6().High();
      flow.destination_low = destination.v6().Low();
    } else {
      // The hosts behind the connection: 10.0.0.0/16.
      flow.source_low = 0x0a000000 | random.Below(65536);
      flow.destination_low = destination.v4().value;
      flow.checksum = Ipv4Checksum(flow, template_);
    }
    flows_.push_back(flow);
  }
}

uint16_t L3Gateway::WriteNext(uint8_t* frame) {
  Write(flows_[next_], frame);
  next_ = next_ + 1 == flows_.size() ? 0 : next_ + 1;
  return frame_bytes_;
}

void L3Gateway::Write(const Flow& flow, uint8_t* frame) const {
  std::memcpy(frame, template_, sizeof template_);
  StoreBe16(frame + 14, flow.vlan);
  uint8_t* ip = frame + kL2Bytes;
  if (ipv6_) {
    StoreBe64(ip + 16, flow.source_low);
    StoreBe64(ip + 24, flow.destination_high);
    StoreBe64(ip + 32, flow.destination_low);
    StoreBe32(ip + 40, flow.ports);
  } else {
    StoreBe16(ip + 10, flow.checksum);
    StoreBe32(ip + 12, static_cast<uint32_t>(flow.source_low));
    StoreBe32(ip + 16, static_cast<uint32_t>(flow.destination_low));
    StoreBe32(ip + 20, flow.ports);
  }
}

}  // namespace sluice::bench
