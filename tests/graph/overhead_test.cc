// The MTU that the control plane works out for a tunnel, and the bytes that the dataplane
// puts in front of its packets, for every combination of options: they know nothing of
// each other.
#include <catch2/catch.hpp>

#include "control/tenant/compile.h"
#include "control/tenant/tunnel_path.h"
#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

constexpr uint16_t kLinkMtu = 1500;

tenant::UnderlayModel Underlay() {
  tenant::Connection link;
  link.name = "tor-a";
  link.port = "uplink";
  link.mtu = kLinkMtu;
  link.addresses = {*net::InterfaceAddress::Parse("192.0.2.1/24"),
                    *net::InterfaceAddress::Parse("2001:db8:f::1/64")};
  return {{link}, {}};
}

struct Wanted {
  std::string what;
  tenant::TenantModel model;
};

std::vector<tenant::OuterHeader> OuterHeaders(bool outer4) {
  using Df = tenant::OuterHeader::Df;
  std::vector<tenant::OuterHeader> all;
  for (const Df df : {Df::kSet, Df::kCopy, Df::kClear})
    for (const uint8_t ttl : {0, 9})
      for (const std::optional<uint8_t> dscp : {std::optional<uint8_t>(), std::optional<uint8_t>(46)})
        if (outer4 || df == Df::kSet) all.push_back({df, ttl, dscp});
  return all;
}

net::Address Local(bool outer4) {
  return Ip(outer4 ? "192.0.2.1" : "2001:db8:f::1");
}
net::Address Remote(bool outer4) {
  return Ip(outer4 ? "198.51.100.2" : "2001:db8:e::2");
}

std::vector<Wanted> GreConnections() {
  std::vector<Wanted> all;
  for (const bool outer4 : {true, false})
    for (const bool checksum : {false, true})
      for (const std::optional<uint32_t> key : {std::optional<uint32_t>(), std::optional<uint32_t>(7)})
        for (const tenant::OuterHeader& outer : OuterHeaders(outer4)) {
          tenant::Connection connection;
          connection.name = "site";
          connection.gre = {Local(outer4), Remote(outer4), key, key ? 9u : 0u, checksum, outer};
          Wanted wanted{outer4 ? "GRE over IPv4" : "GRE over IPv6", {}};
          wanted.what += std::string(checksum ? ", checksum" : "") + (key ? ", key" : "");
          wanted.model.connections = {connection};
          all.push_back(wanted);
        }
  return all;
}

std::vector<Wanted> VirtualNetworks() {
  std::vector<Wanted> all;
  for (const bool outer4 : {true, false})
    for (const auto encapsulation : {tenant::Encapsulation::kVxlan, tenant::Encapsulation::kNvgre})
      for (const bool checksum : {false, true})
        for (const tenant::OuterHeader& outer : OuterHeaders(outer4)) {
          const bool vxlan = encapsulation == tenant::Encapsulation::kVxlan;
          if (checksum && (!vxlan || outer4)) continue;
          tenant::VirtualNetwork network;
          network.name = "inside";
          network.encapsulation = encapsulation;
          network.provider_address = Local(outer4);
          network.udp_port = vxlan ? 4789 : 0;
          network.udp_checksum = checksum;
          network.outer = outer;
          network.subnets = {{"web", 5001, kInnerGateway, {}, {}}};
          Wanted wanted{std::string(vxlan ? "VXLAN" : "NVGRE") + (outer4 ? " over IPv4" : " over IPv6"), {}};
          wanted.what += checksum ? ", checksum" : "";
          wanted.model.virtual_networks = {network};
          all.push_back(wanted);
        }
  return all;
}

// The only tunnel that the tenant compiles to.
programming::InterfaceObject InterfaceOf(const tenant::TenantModel& model) {
  tenant::TenantNumbers numbers;
  numbers.vrf = 1;
  numbers.connections["site"] = {1, 4, 1, 2};
  numbers.subnets[{"inside", "web"}] = 4;
  const auto objects = tenant::Compile(model, numbers, std::nullopt, Underlay());
  REQUIRE(objects.interfaces.size() == 1);
  REQUIRE(objects.interfaces[0].tunnel.has_value());
  return objects.interfaces[0];
}

dataplane::Tunnel TunnelOf(const programming::TunnelEnds& ends) {
  dataplane::Tunnel tunnel;
  tunnel.kind = ends.kind;
  tunnel.flags = ends.flags;
  tunnel.ttl = ends.ttl;
  tunnel.dscp = ends.dscp;
  tunnel.key_in = ends.key_in;
  tunnel.key_out = ends.key_out;
  tunnel.udp_port = ends.udp_port;
  tunnel.local = ends.local;
  return tunnel;
}

}  // namespace

TEST_CASE("a connection's MTU leaves room for exactly the bytes that are put in front of its packets") {
  auto all = GreConnections();
  for (const Wanted& network : VirtualNetworks()) all.push_back(network);
  CHECK(all.size() == 4 * (12 + 4) + 2 * 12 + 3 * 4);
  for (const Wanted& wanted : all) {
    const programming::InterfaceObject interface = InterfaceOf(wanted.model);
    const programming::TunnelEnds& ends = *interface.tunnel;
    INFO(wanted.what << ", flags " << ends.flags << ", TTL " << unsigned{ends.ttl});
    TunnelGateway graph;
    graph.AddTunnel(TunnelOf(ends), Remote(ends.local.is_v4()).ToString());
    dataplane::Adjacency adjacency = *graph.tables().adjacencies.Describe(4);
    adjacency.mtu = interface.mtu;
    REQUIRE(graph.tables().PutAdjacency(4, adjacency).ok());
    for (const bool inner4 : {true, false}) {
      // As large as it may be, with DF: it just fills the link.
      Packet in = graph.In();
      if (inner4) in.Ipv4({.destination = "10.3.0.1", .fragment = 0x4000});
      if (!inner4) in.Ipv6({.destination = "2001:db8:3::1"});
      in.Udp(1, 2, interface.mtu - (inner4 ? 28u : 48u));
      graph.Push(0, in.frame());
      graph.Settle();
      const auto sent = graph.Sent(1);
      REQUIRE(sent.size() == 1);
      CHECK(sent[0].size() == size_t{kLinkMtu} + 18);
      CHECK(sent[0].size() - 18 - in.ip().size() == graph.tables().tunnels.Find(4)->header_bytes);
      const Fields fields = DissectTunnel(sent[0]);
      CHECK(fields.at("outer.ip.length") == std::to_string(kLinkMtu));
      CHECK(fields.at("inner.ip.length") == std::to_string(interface.mtu));
    }
    CHECK(graph.AllDrops().empty());
  }
}

}  // namespace sluice::testing
