// What the outer header of a tunnel packet says: DF and identification, TTL, DSCP and
// ECN, each mode as a table; and what arrives that is not as it should be.
#include <catch2/catch.hpp>
#include <set>

#include "tests/graph/same_frame.h"
#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

using dataplane::DropReason;
using dataplane::Tunnel;
using dataplane::TunnelKind;

constexpr uint16_t kKeyed = channel::kTunnelKeyIn | channel::kTunnelKeyOut;

Tunnel Gre(uint16_t flags = 0, uint8_t ttl = 64, uint8_t dscp = 0) {
  const auto all = static_cast<uint16_t>(kKeyed | flags);
  return {.kind = TunnelKind::kGre, .flags = all, .ttl = ttl, .dscp = dscp, .key_in = 7, .key_out = 7};
}
const Bytes kGre4 = {0x20, 0, 0x08, 0x00, 0, 0, 0, 7}, kGre6 = {0x20, 0, 0x86, 0xdd, 0, 0, 0, 7};

const char* FarEnd(bool v4) {
  return v4 ? "198.51.100.2" : "2001:db8:e::2";
}
// From the far end to us.
Packet Arriving(TunnelGateway& graph, bool v4, uint8_t traffic_class = 0) {
  Packet packet = graph.FromUnderlay();
  if (v4) return packet.Ipv4({.source = FarEnd(true), .destination = "192.0.2.1", .tos = traffic_class});
  return packet.Ipv6(
      {.source = FarEnd(false), .destination = "2001:db8:f::1", .flow_label = uint32_t{traffic_class} << 20});
}
// From the tenant's near host into the tunnel, or, as it is behind the tunnel, out of it.
Packet Inside(Packet packet, bool v4, bool into, uint8_t hops, uint8_t traffic_class, uint16_t fragment = 0) {
  if (v4) {
    packet.Ipv4({.source = into ? "10.1.0.1" : "10.3.0.1",
                 .destination = into ? "10.3.0.1" : "10.1.0.1",
                 .ttl = hops,
                 .tos = traffic_class,
                 .fragment = fragment});
  } else {
    packet.Ipv6({.source = into ? "2001:db8:1::1" : "2001:db8:3::1",
                 .destination = into ? "2001:db8:3::1" : "2001:db8:1::1",
                 .hop_limit = hops,
                 .flow_label = uint32_t{traffic_class} << 20});
  }
  return packet.Udp(5, 6);
}
Fields Sent(TunnelGateway& graph, const Packet& packet) {
  graph.Push(0, packet.frame());
  graph.Settle();
  const auto sent = graph.Sent(1);
  REQUIRE(sent.size() == 1);
  CHECK(graph.AllDrops().empty());
  return DissectTunnel(sent[0]);
}

}  // namespace

TEST_CASE("TTL and traffic class of the outer header are the inner ones, or the tunnel's own") {
  const bool outer4 = GENERATE(true, false), inner4 = GENERATE(true, false);
  CAPTURE(outer4, inner4);
  constexpr uint8_t kAf41 = 34 << 2;
  const struct {
    const char* what;
    Tunnel tunnel;
    uint8_t hops, traffic_class;
    uint8_t outer_hops, outer_class;
  } rows[] = {
      {"uniform", Gre(0, 0), 33, kAf41, 32, kAf41},
      {"uniform, ECT(0)", Gre(0, 0), 33, kAf41 | 2, 32, kAf41 | 2},
      {"uniform, congested", Gre(0, 0), 2, 3, 1, 3},
      {"TTL of its own", Gre(0, 99), 33, kAf41, 99, kAf41},
      {"pipe", Gre(channel::kTunnelPipe, 255, 46), 33, kAf41, 255, 46 << 2},
      {"pipe, ECT(1)", Gre(channel::kTunnelPipe, 255, 46), 33, kAf41 | 1, 255, 46 << 2 | 1},
      {"pipe of best effort, congested", Gre(channel::kTunnelPipe, 1, 0), 33, kAf41 | 3, 1, 3},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    TunnelGateway graph;
    graph.AddTunnel(row.tunnel, FarEnd(outer4));
    const Fields sent = Sent(graph, Inside(graph.In(), inner4, true, row.hops, row.traffic_class));
    CHECK(sent.at("outer.ip.ttl") == std::to_string(row.outer_hops));
    CHECK(sent.at("outer.ip.tos") == std::to_string(row.outer_class));
    CHECK(sent.at("inner.ip.ttl") == std::to_string(row.hops - 1));
    CHECK(sent.at("inner.ip.tos") == std::to_string(row.traffic_class));
    if (outer4) CHECK(sent.at("outer.ip.checksum") == "good");
    if (!outer4) CHECK(sent.at("outer.ip.flow_label") != "0");  // the flow's entropy
  }
}

TEST_CASE("out of a tunnel, both ECN fields make one") {
  // RFC 6040 figure 4; rows: inner Not-ECT, ECT(1), ECT(0), CE; -1: dropped.
  constexpr int kMerged[4][4] = {{0, 0, 0, -1}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};
  const bool outer4 = GENERATE(true, false), inner4 = GENERATE(true, false);
  constexpr uint8_t kAf41 = 34 << 2, kEf = 46 << 2;
  for (uint8_t inner = 0; inner < 4; ++inner)
    for (uint8_t outer = 0; outer < 4; ++outer) {
      CAPTURE(outer4, inner4, inner, outer);
      TunnelGateway graph;
      graph.AddTunnel(Gre(channel::kTunnelPipe), FarEnd(outer4));
      const Bytes payload = (inner4 ? kGre4 : kGre6) +
                            Inside(Packet(), inner4, false, 64, static_cast<uint8_t>(kAf41 | inner)).ip();
      graph.Push(1,
                 Arriving(graph, outer4, static_cast<uint8_t>(kEf | outer)).Transport(47, payload).frame());
      graph.Settle();
      const auto sent = graph.Sent(0);
      const int merged = kMerged[inner][outer];
      CHECK(graph.Drops(1, DropReason::kTunnelEcn) == (merged < 0 ? 1u : 0u));
      if (merged < 0) {
        CHECK(sent.empty());
        continue;
      }
      REQUIRE(sent.size() == 1);
      // The outer DSCP stays outside.
      CheckSameFrame(sent[0],
                     Inside(graph.Back(), inner4, false, 63, static_cast<uint8_t>(kAf41 | merged)).frame());
    }
}

TEST_CASE("outer DF is set, copied or clear; without it packets are told apart") {
  const struct {
    const char* what;
    uint16_t flags;
    bool inner4;
    uint16_t fragment;
    bool df;
  } rows[] = {
      {"set, from DF", 0, true, 0x4000, true},
      {"set, from no DF", 0, true, 0, true},
      {"set, from IPv6", 0, false, 0, true},
      {"copied, from DF", channel::kTunnelDfCopy, true, 0x4000, true},
      {"copied, from no DF", channel::kTunnelDfCopy, true, 0, false},
      {"copied, from a fragment", channel::kTunnelDfCopy, true, 0x2000, false},
      {"copied, from IPv6", channel::kTunnelDfCopy, false, 0, true},
      {"clear, from DF", channel::kTunnelDfClear, true, 0x4000, false},
      {"clear, from IPv6", channel::kTunnelDfClear, false, 0, false},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    TunnelGateway graph;
    graph.AddTunnel(Gre(row.flags), FarEnd(true));
    std::set<std::string> identifications;
    for (int i = 0; i < 20; ++i) {
      const Fields sent = Sent(graph, Inside(graph.In(), row.inner4, true, 64, 0, row.fragment));
      CHECK(sent.at("outer.ip.flags") == (row.df ? "2" : "0"));
      CHECK(sent.at("outer.ip.checksum") == "good");
      identifications.insert(sent.at("outer.ip.identification"));
    }
    CHECK(identifications.size() == (row.df ? 1u : 20u));
    if (row.df) CHECK(identifications.contains("0"));
  }
}

TEST_CASE("workers draw the identifications of outer packets from ranges of their own") {
  TunnelGateway graph({.workers = 4});
  graph.AddTunnel(Gre(channel::kTunnelDfClear), FarEnd(true));
  std::set<int> identifications;
  for (uint16_t worker = 0; worker < 4; ++worker)
    for (int i = 0; i < 100; ++i) {
      graph.Push(0, Inside(graph.In(), true, true, 64, 0).frame(), worker);
      graph.Settle();
      const auto sent = graph.Sent(1);
      REQUIRE(sent.size() == 1);
      const int identification = std::stoi(DissectTunnel(sent[0]).at("outer.ip.identification"));
      CHECK(identification % dataplane::kIdentificationStep == worker);
      CHECK(identifications.insert(identification).second);
    }
}

TEST_CASE("what the underlay is too narrow for leaves in outer fragments, or is dropped and counted") {
  for (const bool clear : {true, false}) {
    CAPTURE(clear);
    TunnelGateway graph;
    graph.AddTunnel(Gre(clear ? channel::kTunnelDfClear : 0), FarEnd(true));
    dataplane::Adjacency way = *graph.tables().adjacencies.Describe(30);
    way.mtu = 1000;
    REQUIRE(graph.tables().PutAdjacency(30, way).ok());
    const Packet in = graph.In().Ipv4({.destination = "10.3.0.1"}).Udp(1, 2, 1300);
    graph.Push(0, in.frame());
    graph.Settle();
    const auto sent = graph.Sent(1);
    CHECK(graph.Sent(0).empty());
    if (!clear) {
      CHECK(sent.empty());
      CHECK(graph.Drops(0, DropReason::kTooBig) == 1);
      continue;
    }
    REQUIRE(sent.size() == 2);
    const Fields first = Dissect(sent[0]), second = Dissect(sent[1]);
    CHECK(first.at("ip.flags") == "1");
    CHECK(second.at("ip.flags") == "0");
    CHECK(first.at("ip.identification") == second.at("ip.identification"));
    CHECK(std::stoi(first.at("ip.length")) <= 1000);
    CHECK(first.at("payload").size() / 2 == std::stoul(second.at("ip.offset")));
    CHECK((first.at("payload").size() + second.at("payload").size()) / 2 == 8 + in.ip().size());
    CHECK(graph.AllDrops().empty());
  }
}

TEST_CASE("checksums of GRE are sent, and those that arrive are compared") {
  const bool outer4 = GENERATE(true, false);
  TunnelGateway graph;
  graph.AddTunnel(Gre(channel::kTunnelGreChecksum), FarEnd(outer4));
  const Fields sent = Sent(graph, Inside(graph.In(), true, true, 64, 0));
  CHECK(sent.at("tunnel.flags") == "a000");
  CHECK(sent.at("tunnel.checksum") == "good");
  for (const bool good : {true, false}) {
    Bytes payload = Bytes{0xb0, 0, 0x08, 0x00, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1} +
                    Inside(Packet(), true, false, 64, 0).ip();
    uint32_t sum = good ? 0 : 1;
    for (size_t i = 0; i < payload.size(); ++i) sum += uint32_t{payload[i]} << (i % 2 == 0 ? 8 : 0);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    payload[4] = static_cast<uint8_t>(~sum >> 8);
    payload[5] = static_cast<uint8_t>(~sum);
    graph.Push(1, Arriving(graph, outer4).Transport(47, payload).frame());
    graph.Settle();
    CHECK(graph.Sent(0).size() == (good ? 1u : 0u));
  }
  CHECK(graph.Drops(0, DropReason::kTunnelChecksum) == 1);
}

TEST_CASE("a keepalive goes back to whoever sent it, and nothing else does") {
  TunnelGateway graph;
  graph.AddTunnel(Gre(), FarEnd(true));
  graph.AddTunnel(Gre(), FarEnd(false), 5);
  const Bytes empty = {0x20, 0, 0, 0, 0, 0, 0, 7}, plain = {0, 0, 0, 0};
  const Ipv4Fields back4{.source = "192.0.2.1", .destination = FarEnd(true), .ttl = 255};
  const Ipv6Fields back6{.source = "2001:db8:f::1", .destination = FarEnd(false), .hop_limit = 255};
  for (const Bytes& gre : {empty, plain}) {
    const Packet back = Packet().Ipv4(back4).Transport(47, gre);
    graph.Push(1, Arriving(graph, true).Transport(47, kGre4 + back.ip()).frame());
    graph.Push(
        1,
        Arriving(graph, false).Transport(47, kGre6 + Packet().Ipv6(back6).Transport(47, gre).ip()).frame());
    graph.Settle();
    const auto sent = graph.Sent(1);
    REQUIRE(sent.size() == 2);
    CheckSameFrame(sent[0], graph.ToUnderlay().Ipv4(back4).Transport(47, gre).frame());
    CheckSameFrame(sent[1], graph.ToUnderlay().Ipv6(back6).Transport(47, gre).frame());
  }
  CHECK(graph.AllDrops().empty());
  // Of the tenant's own, and so nowhere it could go.
  Ipv4Fields elsewhere = back4, spoofed = back4, bad_sum = back4;
  elsewhere.destination = "198.51.100.3";
  spoofed.source = "192.0.2.2";
  bad_sum.checksum = 1;
  const struct {
    const char* what;
    Bytes inner;
    DropReason reason;
  } rows[] = {
      {"to another", Packet().Ipv4(elsewhere).Transport(47, empty).ip(), DropReason::kNoRoute},
      {"from another", Packet().Ipv4(spoofed).Transport(47, empty).ip(), DropReason::kNoRoute},
      {"with a payload", Packet().Ipv4(back4).Transport(47, empty + Bytes{1}).ip(), DropReason::kNoRoute},
      {"of a type", Packet().Ipv4(back4).Transport(47, kGre4).ip(), DropReason::kNoRoute},
      {"not of GRE", Packet().Ipv4(back4).Transport(4, empty).ip(), DropReason::kNoRoute},
      {"cut", Packet().Ipv4(back4).Transport(47, {0, 0}).ip(), DropReason::kNoRoute},
      {"with a wrong checksum", Packet().Ipv4(bad_sum).Transport(47, empty).ip(), DropReason::kIpChecksum},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const uint64_t before = graph.Drops(1, row.reason);
    graph.Push(1, Arriving(graph, true).Transport(47, kGre4 + row.inner).frame());
    graph.Settle();
    CHECK(graph.Sent(1).empty());
    CHECK(graph.Sent(0).empty());
    CHECK(graph.Drops(1, row.reason) == before + 1);
  }
}

TEST_CASE("a way into a tunnel that leads through a tunnel ends there, counted") {
  TunnelGateway graph;
  graph.AddTunnel(Gre(), FarEnd(true));
  graph.AddRoute(0, "198.51.100.0/24", 4);  // the agent refuses this
  graph.Push(0, Inside(graph.In(), true, true, 64, 0).frame());
  graph.Settle();
  CHECK(graph.Sent(0).empty());
  CHECK(graph.Sent(1).empty());
  CHECK(graph.Drops(0, DropReason::kTunnelLoop) == 1);
  CHECK(graph.mbufs_in_use() == 0);
}

TEST_CASE("the underlay's own GRE and VXLAN pass by, whatever is in them") {
  TunnelGateway graph;
  graph.AddTunnel(Gre(), FarEnd(true));
  graph.AddTunnel({.kind = TunnelKind::kVxlan, .ttl = 64, .key_in = 9, .key_out = 9, .udp_port = 4789},
                  FarEnd(true), 5);
  const Ipv4Fields transit{.source = "203.0.113.1", .destination = "198.51.100.9"};
  Ipv4Fields fragment = transit;
  fragment.fragment = 0x2000;
  const Bytes pptp = {0x30, 0x01, 0x88, 0x0b, 0, 4, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4};
  const Bytes no_vni = {0xc0, 0, 0x12, 0xb5, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0};
  const Packet rows[] = {
      Packet().Ipv4(transit).Transport(47, pptp), Packet().Ipv4(transit).Transport(47, {0, 0}),
      Packet().Ipv4(fragment).Transport(47, kGre4), Packet().Ipv4(transit).Transport(17, no_vni)};
  for (const Packet& row : rows) {
    const Bytes head = graph.FromUnderlay().EtherType(0x0800).frame();
    graph.Push(1, Bytes(head.begin(), head.begin() + 18) + row.ip());
    graph.Settle();
    const auto sent = graph.Sent(1);
    REQUIRE(sent.size() == 1);
    CHECK(Dissect(sent[0]).at("ip.ttl") == "63");
  }
  CHECK(graph.AllDrops().empty());
}

TEST_CASE("every fault of a tunnel header has its name, and what is reserved is ignored") {
  TunnelGateway graph;
  for (const bool v4 : {true, false}) {
    const auto id = static_cast<dataplane::InterfaceId>(v4 ? 4 : 14);
    graph.AddTunnel(Gre(), FarEnd(v4), id);
    Tunnel overlay{.kind = TunnelKind::kVxlan, .ttl = 64, .key_in = 9, .key_out = 9, .udp_port = 4789};
    graph.AddTunnel(overlay, FarEnd(v4), static_cast<dataplane::InterfaceId>(id + 1));
    overlay.kind = TunnelKind::kNvgre;
    overlay.udp_port = 0;
    graph.AddTunnel(overlay, FarEnd(v4), static_cast<dataplane::InterfaceId>(id + 2));
  }
  const Bytes ip = Inside(Packet(), true, false, 64, 0).ip();
  Bytes frame = Packet().Ethernet(kInnerGateway, kInnerHost).EtherType(0x0800).frame();
  frame = frame + ip;
  const auto udp = [&](size_t length, const Bytes& checksum, const Bytes& flags, uint8_t low) {
    const Bytes ports = {
        0xc0, 0, 0x12, 0xb5, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)};
    return ports + checksum + flags + Bytes{0, 0, 9, low} + frame;
  };
  const size_t whole = 16 + frame.size();
  const Bytes zero = {0, 0}, flagged = {8, 0, 0, 0};
  const auto none = DropReason::kNone;
  const struct {
    const char* what;
    uint8_t protocol;
    Bytes payload;
    DropReason reason;
  } rows[] = {
      {"GRE", 47, kGre4 + ip, none},
      {"GRE, reserved bits 6 to 12", 47, Bytes{0x23, 0xf8, 8, 0, 0, 0, 0, 7} + ip, none},
      {"GRE, sequence number", 47, Bytes{0x30, 0, 8, 0, 0, 0, 0, 7, 0, 0, 0, 9} + ip, none},
      {"GRE, routing", 47, Bytes{0x60, 0, 8, 0, 0, 0, 0, 7} + ip, DropReason::kTunnelHeader},
      {"GRE, strict source route", 47, Bytes{0x28, 0, 8, 0, 0, 0, 0, 7} + ip, DropReason::kTunnelHeader},
      {"GRE, recursion", 47, Bytes{0x24, 0, 8, 0, 0, 0, 0, 7} + ip, DropReason::kTunnelHeader},
      {"GRE, version 1", 47, Bytes{0x20, 1, 8, 0, 0, 0, 0, 7} + ip, DropReason::kTunnelHeader},
      {"GRE, version 7", 47, Bytes{0x20, 7, 8, 0, 0, 0, 0, 7} + ip, DropReason::kTunnelHeader},
      {"GRE, empty", 47, {}, DropReason::kTunnelTruncated},
      {"GRE, cut in the first word", 47, {0x20, 0, 8}, DropReason::kTunnelTruncated},
      {"GRE, cut in the key", 47, {0x20, 0, 8, 0, 0, 0, 0}, DropReason::kTunnelTruncated},
      {"GRE, cut in the checksum", 47, {0xa0, 0, 8, 0, 0, 0}, DropReason::kTunnelTruncated},
      {"GRE, cut in the sequence number", 47, {0x30, 0, 8, 0, 0, 0, 0, 7, 0}, DropReason::kTunnelTruncated},
      {"GRE, checksum", 47, Bytes{0xa0, 0, 8, 0, 1, 2, 0, 0, 0, 0, 0, 7} + ip, DropReason::kTunnelChecksum},
      {"GRE, key", 47, Bytes{0x20, 0, 8, 0, 0, 0, 0, 8} + ip, DropReason::kTunnelUnknown},
      {"GRE, no key", 47, Bytes{0, 0, 8, 0} + ip, DropReason::kTunnelUnknown},
      {"NVGRE", 47, Bytes{0x20, 0, 0x65, 0x58, 0, 0, 9, 0xff} + frame, none},
      {"NVGRE, no key", 47, Bytes{0, 0, 0x65, 0x58} + frame, DropReason::kTunnelHeader},
      {"NVGRE, sequence number", 47, Bytes{0x30, 0, 0x65, 0x58, 0, 0, 9, 0, 0, 0, 0, 1} + frame,
       DropReason::kTunnelHeader},
      {"NVGRE, VSID", 47, Bytes{0x20, 0, 0x65, 0x58, 0, 0, 8, 0} + frame, DropReason::kTunnelUnknown},
      {"VXLAN", 17, udp(whole, zero, flagged, 0), none},
      {"VXLAN, reserved bits", 17, udp(whole, zero, {0xff, 0xff, 0xff, 0xff}, 0xff), none},
      {"VXLAN, no VNI", 17, udp(whole, zero, {0xf7, 0, 0, 0}, 0), DropReason::kTunnelHeader},
      {"VXLAN, UDP length beyond the packet", 17, udp(whole + 1, zero, flagged, 0),
       DropReason::kTunnelTruncated},
      {"VXLAN, UDP length below the header", 17, udp(15, zero, flagged, 0), DropReason::kTunnelTruncated},
      {"VXLAN, cut",
       17,
       {0xc0, 0, 0x12, 0xb5, 0, 15, 0, 0, 8, 0, 0, 0, 0, 0, 9},
       DropReason::kTunnelTruncated},
      {"VXLAN, checksum", 17, udp(whole, {1, 2}, flagged, 0), DropReason::kTunnelChecksum},
  };
  for (const bool v4 : {true, false})
    for (const auto& row : rows) {
      CAPTURE(row.what, v4);
      const uint64_t before = graph.Drops(0, row.reason);
      graph.Push(1, Arriving(graph, v4).Transport(row.protocol, row.payload).frame());
      graph.Settle();
      CHECK(graph.Sent(0).size() == (row.reason == none ? 1u : 0u));
      CHECK(graph.Sent(1).empty());
      if (row.reason != none) CHECK(graph.Drops(0, row.reason) == before + 1);
    }
  CHECK(graph.mbufs_in_use() == 0);
}

TEST_CASE("an error about what came untagged has room for the longest tunnel on its way back") {
  const bool outer4 = GENERATE(true, false);
  TunnelGateway graph;
  graph.AddInterface({.id = 9, .vrf = 1, .port = 0, .vlan = 0}, {"10.9.0.1/24", "2001:db8:9::1/64"});
  graph.AddTunnel({.kind = TunnelKind::kVxlan, .ttl = 64, .key_in = 9, .key_out = 9, .udp_port = 4789},
                  FarEnd(outer4));
  for (const bool inner4 : {true, false}) {
    CAPTURE(outer4, inner4);
    Packet packet = Packet().Ethernet(graph.port(0).mac(), Mac("02:00:00:00:09:02"));
    if (inner4) packet.Ipv4({.source = "10.3.0.9", .destination = "10.2.0.1", .ttl = 1});
    if (!inner4) packet.Ipv6({.source = "2001:db8:3::9", .destination = "2001:db8:2::1", .hop_limit = 1});
    graph.Push(0, packet.Udp(1, 2, 1200).frame());
    graph.Settle();
    const auto sent = graph.Sent(1);
    REQUIRE(sent.size() == 1);
    const Fields fields = DissectTunnel(sent[0]);
    CHECK(fields.at("tunnel.key") == "9");
    CHECK(fields.at("inner.ip.destination") == (inner4 ? "10.3.0.9" : "2001:db8:3::9"));
    CHECK(fields.at("inner.icmp.type") == (inner4 ? "11" : "3"));
    CHECK(fields.at("inner.icmp.checksum") == "good");
  }
  CHECK(graph.mbufs_in_use() == 0);
}

TEST_CASE("options and extension headers of the outer packet do not hide the tunnel") {
  TunnelGateway graph;
  for (const bool v4 : {true, false}) {
    const auto id = static_cast<dataplane::InterfaceId>(v4 ? 4 : 14);
    graph.AddTunnel(Gre(), FarEnd(v4), id);
    const Tunnel vxlan{.kind = TunnelKind::kVxlan, .ttl = 64, .key_in = 9, .key_out = 9, .udp_port = 4789};
    graph.AddTunnel(vxlan, FarEnd(v4), static_cast<dataplane::InterfaceId>(id + 1));
  }
  const Bytes ip = Inside(Packet(), true, false, 64, 0).ip();
  const Bytes gre = kGre4 + ip;
  Bytes frame = Packet().Ethernet(kInnerGateway, kInnerHost).EtherType(0x0800).frame() + ip;
  Bytes udp = {0xc0, 0, 0x12, 0xb5, 0, static_cast<uint8_t>(16 + frame.size()), 0, 0, 8, 0, 0, 0, 0, 0, 9, 0};
  udp = udp + frame;
  const struct {
    const char* what;
    uint8_t type;  // of the first extension header; 0: IPv4
    Bytes headers;
    bool taken;
  } rows[] = {
      {"no operation", 0, {1, 1, 1, 0}, true},
      {"router alert", 0, {0x94, 4, 0, 0}, true},
      {"encapsulation limit", 60, {0, 0, 4, 1, 4, 1, 1, 0}, true},
      {"hop by hop, then encapsulation limit", 0, {60, 0, 1, 4, 0, 0, 0, 0, 0, 0, 4, 1, 4, 1, 1, 0}, true},
      {"an option that has to be known", 60, {0, 0, 0x5e, 1, 4, 1, 1, 0}, false},
  };
  for (const auto& row : rows)
    for (const uint8_t protocol : {uint8_t{47}, uint8_t{17}})
      for (const uint8_t ecn : {uint8_t{0}, uint8_t{2}}) {
        CAPTURE(row.what, protocol, ecn);
        const bool v4 = row.headers.size() == 4;
        Packet packet = graph.FromUnderlay();
        if (v4) {
          packet.Ipv4(
              {.source = FarEnd(true), .destination = "192.0.2.1", .tos = ecn, .options = row.headers});
        } else {
          Bytes headers = row.headers;
          (headers.size() == 8 ? headers[0] : headers[8]) = protocol;
          packet.Ipv6({.source = FarEnd(false),
                       .destination = "2001:db8:f::1",
                       .flow_label = uint32_t{ecn} << 20,
                       .extension_type = row.type,
                       .extensions = headers});
        }
        graph.Push(1, packet.Transport(protocol, protocol == 47 ? gre : udp).frame());
        graph.Settle();
        const auto sent = graph.Sent(0);
        REQUIRE(sent.size() == (row.taken ? 1u : 0u));
        if (row.taken) CheckSameFrame(sent[0], Inside(graph.Back(), true, false, 63, 0).frame());
        graph.Sent(1);
      }
  CHECK(graph.mbufs_in_use() == 0);
  const auto drops = graph.AllDrops();
  CHECK(drops.size() == 1);  // the one that has to be known
}

TEST_CASE("a UDP checksum of zero is for tunnels: of others over IPv6 it is a malformed packet") {
  TunnelGateway graph;
  const Bytes udp = {0xc0, 0, 0x12, 0xb6, 0, 8, 0, 0};
  graph.Push(1, Arriving(graph, false).Transport(17, udp).frame());
  graph.Settle();
  CHECK(graph.Sent(1).empty());
  CHECK(graph.Drops(0, DropReason::kLocalMalformed) == 1);
  graph.Push(1, Arriving(graph, true).Transport(17, udp).frame());  // IPv4 has the choice
  graph.Settle();
  CHECK(graph.Sent(1).size() == 1);
  CHECK(graph.Drops(0, DropReason::kPortUnreachable) == 1);
}

}  // namespace sluice::testing
