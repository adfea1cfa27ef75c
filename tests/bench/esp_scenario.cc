// Fills the tables of the ESP rows, and writes their packets, sealed where they arrive so.
#include "tests/bench/esp_scenario.h"

#include <algorithm>
#include <cstring>

#include "dataplane/packet/esp.h"
#include "dataplane/packet/icmp.h"
#include "proto/net/check.h"
#include "tests/bench/frame_writer.h"
#include "tests/lib/route_set.h"

namespace sluice::bench {
namespace {

using namespace dataplane;  // NOLINT: this is about nothing else
using testing::Mac;

constexpr InterfaceId kUnderlay = 1;
constexpr uint16_t kUnderlayVlan = 4000;
constexpr unsigned kTenantsMax = 100;
constexpr uint32_t kLocal = 0xc0000201;     // 192.0.2.1
constexpr uint32_t kProvider = 0xc6120001;  // in 198.18.0.0/15
constexpr uint16_t kWindow = 1024;
const net::MacAddress kUnderlayRouter = Mac("02:00:00:00:00:03"), kSiteRouter = Mac("02:00:00:00:00:01");

uint32_t SpiOf(unsigned number) {
  return 0x01000000 | (number & 0xff) << 16 | number >> 8;
}

SaId OutboundId(unsigned number) {
  return 2 * number + 1;
}
SaId InboundId(unsigned number) {
  return 2 * number + 2;
}

EspCrypto NewCrypto() {
  auto crypto = EspCrypto::Create();
  SLUICE_CHECK(crypto.ok());
  return *std::move(crypto);
}

}  // namespace

uint16_t InnerBytesOf(uint16_t frame_bytes, unsigned packet) {
  constexpr uint16_t kImix[12] = {64, 570, 64, 64, 570, 64, 1420, 64, 570, 64, 570, 64};
  const uint16_t frame = frame_bytes != 0 ? frame_bytes : kImix[packet % 12];
  return static_cast<uint16_t>(frame - 18);
}

EspTraffic::EspTraffic(const EspScenario& scenario, const testing::HarnessOptions& options)
    : scenario_(scenario),
      tenants_(std::min(scenario.sas, kTenantsMax)),
      graph_(std::make_unique<testing::GraphHarness>(options)),
      crypto_(NewCrypto()),
      far_sequence_(scenario.sas) {
  const EspSuite& suite = SuiteOf(scenario.suite);
  key_.resize(suite.key_bytes + suite.salt_bytes);
  integrity_key_.resize(suite.integrity_key_bytes);
  graph_->AddInterface({.id = kUnderlay,
                        .vrf = 0,
                        .port = static_cast<PortId>(scenario.decrypt ? 0 : 1),
                        .vlan = kUnderlayVlan},
                       {"192.0.2.1/24"});
  const uint32_t underlay = next_adjacency_++;
  graph_->AddNextHop(underlay, kUnderlay, kUnderlayRouter);
  graph_->AddRoute(0, "198.18.0.0/15", underlay);
  for (unsigned tenant = 0; tenant < tenants_; ++tenant) AddTenant(tenant);
  for (unsigned number = 0; number < scenario.sas; ++number) AddTunnel(number);
}

void EspTraffic::AddTenant(unsigned tenant) {
  const auto vrf = static_cast<VrfId>(tenant + 1);
  const auto site = static_cast<InterfaceId>(kUnderlay + 1 + tenant);
  graph_->AddVrf(vrf);
  graph_->AddInterface({.id = site,
                        .vrf = vrf,
                        .port = static_cast<PortId>(scenario_.decrypt ? 1 : 0),
                        .vlan = static_cast<uint16_t>(tenant + 1)},
                       {"10.1.255.254/24"});
  const uint32_t adjacency = next_adjacency_++;
  graph_->AddNextHop(adjacency, site, kSiteRouter);
  graph_->AddRoute(vrf, "10.1.0.0/16", adjacency);
}

// Each SA has keys of its own, or the cipher's tables would be one SA's.
EspKeyMaterial EspTraffic::KeysOf(unsigned number) {
  for (size_t i = 0; i < key_.size(); ++i) key_[i] = static_cast<uint8_t>(number >> (i % 3 * 8) ^ i);
  for (size_t i = 0; i < integrity_key_.size(); ++i) integrity_key_[i] = static_cast<uint8_t>(number + i);
  return {key_, integrity_key_};
}

InterfaceId EspTraffic::TunnelOf(unsigned number) const {
  return static_cast<InterfaceId>(kUnderlay + 1 + tenants_ + number);
}

void EspTraffic::InstallSas(unsigned number) {
  Tables& tables = graph_->tables();
  SaDescription sa{.id = OutboundId(number),
                   .tunnel = TunnelOf(number),
                   .spi = SpiOf(number),
                   .suite = scenario_.suite,
                   .slot = SlotOfSpi(SpiOf(number))};
  sa.endpoints = {net::Ipv4Address{kLocal}, net::Ipv4Address{kProvider + number}};
  const EspKeyMaterial keys = KeysOf(number);
  SLUICE_CHECK(tables.sas.Put(sa, crypto_.library(), keys).ok());
  SLUICE_CHECK(tables.sas.PutPolicies(sa.tunnel, std::vector<OutboundPolicy>{{{}, sa.id}}).ok());
  sa.id = InboundId(number);
  sa.direction = EspDirection::kInbound;
  sa.slot = 0;
  sa.window = kWindow;
  // Nobody's range is 0.0.0.0 to 255.255.255.255, but it has to be looked at.
  const AddressRange all{{0, 0}, {0, 0xffffffff}};
  sa.selectors = {{.family = 4, .local = all, .remote = all}};
  SLUICE_CHECK(tables.sas.Put(sa, crypto_.library(), keys).ok());
}

void EspTraffic::AddTunnel(unsigned number) {
  const auto vrf = static_cast<VrfId>(number % tenants_ + 1);
  const InterfaceId id = TunnelOf(number);
  const net::Address remote = net::Ipv4Address{kProvider + number};
  const Tunnel tunnel{.kind = TunnelKind::kEsp,
                      .flags = channel::kTunnelUp,
                      .ttl = 64,
                      .local = net::Ipv4Address{kLocal},
                      .remote = remote};
  Tables& tables = graph_->tables();
  SLUICE_CHECK(tables.PutTunnel({.id = id, .vrf = vrf, .port = kNoPort}, tunnel).ok());
  InstallSas(number);
  if (scenario_.decrypt) {
    far_keys_.push_back(std::make_unique<EspKeys>());
    far_transforms_.push_back(*ExpandEspKeys(crypto_.library(), SuiteOf(scenario_.suite),
                                             EspDirection::kOutbound, false, KeysOf(number),
                                             *far_keys_.back()));
  }
  const uint32_t adjacency = next_adjacency_++;
  SLUICE_CHECK(tables
                   .PutAdjacency(adjacency, {.kind = AdjacencyKind::kTunnel,
                                             .interface = id,
                                             .next_hop = remote,
                                             .remote = *tables.tunnels.remotes.Acquire(remote),
                                             .mtu = 1430,
                                             .live = true})
                   .ok());
  const GroupMember member{adjacency};
  SLUICE_CHECK(tables.groups.Put(adjacency, std::span(&member, 1)).ok());
  const net::Prefix prefix(net::Ipv4Address{0x0a000000 | (number / tenants_ + 3) << 16}, 16);
  SLUICE_CHECK(tables.AddRoute(vrf, prefix, adjacency).ok());
}

uint8_t* EspTraffic::WriteInner(unsigned number, uint16_t bytes, uint8_t* at) {
  testing::Random random(0x99000000u + next_packet_);
  const auto far = static_cast<uint32_t>(0x0a000000 | (number / tenants_ + 3) << 16 | random.Below(65536));
  const auto near = static_cast<uint32_t>(0x0a010000 | random.Below(0xff00));
  at = WriteIpv4(at, scenario_.decrypt ? far : near, scenario_.decrypt ? near : far, kProtocolUdp, bytes);
  std::memset(at, 0, bytes - size_t{kIpv4HeaderBytes});
  return at + bytes - kIpv4HeaderBytes;
}

uint16_t EspTraffic::WriteSealed(unsigned number, uint16_t inner_bytes, uint8_t* frame) {
  const EspTransform& transform = far_transforms_[number];
  const uint32_t esp_bytes = EspBytes(transform, inner_bytes);
  uint8_t* at = WriteEthernet(frame, graph_->port(0).mac(), kUnderlayRouter, kUnderlayVlan);
  uint8_t* const esp = WriteIpv4(at, kProvider + number, kLocal, kProtocolEsp,
                                 static_cast<uint16_t>(kIpv4HeaderBytes + esp_bytes));
  const uint64_t sequence = ++far_sequence_[number];
  StoreEspHeader(esp, SpiOf(number), sequence);
  uint8_t* const trailer = WriteInner(number, inner_bytes, esp + kEspHeaderBytes + transform.iv_bytes);
  StoreEspTrailer(trailer, EspPadBytes(inner_bytes, transform.alignment), kNextHeaderIpv4);
  EspRequest request{&transform, esp, sequence, esp_bytes};
  crypto_.Seal(std::span(&request, 1));
  return static_cast<uint16_t>(esp + esp_bytes - frame);
}

uint16_t EspTraffic::WriteNext(uint8_t* frame) {
  testing::Random random(0x77000000u + next_packet_);
  const auto number = static_cast<unsigned>(random.Below(scenario_.sas));
  const uint16_t bytes = InnerBytesOf(scenario_.bytes, next_packet_);
  ++next_packet_;
  if (scenario_.decrypt) return WriteSealed(number, bytes, frame);
  uint8_t* const at =
      WriteEthernet(frame, graph_->port(0).mac(), kSiteRouter, static_cast<uint16_t>(number % tenants_ + 1));
  return static_cast<uint16_t>(WriteInner(number, bytes, at) - frame);
}

}  // namespace sluice::bench
