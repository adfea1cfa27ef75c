// The MTU matrix, every cell: {IPv4, IPv6} x {DF, no DF} x {VLAN, GRE, GRE with key, NVGRE,
// VXLAN} x {IPv4, IPv6 outside}, into the connection and, of tunnels, out of it to a VLAN.
// Each takes packets around the MTU, and what becomes of them is printed as a table.
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

Tunnel TunnelOf(const Cell& cell) {
  Tunnel tunnel{.kind = *cell.carrier.kind, .flags = cell.carrier.flags, .ttl = 64};
  if (cell.carrier.flags != 0 || tunnel.is_overlay()) tunnel.key_in = tunnel.key_out = 7;
  if (tunnel.kind == TunnelKind::kVxlan) tunnel.udp_port = 4789;
  return tunnel;
}

// The connection leads to interface 2, or through a tunnel whose largest packet just fits
// the underlay.
void Connect(TunnelGateway& graph, const Cell& cell, const dataplane::Interface& interface = {}) {
  if (!cell.carrier.kind) {
    graph.AddRoute(1, "10.3.0.0/16", 1);
    graph.AddRoute(1, "2001:db8:3::/48", 1);
    return;
  }
  graph.AddTunnel(TunnelOf(cell), cell.outer4 ? "198.51.100.2" : "2001:db8:e::2", 4, 1, interface);
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

// Where an ICMP error is sourced: at the address of the interface that the packet came in on,
// or, where that has none, at the tenant's router address.
enum class Sourced { kInterface, kRouter };

// The same as Outcome() of a packet out of the cell's tunnel, on its way to the VLAN of
// interface 2, whose MTU is kUnderlayMtu. The error goes back through the tunnel.
std::string OutcomeOutOf(const Cell& cell, uint16_t ip_bytes, Sourced sourced) {
  TunnelGateway graph;
  dataplane::Interface interface;
  if (sourced == Sourced::kInterface)
    interface.addresses = {*net::InterfaceAddress::Parse("10.3.0.254/16"),
                           *net::InterfaceAddress::Parse("2001:db8:3::fe/48")};
  REQUIRE(
      graph.tables()
          .PutVrf({.id = 1, .router_ipv4 = Ip("10.99.0.1").v4(), .router_ipv6 = Ip("2001:db8:99::1").v6()})
          .ok());
  Connect(graph, cell, interface);
  const auto fragment = static_cast<uint16_t>(cell.dont_fragment ? 0x4000 : 0);
  Packet inner;
  if (cell.inner4) {
    inner.Ipv4({.source = "10.3.0.1", .destination = "10.2.0.1", .fragment = fragment});
  } else {
    inner.Ipv6({.source = "2001:db8:3::1", .destination = "2001:db8:2::1"});
  }
  inner.Udp(1, 2, ip_bytes - (cell.inner4 ? 28u : 48u));
  const Tunnel tunnel = TunnelOf(cell);
  Packet outer = graph.FromUnderlay();
  if (cell.outer4) outer.Ipv4({.source = "198.51.100.2", .destination = "192.0.2.1"});
  if (!cell.outer4) outer.Ipv6({.source = "2001:db8:e::2", .destination = "2001:db8:f::1"});
  outer.Transport(ProtocolOf(tunnel), PayloadOf(tunnel, cell.inner4, inner.ip()));
  graph.Push(1, outer.frame());
  graph.Settle();
  const auto sent = graph.Sent(1);
  CHECK(graph.Sent(0).empty());
  CHECK(graph.mbufs_in_use() == 0);
  REQUIRE(!sent.empty());
  if (Dissect(sent[0]).at("vlan.id") == "30") {
    CHECK(sent.size() == 1);
    const Fields error = DissectTunnel(sent[0]);
    CHECK(error.at("outer.ip.destination") == (cell.outer4 ? "198.51.100.2" : "2001:db8:e::2"));
    CHECK(error.at("inner.icmp.checksum") == "good");
    CHECK(error.at("inner.ip.destination") == (cell.inner4 ? "10.3.0.1" : "2001:db8:3::1"));
    const bool router = sourced == Sourced::kRouter;
    CHECK(error.at("inner.ip.source") == (cell.inner4 ? (router ? "10.99.0.1" : "10.3.0.254")
                                                      : (router ? "2001:db8:99::1" : "2001:db8:3::fe")));
    CHECK(graph.Drops(1, dataplane::DropReason::kTooBig) == 1);
    return "ICMP " + error.at("inner.icmp.type") + "/" + error.at("inner.icmp.code") + " MTU " +
           error.at("inner.icmp.mtu");
  }
  CHECK(graph.AllDrops().empty());
  size_t payload = 0;
  int longest = 0;
  for (const Bytes& frame : sent) {
    const Fields fields = Dissect(frame);
    CHECK(fields.at("vlan.id") == "20");
    CHECK(fields.at("ip.ttl") == "63");
    payload += fields.at("payload").size() / 2;
    longest = std::max(longest, std::stoi(fields.at("ip.length")));
  }
  CHECK(payload == ip_bytes - (cell.inner4 ? 20u : 40u));
  if (sent.size() == 1) return "whole";
  CHECK(longest <= kUnderlayMtu);
  return std::to_string(sent.size()) + " fragments, " + std::to_string(longest);
}

struct Row {
  std::string below, at, over, twice;
};

// What a cell must say whose MTU is `mtu`, as a line of the table.
void CheckAndPrint(const char* direction, const Cell& cell, uint16_t mtu, const Row& row) {
  const bool fragments = cell.inner4 && !cell.dont_fragment;
  const std::string error = (cell.inner4 ? "ICMP 3/4 MTU " : "ICMP 2/0 MTU ") + std::to_string(mtu);
  CHECK(row.below == "whole");
  CHECK(row.at == "whole");
  CHECK((fragments ? row.over.substr(0, 11) : row.over) == (fragments ? "2 fragments" : error));
  CHECK((fragments ? row.twice.substr(0, 11) : row.twice) == (fragments ? "3 fragments" : error));
  std::printf("%-7s %-8s %-8s %-5s %-3s %5u  %-8s %-20s %s\n", direction, cell.carrier.name,
              cell.carrier.kind ? (cell.outer4 ? "IPv4" : "IPv6") : "-", cell.inner4 ? "IPv4" : "IPv6",
              cell.inner4 ? (cell.dont_fragment ? "yes" : "no") : "-", mtu, row.at.c_str(), row.over.c_str(),
              row.twice.c_str());
}

}  // namespace

TEST_CASE("the MTU matrix, every cell") {
  std::printf("%-7s %-8s %-8s %-5s %-3s %5s  %-8s %-20s %s\n", "way", "carrier", "outside", "inner", "DF",
              "MTU", "at MTU", "one byte more", "twice the MTU");
  for (const Carrier& carrier : kCarriers)
    for (const bool outer4 : {true, false})
      for (const bool inner4 : {true, false})
        for (const bool dont_fragment : {true, false}) {
          if (!carrier.kind && !outer4) continue;   // nothing is outside
          if (!inner4 && !dont_fragment) continue;  // no router fragments IPv6
          const Cell cell{carrier, outer4, inner4, dont_fragment};
          const uint16_t mtu = cell.mtu();
          CAPTURE(carrier.name, outer4, inner4, dont_fragment, mtu);
          const auto outcome = [&](int bytes) { return Outcome(cell, static_cast<uint16_t>(bytes)); };
          CheckAndPrint("into", cell, mtu,
                        {outcome(mtu - 1), outcome(mtu), outcome(mtu + 1), outcome(2 * mtu)});
        }
}

TEST_CASE("the MTU matrix out of tunnels, every cell") {
  for (const Carrier& carrier : kCarriers)
    for (const bool outer4 : {true, false})
      for (const bool inner4 : {true, false})
        for (const bool dont_fragment : {true, false}) {
          if (!carrier.kind || (!inner4 && !dont_fragment)) continue;
          const Cell cell{carrier, outer4, inner4, dont_fragment};
          CAPTURE(carrier.name, outer4, inner4, dont_fragment);
          const auto outcome = [&](int bytes) {
            const std::string by_interface =
                OutcomeOutOf(cell, static_cast<uint16_t>(bytes), Sourced::kInterface);
            CHECK(OutcomeOutOf(cell, static_cast<uint16_t>(bytes), Sourced::kRouter) == by_interface);
            return by_interface;
          };
          CheckAndPrint("out of", cell, kUnderlayMtu,
                        {outcome(kUnderlayMtu - 1), outcome(kUnderlayMtu), outcome(kUnderlayMtu + 1),
                         outcome(2 * kUnderlayMtu)});
        }
}

}  // namespace sluice::testing
