// Fills the tables of the tunnel rows, and writes their packets.
#include "tests/bench/tunnel_scenario.h"

#include <cstring>

#include "dataplane/packet/tunnel_header.h"
#include "proto/net/check.h"
#include "tests/bench/frame_writer.h"
#include "tests/lib/route_set.h"

namespace sluice::bench {
namespace {

using namespace dataplane;  // NOLINT: this is about nothing else
using testing::Mac;

constexpr InterfaceId kUnderlay = 1;
constexpr uint16_t kUnderlayVlan = 4000;
constexpr uint16_t kInnerBytes = 46;
constexpr uint16_t kVxlanPort = 4789;
constexpr uint32_t kLocal = 0xc0000201;     // 192.0.2.1
constexpr uint32_t kProvider = 0xc6120000;  // 198.18.0.0/15
const net::MacAddress kUnderlayRouter = Mac("02:00:00:00:00:03"), kSiteRouter = Mac("02:00:00:00:00:01");
const net::MacAddress kInnerGateway = Mac("02:00:5e:00:53:01"), kInnerHost = Mac("02:00:5e:00:53:99");

uint32_t ProviderOf(unsigned number) {
  return kProvider + 1 + number;
}

}  // namespace

TunnelTraffic::TunnelTraffic(const TunnelScenario& scenario, const testing::HarnessOptions& options)
    : scenario_(scenario), graph_(std::make_unique<testing::GraphHarness>(options)) {
  graph_->AddInterface({.id = kUnderlay,
                        .vrf = 0,
                        .port = static_cast<PortId>(scenario.decap ? 0 : 1),
                        .vlan = scenario.untagged ? uint16_t{0} : kUnderlayVlan},
                       {"192.0.2.1/24"});
  const uint32_t underlay = next_adjacency_++;
  graph_->AddNextHop(underlay, kUnderlay, kUnderlayRouter);
  graph_->AddRoute(0, "198.18.0.0/15", underlay);
  for (unsigned tenant = 0; tenant < scenario.tenants; ++tenant) AddTenant(tenant);
}

void TunnelTraffic::AddTenant(unsigned tenant) {
  const auto vrf = static_cast<VrfId>(tenant + 1);
  const auto site = static_cast<InterfaceId>(kUnderlay + 1 + tenant);
  graph_->AddVrf(vrf);
  graph_->AddInterface({.id = site,
                        .vrf = vrf,
                        .port = static_cast<PortId>(scenario_.decap ? 1 : 0),
                        .vlan = static_cast<uint16_t>(tenant + 1)},
                       {"10.1.255.254/24"});
  const uint32_t adjacency = next_adjacency_++;
  graph_->AddNextHop(adjacency, site, kSiteRouter);
  graph_->AddRoute(vrf, "10.1.0.0/16", adjacency);
  for (unsigned i = 0; i < scenario_.tunnels; ++i) AddTunnel(tenant, i);
}

void TunnelTraffic::AddTunnel(unsigned tenant, unsigned index) {
  const auto vrf = static_cast<VrfId>(tenant + 1);
  const unsigned number = tenant * scenario_.tunnels + index;
  const auto id = static_cast<InterfaceId>(kUnderlay + 1 + scenario_.tenants + number);
  const uint32_t key = number + 1;
  Tunnel tunnel{.kind = scenario_.kind,
                .flags = channel::kTunnelUp,
                .ttl = 64,
                .key_in = key,
                .key_out = key,
                .local = net::Ipv4Address{kLocal}};
  const bool gre = tunnel.kind == TunnelKind::kGre;
  if (gre) {
    tunnel.flags |= channel::kTunnelKeyIn | channel::kTunnelKeyOut;
    tunnel.remote = net::Ipv4Address{ProviderOf(number)};
  } else {
    tunnel.mac = kInnerGateway;
  }
  if (tunnel.kind == TunnelKind::kVxlan) tunnel.udp_port = kVxlanPort;
  SLUICE_CHECK(graph_->tables().PutTunnel({.id = id, .vrf = vrf, .port = kNoPort}, tunnel).ok());
  if (gre)
    return AddWay(vrf, id, tunnel.remote, net::Prefix(net::Ipv4Address{0x0a000000 | (index + 3) << 16}, 16));
  for (unsigned host = 0; host < scenario_.hosts; ++host) {
    const net::Address provider = net::Ipv4Address{ProviderOf(host)};
    SLUICE_CHECK(graph_->tables().tunnels.AddHost(id, provider).ok());
    AddWay(vrf, id, provider, net::Prefix(net::Ipv4Address{0x0a030000 + host}, 32));
  }
}

void TunnelTraffic::AddWay(VrfId vrf, InterfaceId tunnel, const net::Address& provider,
                           const net::Prefix& prefix) {
  const uint32_t id = next_adjacency_++;
  const Adjacency adjacency{.kind = AdjacencyKind::kTunnel,
                            .interface = tunnel,
                            .next_hop = provider,
                            .remote = *graph_->tables().tunnels.remotes.Acquire(provider),
                            .mtu = 1400,
                            .neighbor_mac = kInnerHost,
                            .live = true};
  SLUICE_CHECK(graph_->tables().PutAdjacency(id, adjacency).ok());
  const GroupMember member{id};
  SLUICE_CHECK(graph_->tables().groups.Put(id, std::span(&member, 1)).ok());
  SLUICE_CHECK(graph_->tables().AddRoute(vrf, prefix, id).ok());
}

// Made anew each time instead of kept: what the generator reads would take room in
// the cache from what is measured.
TunnelTraffic::Flow TunnelTraffic::FlowAt(unsigned number) const {
  testing::Random random(0x99000000u + number);
  const bool gre = scenario_.kind == TunnelKind::kGre;
  const auto tenant = static_cast<unsigned>(random.Below(scenario_.tenants));
  const auto index = static_cast<unsigned>(random.Below(scenario_.tunnels));
  const unsigned tunnel = tenant * scenario_.tunnels + index;
  const auto host = gre ? 0 : static_cast<unsigned>(random.Below(scenario_.hosts));
  Flow flow{};
  flow.far =
      gre ? static_cast<uint32_t>(0x0a000000 | (index + 3) << 16 | random.Below(65536)) : 0x0a030000 + host;
  // Not our own 10.1.255.254.
  flow.near = static_cast<uint32_t>(0x0a010000 | random.Below(0xff00));
  flow.provider = ProviderOf(gre ? tunnel : host);
  flow.key = tunnel + 1;
  flow.ports = static_cast<uint32_t>(random.Next());
  flow.vlan = static_cast<uint16_t>(tenant + 1);
  return flow;
}

uint8_t* TunnelTraffic::WriteOuter(const Flow& flow, uint8_t* at) const {
  const bool vxlan = scenario_.kind == TunnelKind::kVxlan, gre = scenario_.kind == TunnelKind::kGre;
  const auto payload = static_cast<uint16_t>((vxlan ? 16 : 8) + (gre ? 0 : kEthernetBytes) + kInnerBytes);
  at = WriteIpv4(at, flow.provider, kLocal, vxlan ? kProtocolUdp : kProtocolGre,
                 static_cast<uint16_t>(kIpv4HeaderBytes + payload));
  if (vxlan) {
    StoreBe16(at, static_cast<uint16_t>(49152 | (flow.ports & 0x3fff)));
    StoreBe16(at + 2, kVxlanPort);
    StoreBe16(at + 4, payload);
    StoreBe16(at + 6, 0);
    StoreBe32(at + 8, 0x08000000);
    StoreBe32(at + 12, flow.key << 8);
    at += 16;
  } else {
    StoreBe16(at, kGreKeyPresent);
    StoreBe16(at + 2, gre ? kEtherTypeIpv4 : kEtherTypeTransparentEthernet);
    StoreBe32(at + 4, gre ? flow.key : flow.key << 8 | (flow.ports & 0xff));
    at += 8;
  }
  return gre ? at : WriteEthernet(at, kInnerGateway, kInnerHost, 0);
}

uint8_t* TunnelTraffic::WriteInner(const Flow& flow, uint8_t* at) const {
  const uint32_t source = scenario_.decap ? flow.far : flow.near;
  const uint32_t destination = scenario_.decap ? flow.near : flow.far;
  at = WriteIpv4(at, source, destination, kProtocolUdp, kInnerBytes);
  std::memset(at, 0, kInnerBytes - kIpv4HeaderBytes);
  StoreBe32(at, flow.ports);
  StoreBe16(at + 4, kInnerBytes - kIpv4HeaderBytes);
  return at + kInnerBytes - kIpv4HeaderBytes;
}

uint16_t TunnelTraffic::WriteNext(uint8_t* frame) {
  const Flow flow = FlowAt(next_);
  next_ = next_ + 1 == scenario_.flows ? 0 : next_ + 1;
  const net::MacAddress& ours = graph_->port(0).mac();
  uint8_t* at = frame;
  if (scenario_.decap) {
    at = WriteEthernet(at, ours, kUnderlayRouter, scenario_.untagged ? uint16_t{0} : kUnderlayVlan);
    at = WriteOuter(flow, at);
  } else {
    at = WriteEthernet(at, ours, kSiteRouter, flow.vlan);
  }
  return static_cast<uint16_t>(WriteInner(flow, at) - frame);
}

}  // namespace sluice::bench
