// The MTU matrix of issue 3, every cell: {IPv4, IPv6} x {DF, no DF} x {VLAN, GRE, GRE with
// key, NVGRE, VXLAN} x {IPv4, IPv6 outside}. Each takes packets around the connection's
// MTU, and what becomes of them is printed as a table.
#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

using dataplane::Tunnel;
using dataplane::TunnelKind;

constexpr uint16_t kUnderlayMtu = 1500;

struct Carrier {
  const char* name;
  std::optional<TunnelKind> kind;  // absent: a VLAN
  uint16_t flags = 0;
  uint16_t overhead4 = 0;  // of all headers in front of the inner packet, over IPv4
};
constexpr uint16_t kKeyed = channel::kTunnelKeyIn | channel::kTunnelKeyOut;
constexpr Carrier kCarriers[] = {{"VLAN", std::nullopt},
                                 {"GRE", TunnelKind::kGre, 0, 20 + 4},
                                 {"GRE+key", TunnelKind::kGre, kKeyed, 20 + 8},
                                 {"NVGRE", TunnelKind::kNvgre, 0, 20 + 8 + 14},
                                 {"VXLAN", TunnelKind::kVxlan, 0, 20 + 8 + 8 + 14}};

struct Cell {
  const Carrier& carrier;
  bool outer4, inner4, dont_fragment;

  uint16_t mtu() const {
    if (!carrier.kind) return kUnderlayMtu;
    return static_cast<uint16_t>(kUnderlayMtu - carrier.overhead4 - (outer4 ? 0 : 20));
  }
};

// The connection leads to interface 2, or through a tunnel whose largest packet just fits
// the underlay.
void Connect(TunnelGateway& graph, const Cell& cell) {
  if (!cell.carrier.kind) {
    graph.AddRoute(1, "10.3.0.0/16", 1);
    graph.AddRoute(1, "2001:db8:3::/48", 1);
    return;
  }
  Tunnel tunnel{.kind = *cell.carrier.kind, .flags = cell.carrier.flags, .ttl = 64};
  if (cell.carrier.flags != 0 || tunnel.is_overlay()) tunnel.key_in = tunnel.key_out = 7;
  if (tunnel.kind == TunnelKind::kVxlan) tunnel.udp_port = 4789;
  graph.AddTunnel(tunnel, cell.outer4 ? "198.51.100.2" : "2001:db8:e::2");
  REQUIRE(graph.tables().tunnels.Find(4)->header_bytes == kUnderlayMtu - cell.mtu());
  dataplane::Adjacency adjacency = *graph.tables().adjacencies.Describe(4);
  adjacency.mtu = cell.mtu();
  REQUIRE(graph.tables().PutAdjacency(4, adjacency).ok());
}

// The inner packet as a frame.
Bytes Inner(const Cell& cell, const Bytes& frame) {
  if (!cell.carrier.kind) return frame;
  Bytes inner;
  const Fields fields = DissectTunnel(frame, &inner);
  CHECK(std::stoi(fields.at("outer.ip.length")) <= kUnderlayMtu);
  CHECK(!fields.contains("malformed"));
  return inner;
}

// "whole", "2 fragments, 1476" (bytes of the longest), "ICMP 3/4 MTU 1476", after a packet of so many bytes.
std::string Outcome(const Cell& cell, uint16_t ip_bytes) {
  TunnelGateway graph;
  Connect(graph, cell);
  const auto fragment = static_cast<uint16_t>(cell.dont_fragment ? 0x4000 : 0);
  const Packet in =
      cell.inner4
          ? graph.In().Ipv4({.destination = "10.3.0.1", .fragment = fragment}).Udp(1, 2, ip_bytes - 28u)
          : graph.In().Ipv6({.destination = "2001:db8:3::1"}).Udp(1, 2, ip_bytes - 48u);
  graph.Push(0, in.frame());
  graph.Settle();
  const auto sent = graph.Sent(1), back = graph.Sent(0);
  CHECK(graph.mbufs_in_use() == 0);
  if (!back.empty()) {
    CHECK(sent.empty());
    const Fields error = Dissect(back[0]);
    CHECK(error.at("icmp.checksum") == "good");
    CHECK(error.at("ip.source") == (cell.inner4 ? "10.1.0.254" : "2001:db8:1::fe"));
    CHECK(error.at("ip.destination") == (cell.inner4 ? "10.1.0.1" : "2001:db8:1::1"));
    CHECK(graph.Drops(1, dataplane::DropReason::kTooBig) == 1);
    return "ICMP " + error.at("icmp.type") + "/" + error.at("icmp.code") + " MTU " + error.at("icmp.mtu");
  }
  CHECK(graph.AllDrops().empty());
  size_t payload = 0;
  int longest = 0;
  for (const Bytes& frame : sent) {
    const Fields inner = Dissect(Inner(cell, frame));
    CHECK(!inner.contains("malformed"));
    payload += inner.at("payload").size() / 2;
    longest = std::max(longest, std::stoi(inner.at("ip.length")));
  }
  CHECK(payload == ip_bytes - (cell.inner4 ? 20u : 40u));
  if (sent.size() == 1) return "whole";
  CHECK(longest <= cell.mtu());
  return std::to_string(sent.size()) + " fragments, " + std::to_string(longest);
}

}  // namespace

TEST_CASE("the MTU matrix, every cell") {
  std::printf("%-8s %-8s %-5s %-3s %5s  %-8s %-20s %s\n", "carrier", "outside", "inner", "DF", "MTU",
              "at MTU", "one byte more", "twice the MTU");
  for (const Carrier& carrier : kCarriers)
    for (const bool outer4 : {true, false})
      for (const bool inner4 : {true, false})
        for (const bool dont_fragment : {true, false}) {
          if (!carrier.kind && !outer4) continue;   // nothing is outside
          if (!inner4 && !dont_fragment) continue;  // no router fragments IPv6
          const Cell cell{carrier, outer4, inner4, dont_fragment};
          const uint16_t mtu = cell.mtu();
          CAPTURE(carrier.name, outer4, inner4, dont_fragment, mtu);
          const std::string fits = Outcome(cell, mtu), over = Outcome(cell, static_cast<uint16_t>(mtu + 1)),
                            twice = Outcome(cell, static_cast<uint16_t>(2 * mtu));
          CHECK(Outcome(cell, static_cast<uint16_t>(mtu - 1)) == "whole");
          CHECK(fits == "whole");
          const bool fragments = inner4 && !dont_fragment;
          const std::string error = (inner4 ? "ICMP 3/4 MTU " : "ICMP 2/0 MTU ") + std::to_string(mtu);
          CHECK((fragments ? over.substr(0, 11) : over) == (fragments ? "2 fragments" : error));
          CHECK((fragments ? twice.substr(0, 11) : twice) == (fragments ? "3 fragments" : error));
          std::printf("%-8s %-8s %-5s %-3s %5u  %-8s %-20s %s\n", carrier.name,
                      carrier.kind ? (outer4 ? "IPv4" : "IPv6") : "-", inner4 ? "IPv4" : "IPv6",
                      inner4 ? (dont_fragment ? "yes" : "no") : "-", mtu, fits.c_str(), over.c_str(),
                      twice.c_str());
        }
}

}  // namespace sluice::testing
