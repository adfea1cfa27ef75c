// The gateway's inner addresses in a virtual network: hosts ask for its MAC in ARP
// and Neighbor Discovery through the overlay, and are answered through it.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "dataplane/slowpath/arp_packet.h"
#include "dataplane/slowpath/ethernet_frame.h"
#include "dataplane/slowpath/nd_packet.h"
#include "dataplane/slowpath/slow_path.h"
#include "proto/net/checksum.h"
#include "tests/graph/eal_for_tests.h"
#include "tests/graph/same_frame.h"
#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

using namespace dataplane;  // NOLINT: the tests speak of nothing else
using Drops = std::map<std::string, uint64_t>;

constexpr uint32_t kVni = 5001;
const net::MacAddress kBroadcast = Mac("ff:ff:ff:ff:ff:ff");

struct SilentAgent final : NeighborSink {
  bool Push(const NeighborUpdate&) override { return ++updates != 0; }
  bool Push(const DuplicateAddressReport&) override { return ++duplicates != 0; }
  bool Push(const PathMtuReport&) override { return true; }
  bool Push(const PortLinkChange&) override { return true; }
  bool Push(const PeerReport&) override { return true; }
  uint32_t updates = 0;
  uint32_t duplicates = 0;
};

// The tunnel gateway with a slow path behind its workers. Interface 4 is an overlay
// of VRF 1 with the addresses 10.3.0.254/24 and 2001:db8:3::fe/64; its host is
// 198.51.100.2, or over IPv6 2001:db8:e::2.
struct OverlayGateway : TunnelGateway {
  OverlayGateway(TunnelKind tunnel_kind, bool over_ipv6)
      : TunnelGateway(AnyWorkers()),
        kind(tunnel_kind),
        outer6(over_ipv6),
        pool(CreatePool("overlay_slow", 256, 0, 2048)),
        memory(*channel::ChannelMemory::Create({}, 1)),
        control(memory),
        qsbr(OneReader(), std::free) {
    AddTunnel({.kind = kind,
               .flags = kind == TunnelKind::kVxlan ? uint16_t{channel::kTunnelUdpChecksum} : uint16_t{0},
               .key_in = kVni,
               .key_out = kVni,
               .udp_port = static_cast<uint16_t>(kind == TunnelKind::kVxlan ? 4789 : 0)},
              outer6 ? "2001:db8:e::2" : "198.51.100.2");
    SlowPathOptions options;
    for (uint16_t worker = 0; worker < workers(); ++worker)
      options.workers.push_back({punt_rings(worker), inject_ring(worker)});
    options.pool = pool;
    options.counters = slow_path_counters();
    slow_path = std::make_unique<SlowPath>(options, tables(), *qsbr, 0, requests, agent, control);
    requests.Push(InterfaceChange{.interface = 4,
                                  .vrf = 1,
                                  .port = kNoPort,
                                  .mac = kInnerGateway,
                                  .addresses = {*net::InterfaceAddress::Parse("10.3.0.254/24"),
                                                *net::InterfaceAddress::Parse("2001:db8:3::fe/64")}});
    AddLocal("10.3.0.254");
    AddLocal("2001:db8:3::fe");
    Run();
  }
  ~OverlayGateway() {
    slow_path.reset();
    rte_mempool_free(pool);
  }
  void AddLocal(const char* address) { SLUICE_CHECK(tables().AddLocalAddress(1, Ip(address)).ok()); }
  void Run() {
    Settle();
    slow_path->Turn(now);
    Settle();
  }
  // From the host, through the tunnel; what comes back, from the outer IP header on.
  void Ask(const Bytes& inner) {
    Packet packet = FromUnderlay();
    if (outer6) {
      packet.Ipv6({.source = "2001:db8:e::2", .destination = "2001:db8:f::1"});
    } else {
      packet.Ipv4({.source = "198.51.100.2", .destination = "192.0.2.1"});
    }
    Push(1, packet.Transport(Protocol(), Header(50000, inner.size()) + inner).frame());
    Run();
  }
  uint8_t Protocol() const { return kind == TunnelKind::kVxlan ? 17 : 47; }
  Bytes Header(uint16_t source_port, size_t inner_bytes) const {
    const auto byte = [](size_t value) { return static_cast<uint8_t>(value); };
    if (kind == TunnelKind::kNvgre) return {0x20, 0, 0x65, 0x58, 0, byte(kVni >> 8), byte(kVni), 0};
    const size_t length = 16 + inner_bytes;
    return {byte(source_port >> 8),
            byte(source_port),
            0x12,
            0xb5,
            byte(length >> 8),
            byte(length),
            0,
            0,
            8,
            0,
            0,
            0,
            0,
            byte(kVni >> 8),
            byte(kVni),
            0};
  }
  // The answer as it must be on the wire, but for a UDP checksum over IPv6.
  Bytes Expected(const Bytes& inner) {
    Packet packet = ToUnderlay();
    if (outer6) {
      packet.Ipv6({.source = "2001:db8:f::1", .destination = "2001:db8:e::2"});
    } else {
      packet.Ipv4(
          {.source = "192.0.2.1", .destination = "198.51.100.2", .identification = 0, .fragment = 0x4000});
    }
    return packet.Transport(Protocol(), Header(49152, inner.size()) + inner).frame();
  }

  const TunnelKind kind;
  const bool outer6;
  rte_mempool* pool;
  channel::ChannelMemory memory;
  channel::PacketPort control;
  std::unique_ptr<rte_rcu_qsbr, void (*)(void*)> qsbr;
  NeighborMailbox requests;
  SilentAgent agent;
  std::unique_ptr<SlowPath> slow_path;
  Instant now{std::chrono::seconds(1000)};
};

Bytes ArpQuestion(const char* target, const char* sender = "10.3.0.9") {
  return BuildEthernetFrame(
      kBroadcast, kInnerHost, 0, 0x0806,
      BuildArp({ArpOperation::kRequest, kInnerHost, Ip(sender).v4(), {}, Ip(target).v4()}));
}

Bytes ArpAnswer() {
  return BuildEthernetFrame(kInnerHost, kInnerGateway, 0, 0x0806,
                            BuildArp({ArpOperation::kReply, kInnerGateway, Ip("10.3.0.254").v4(), kInnerHost,
                                      Ip("10.3.0.9").v4()}));
}

Bytes Solicitation(const char* target) {
  NdPacket packet;
  packet.source = Ip("2001:db8:3::9").v6();
  packet.target = Ip(target).v6();
  packet.destination = packet.target.SolicitedNode();
  packet.link_layer = kInnerHost;
  return BuildEthernetFrame(MulticastMac(packet.destination), kInnerHost, 0, 0x86dd, BuildNd(packet));
}

Bytes Advertisement(const char* target) {
  NdPacket packet;
  packet.kind = NdKind::kAdvertisement;
  packet.source = packet.target = Ip(target).v6();
  packet.destination = Ip("2001:db8:3::9").v6();
  packet.link_layer = kInnerGateway;
  packet.router = packet.solicited = packet.override_cached = true;
  return BuildEthernetFrame(kInnerHost, kInnerGateway, 0, 0x86dd, BuildNd(packet));
}

TEST_CASE("a question for the gateway's inner address is answered through the overlay") {
  const TunnelKind kind = GENERATE(TunnelKind::kVxlan, TunnelKind::kNvgre);
  const bool outer6 = GENERATE(false, true);
  INFO((kind == TunnelKind::kVxlan ? "VXLAN" : "NVGRE") << (outer6 ? " over IPv6" : " over IPv4"));
  OverlayGateway gateway(kind, outer6);
  const struct {
    const char* what;
    Bytes question, answer;
  } rows[] = {
      {"ARP", ArpQuestion("10.3.0.254"), ArpAnswer()},
      {"Neighbor Discovery", Solicitation("2001:db8:3::fe"), Advertisement("2001:db8:3::fe")},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    gateway.Ask(row.question);
    const auto sent = gateway.Sent(1);
    REQUIRE(sent.size() == 1);
    Bytes expected = gateway.Expected(row.answer);
    // Ethernet, VLAN tag, IPv6, then the checksum's place in UDP.
    constexpr size_t kUdpAt = 18 + 40, kChecksumAt = kUdpAt + 6;
    if (outer6 && kind == TunnelKind::kVxlan) {
      const Bytes pseudo(sent[0].begin() + 18 + 8, sent[0].begin() + 18 + 40);
      const Bytes udp(sent[0].begin() + kUdpAt, sent[0].end());
      const uint64_t sum = net::ChecksumAdd(pseudo, udp.size() + uint64_t{17});
      CHECK(net::ChecksumFinish(net::ChecksumAdd(udp, sum)) == 0);
      CHECK((sent[0][kChecksumAt] | sent[0][kChecksumAt + 1]) != 0);
      std::copy_n(sent[0].begin() + kChecksumAt, 2, expected.begin() + kChecksumAt);
    }
    CHECK(sent[0] == expected);
  }
  CHECK(gateway.AllDrops().empty());
  CHECK(gateway.mbufs_in_use() == 0);
  CHECK(rte_mempool_in_use_count(gateway.pool) == 0);
  // Nobody was learned, asked or told: control says who is there.
  CHECK(gateway.agent.updates == 0);
}

TEST_CASE("questions for others in an overlay are drops of the tenant, by reason") {
  OverlayGateway gateway(TunnelKind::kVxlan, false);
  gateway.Ask(ArpQuestion("10.3.0.77"));
  gateway.Ask(Solicitation("2001:db8:3::77"));
  gateway.Ask(ArpAnswer());  // to another host, so not for us
  const auto to_us = [](const net::MacAddress& sender) {
    const ArpPacket reply{ArpOperation::kReply, sender, Ip("10.3.0.9").v4(), kInnerGateway,
                          Ip("10.3.0.254").v4()};
    return BuildEthernetFrame(kInnerGateway, sender, 0, 0x0806, BuildArp(reply));
  };
  gateway.Ask(to_us(kInnerHost));
  gateway.Ask(to_us(kInnerGateway));
  CHECK(gateway.Sent(1).empty());
  CHECK(gateway.AllDrops() == Drops{{"vrf 1 neighbor_not_for_us", 2},
                                    {"vrf 1 tunnel_inner_mac", 1},
                                    {"vrf 1 neighbor_unasked", 1},
                                    {"vrf 1 neighbor_reflected", 1}});
  CHECK(gateway.mbufs_in_use() == 0);
}

TEST_CASE("an overlay is never announced on and time asks nobody there") {
  OverlayGateway gateway(TunnelKind::kVxlan, false);
  for (int second = 0; second < 100; ++second) {
    gateway.now += std::chrono::seconds(1);
    gateway.Run();
  }
  CHECK(gateway.Sent(0).empty());
  CHECK(gateway.Sent(1).empty());
  CHECK(gateway.AllDrops().empty());
}

TEST_CASE("a host that claims the gateway's address is reported and told better") {
  OverlayGateway gateway(TunnelKind::kVxlan, false);
  gateway.Ask(ArpQuestion("10.3.0.9", "10.3.0.254"));
  CHECK(gateway.agent.duplicates == 1);
  const auto sent = gateway.Sent(1);
  REQUIRE(sent.size() == 1);
  const Bytes announcement = BuildEthernetFrame(
      kBroadcast, kInnerGateway, 0, 0x0806,
      BuildArp({ArpOperation::kRequest, kInnerGateway, Ip("10.3.0.254").v4(), {}, Ip("10.3.0.254").v4()}));
  CHECK(sent[0] == gateway.Expected(announcement));
}

TEST_CASE("a frame for an overlay goes to its own hosts only, or is a drop of its tenant") {
  OverlayGateway gateway(TunnelKind::kVxlan, false);
  const Bytes frame = ArpAnswer();
  PacketMetadata good{};
  good.inject_kind = InjectKind::kOverlayFrame;
  good.vrf = 1;
  good.egress_interface = 4;
  const uint8_t host[4] = {198, 51, 100, 2};
  std::copy_n(host, 4, good.next_hop);
  gateway.Inject(good, frame);
  gateway.Settle();
  REQUIRE(gateway.Sent(1).size() == 1);

  const auto refused = [&](PacketMetadata meta, const Bytes& bytes) {
    gateway.Inject(meta, bytes);
    gateway.Settle();
    return gateway.Sent(0).empty() && gateway.Sent(1).empty();
  };
  PacketMetadata other_host = good, other_tenant = good, no_tunnel = good, nowhere = good;
  other_host.next_hop[3] = 3;
  other_tenant.vrf = 0;
  no_tunnel.egress_interface = 1;
  nowhere.egress_interface = 60000;
  CHECK(refused(other_host, frame));
  CHECK(refused(no_tunnel, frame));
  CHECK(refused(nowhere, frame));
  CHECK(refused(good, Bytes(13)));
  CHECK(refused(other_tenant, frame));
  CHECK(gateway.AllDrops() == Drops{{"vrf 1 inject_invalid", 4}, {"vrf 0 inject_invalid", 1}});
  CHECK(gateway.mbufs_in_use() == 0);
}

}  // namespace
}  // namespace sluice::testing
