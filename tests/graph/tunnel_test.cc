// GRE, VXLAN and NVGRE through the whole graph: packets in, packets out.
#include <catch2/catch.hpp>

#include "tests/graph/same_frame.h"
#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

using dataplane::DropReason;
using dataplane::Tunnel;
using dataplane::TunnelKind;

constexpr uint16_t kKeyed = channel::kTunnelKeyIn | channel::kTunnelKeyOut;

Tunnel Gre(uint32_t key_in, uint32_t key_out) {
  return {.kind = TunnelKind::kGre, .flags = kKeyed, .ttl = 64, .key_in = key_in, .key_out = key_out};
}
Tunnel Vxlan(uint32_t vni) {
  return {.kind = TunnelKind::kVxlan, .ttl = 64, .key_in = vni, .key_out = vni, .udp_port = 4789};
}
Tunnel Nvgre(uint32_t vsid) {
  return {.kind = TunnelKind::kNvgre, .ttl = 64, .key_in = vsid, .key_out = vsid};
}

// From a host behind the tunnel to one behind kHost on interface 1.
Packet InnerIn() {
  return Packet().Ipv4({.source = "10.3.0.1", .destination = "10.1.0.1"}).Udp(5, 6);
}
Packet InnerIn6() {
  return Packet().Ipv6({.source = "2001:db8:3::1", .destination = "2001:db8:1::1"}).Udp(5, 6);
}
// The way back, as kHost sends it.
Ipv4Fields OutFields(uint8_t ttl) {
  return {.source = "10.1.0.1", .destination = "10.3.0.1", .ttl = ttl};
}
Ipv6Fields OutFields6(uint8_t hops) {
  return {.source = "2001:db8:1::1", .destination = "2001:db8:3::1", .hop_limit = hops};
}
Bytes InnerFrame(const Packet& packet, uint16_t ether_type = 0x0800) {
  const Bytes type = {static_cast<uint8_t>(ether_type >> 8), static_cast<uint8_t>(ether_type)};
  const auto& to = kInnerGateway.bytes;
  const auto& from = kInnerHost.bytes;
  return Bytes(to.begin(), to.end()) + Bytes(from.begin(), from.end()) + type + packet.ip();
}
const Ipv4Fields kOuterIn{.source = "198.51.100.2", .destination = "192.0.2.1"};
const Ipv6Fields kOuterIn6{.source = "2001:db8:e::2", .destination = "2001:db8:f::1"};

Bytes VxlanHeader(uint32_t vni, size_t inner_bytes, uint16_t source_port = 50000) {
  const auto length = static_cast<uint16_t>(16 + inner_bytes);
  const auto byte = [](uint32_t value) { return static_cast<uint8_t>(value); };
  return {byte(source_port >> 8u),
          byte(source_port),
          0x12,
          0xb5,
          byte(length >> 8u),
          byte(length),
          0,
          0,
          8,
          0,
          0,
          0,
          byte(vni >> 16),
          byte(vni >> 8),
          byte(vni),
          0};
}
Bytes Numbered(Bytes header, uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) header.push_back(static_cast<uint8_t>(number >> shift));
  return header;
}

}  // namespace

TEST_CASE("what comes out of a GRE tunnel is routed in its tenant") {
  TunnelGateway graph(AnyWorkers());
  graph.AddTunnel(Gre(7, 9), "198.51.100.2");
  graph.AddTunnel(Gre(7, 9), "2001:db8:e::2", 5, 1);
  const Bytes gre4 = Numbered({0x20, 0, 0x08, 0x00}, 7), gre6 = Numbered({0x20, 0, 0x86, 0xdd}, 7);
  const Packet out4 =
      graph.Back().Ipv4({.source = "10.3.0.1", .destination = "10.1.0.1", .ttl = 63}).Udp(5, 6);
  const Packet out6 = graph.Back()
                          .Ipv6({.source = "2001:db8:3::1", .destination = "2001:db8:1::1", .hop_limit = 63})
                          .Udp(5, 6);
  const struct {
    const char* what;
    Packet in, out;
  } rows[] = {
      {"IPv4 in IPv4", graph.FromUnderlay().Ipv4(kOuterIn).Transport(47, gre4 + InnerIn().ip()), out4},
      {"IPv6 in IPv4", graph.FromUnderlay().Ipv4(kOuterIn).Transport(47, gre6 + InnerIn6().ip()), out6},
      {"IPv4 in IPv6", graph.FromUnderlay().Ipv6(kOuterIn6).Transport(47, gre4 + InnerIn().ip()), out4},
      {"IPv6 in IPv6", graph.FromUnderlay().Ipv6(kOuterIn6).Transport(47, gre6 + InnerIn6().ip()), out6},
      {"a sequence number",
       graph.FromUnderlay().Ipv4(kOuterIn).Transport(
           47, Numbered(Numbered({0x30, 0, 0x08, 0x00}, 7), 1234) + InnerIn().ip()),
       out4},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    graph.Push(1, row.in.frame());
    graph.Settle();
    const auto sent = graph.Sent(0);
    REQUIRE(sent.size() == 1);
    CheckSameFrame(sent[0], row.out.frame());
  }
  CHECK(graph.AllDrops().empty());
  CHECK(graph.mbufs_in_use() == 0);
}

TEST_CASE("packets into a GRE tunnel carry its key, and the outer header is right") {
  TunnelGateway graph(AnyWorkers());
  graph.AddTunnel(Gre(7, 9), "198.51.100.2");
  graph.Push(0, graph.In().Ipv4(OutFields(64)).Udp(6, 5).frame());
  graph.Push(0, graph.In().Ipv6(OutFields6(64)).Udp(6, 5).frame());
  graph.Settle();
  const auto sent = graph.Sent(1);
  REQUIRE(sent.size() == 2);
  const Ipv4Fields outer{.source = "192.0.2.1",
                         .destination = "198.51.100.2",
                         .ttl = 64,
                         .identification = 0,
                         .fragment = 0x4000};
  const Bytes inner4 = Packet().Ipv4(OutFields(63)).Udp(6, 5).ip();
  const Bytes inner6 = Packet().Ipv6(OutFields6(63)).Udp(6, 5).ip();
  CHECK(sent[0] ==
        graph.ToUnderlay().Ipv4(outer).Transport(47, Numbered({0x20, 0, 8, 0}, 9) + inner4).frame());
  CHECK(sent[1] ==
        graph.ToUnderlay().Ipv4(outer).Transport(47, Numbered({0x20, 0, 0x86, 0xdd}, 9) + inner6).frame());
  CHECK(graph.AllDrops().empty());
}

TEST_CASE("VXLAN and NVGRE carry the tenant's packets in frames, both ways") {
  const bool vxlan = GENERATE(true, false);
  const bool outer6 = GENERATE(true, false);
  INFO((vxlan ? "VXLAN" : "NVGRE") << (outer6 ? " over IPv6" : " over IPv4"));
  TunnelGateway graph(AnyWorkers());
  graph.AddTunnel(vxlan ? Vxlan(5001) : Nvgre(5001), outer6 ? "2001:db8:e::2" : "198.51.100.2");
  const Bytes frame = InnerFrame(InnerIn());
  const Bytes payload = vxlan ? VxlanHeader(5001, frame.size()) + frame
                              : Numbered({0x20, 0, 0x65, 0x58}, 5001 << 8 | 0x5a) + frame;
  const uint8_t protocol = vxlan ? 17 : 47;
  Packet in = graph.FromUnderlay();
  graph.Push(1, (outer6 ? in.Ipv6(kOuterIn6) : in.Ipv4(kOuterIn)).Transport(protocol, payload).frame());
  graph.Settle();
  const auto out_of = graph.Sent(0);
  REQUIRE(out_of.size() == 1);
  CheckSameFrame(
      out_of[0],
      graph.Back().Ipv4({.source = "10.3.0.1", .destination = "10.1.0.1", .ttl = 63}).Udp(5, 6).frame());

  graph.Push(0, graph.In().Ipv4(OutFields(64)).Udp(6, 5).frame());
  graph.Settle();
  const auto into = graph.Sent(1);
  REQUIRE(into.size() == 1);
  const Fields outer = Dissect(into[0]);
  CHECK(outer.at("ip.source") == (outer6 ? "2001:db8:f::1" : "192.0.2.1"));
  CHECK(outer.at("ip.destination") == (outer6 ? "2001:db8:e::2" : "198.51.100.2"));
  const size_t at = 18 + (outer6 ? 40 : 20);
  const Bytes header(into[0].begin() + static_cast<std::ptrdiff_t>(at),
                     into[0].begin() + static_cast<std::ptrdiff_t>(at + (vxlan ? 16 : 8)));
  const Bytes inner(into[0].begin() + static_cast<std::ptrdiff_t>(at + header.size()), into[0].end());
  const Bytes expected = Packet().Ethernet(kInnerHost, kInnerGateway).Ipv4(OutFields(63)).Udp(6, 5).frame();
  CHECK(inner == expected);
  if (vxlan) {
    const auto source_port = static_cast<uint16_t>(header[0] << 8 | header[1]);
    CHECK(source_port >= 49152);
    CHECK(header == VxlanHeader(5001, inner.size(), source_port));
  } else {
    CHECK(Bytes(header.begin(), header.begin() + 7) == Bytes{0x20, 0, 0x65, 0x58, 0x00, 0x13, 0x89});
  }
  CHECK(graph.AllDrops().empty());
}

TEST_CASE("what is nobody's, or not as it should be, is dropped under its name") {
  TunnelGateway graph(AnyWorkers());
  graph.AddTunnel(Gre(7, 7), "198.51.100.2");
  graph.AddTunnel(Vxlan(5001), "198.51.100.2", 5, 1);
  const Bytes frame = InnerFrame(InnerIn());
  const Bytes inner = InnerIn().ip();
  const auto gre = [&](const Ipv4Fields& outer, const Bytes& bytes) {
    return graph.FromUnderlay().Ipv4(outer).Transport(47, bytes).frame();
  };
  const auto udp = [&](const Ipv4Fields& outer, const Bytes& bytes) {
    return graph.FromUnderlay().Ipv4(outer).Transport(17, bytes).frame();
  };
  Ipv4Fields stranger = kOuterIn;
  stranger.source = "198.51.100.3";
  Ipv4Fields fragment = kOuterIn;
  fragment.fragment = 0x2000;
  Ipv4Fields congested = kOuterIn;
  congested.tos = 3;
  Bytes other_mac = frame;
  other_mac[5] ^= 1;
  Bytes bad_checksum = VxlanHeader(5001, frame.size());
  bad_checksum[6] = 1;
  Bytes invalid_vni = VxlanHeader(5001, frame.size());
  invalid_vni[8] = 0;
  const Bytes key7 = Numbered({0x20, 0, 8, 0}, 7);
  const struct {
    const char* what;
    Bytes frame;
    dataplane::VrfId vrf;
    DropReason reason;
  } rows[] = {
      {"another key", gre(kOuterIn, Numbered({0x20, 0, 8, 0}, 8) + inner), 0, DropReason::kTunnelUnknown},
      {"no key", gre(kOuterIn, Bytes{0, 0, 8, 0} + inner), 0, DropReason::kTunnelUnknown},
      {"another source", gre(stranger, key7 + inner), 0, DropReason::kTunnelUnknown},
      {"another VNI", udp(kOuterIn, VxlanHeader(5002, frame.size()) + frame), 0, DropReason::kTunnelUnknown},
      {"not a host of the tenant", udp(stranger, VxlanHeader(5001, frame.size()) + frame), 1,
       DropReason::kTunnelNotAHost},
      {"version 1", gre(kOuterIn, Numbered({0x20, 1, 8, 0}, 7) + inner), 0, DropReason::kTunnelHeader},
      {"routing", gre(kOuterIn, Numbered({0x60, 0, 8, 0}, 7) + inner), 0, DropReason::kTunnelHeader},
      {"no VNI", udp(kOuterIn, invalid_vni + frame), 0, DropReason::kTunnelHeader},
      {"UDP checksum", udp(kOuterIn, bad_checksum + frame), 0, DropReason::kTunnelChecksum},
      {"an outer fragment of no multiple of eight", gre(fragment, key7 + inner), 0,
       DropReason::kFragmentMalformed},
      {"cut in the header", gre(kOuterIn, {0x20, 0, 8, 0, 0, 0}), 0, DropReason::kTunnelTruncated},
      {"cut in the inner Ethernet", udp(kOuterIn, VxlanHeader(5001, 10) + Bytes(10)), 1,
       DropReason::kTunnelTruncated},
      {"an inner station that is not us", udp(kOuterIn, VxlanHeader(5001, other_mac.size()) + other_mac), 1,
       DropReason::kTunnelInnerMac},
      {"congestion untold", gre(congested, key7 + inner), 1, DropReason::kTunnelEcn},
      {"an inner packet that is cut", gre(kOuterIn, key7 + Bytes(inner.begin(), inner.begin() + 12)), 1,
       DropReason::kTruncated},
      {"an inner length beyond the packet",
       gre(kOuterIn, key7 + Packet().Ipv4({.total_length = 1000}).Udp(1, 2).ip()), 1,
       DropReason::kIpTotalLength},
      {"neither IPv4 nor IPv6", gre(kOuterIn, Numbered({0x20, 0, 0x88, 0x47}, 7) + inner), 1,
       DropReason::kUnknownEtherType},
      {"MPLS in a frame", udp(kOuterIn, VxlanHeader(5001, frame.size()) + InnerFrame(InnerIn(), 0x8847)), 1,
       DropReason::kUnknownEtherType},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const uint64_t before = graph.Drops(row.vrf, row.reason);
    graph.Push(1, row.frame);
    graph.Settle();
    CHECK(graph.Drops(row.vrf, row.reason) == before + 1);
    CHECK(graph.Sent(0).empty());
    CHECK(graph.Sent(1).empty());
  }
  CHECK(graph.mbufs_in_use() == 0);
}

TEST_CASE("tunnels between the same end points lead to their own tenants, by key") {
  TunnelGateway graph(AnyWorkers());
  graph.AddVrf(2);
  graph.AddInterface({.id = 6, .vrf = 2, .port = 0, .vlan = 12}, {"10.1.0.254/24"});
  graph.AddNextHop(6, 6, kHost);
  graph.AddRoute(2, "10.1.0.0/16", 6);
  graph.AddTunnel(Gre(7, 7), "198.51.100.2", 4, 1);
  graph.AddTunnel(Gre(8, 8), "198.51.100.2", 5, 2);
  for (const uint32_t key : {7u, 8u}) {
    graph.Push(1, graph.FromUnderlay()
                      .Ipv4(kOuterIn)
                      .Transport(47, Numbered({0x20, 0, 8, 0}, key) + InnerIn().ip())
                      .frame());
    graph.Push(0, Packet()
                      .Ethernet(graph.port(0).mac(), kHost)
                      .Vlan(key == 7 ? 10 : 12)
                      .Ipv4(OutFields(64))
                      .Udp(6, 5)
                      .frame());
    graph.Settle();
    const auto out_of = graph.Sent(0), into = graph.Sent(1);
    REQUIRE(out_of.size() == 1);
    REQUIRE(into.size() == 1);
    CHECK(Dissect(out_of[0]).at("vlan.id") == (key == 7 ? "10" : "12"));
    CHECK(into[0][18 + 20 + 7] == key);
  }
}

TEST_CASE("congestion that the outer header tells of reaches an inner packet that can carry it") {
  TunnelGateway graph(AnyWorkers());
  graph.AddTunnel(Gre(7, 7), "198.51.100.2");
  Ipv4Fields congested = kOuterIn;
  congested.tos = 0xb8 | 3;
  const Packet capable =
      Packet().Ipv4({.source = "10.3.0.1", .destination = "10.1.0.1", .tos = 0xb8 | 2}).Udp(5, 6);
  graph.Push(1, graph.FromUnderlay()
                    .Ipv4(congested)
                    .Transport(47, Numbered({0x20, 0, 8, 0}, 7) + capable.ip())
                    .frame());
  graph.Settle();
  const auto sent = graph.Sent(0);
  REQUIRE(sent.size() == 1);
  CheckSameFrame(sent[0],
                 graph.Back()
                     .Ipv4({.source = "10.3.0.1", .destination = "10.1.0.1", .ttl = 63, .tos = 0xb8 | 3})
                     .Udp(5, 6)
                     .frame());
}

}  // namespace sluice::testing
