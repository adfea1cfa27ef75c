// A tenant as validated values: what a request meant, without text that could
// still be wrong. Made by ValidateTenant, read by Compile.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "proto/net/address.h"
#include "proto/net/mac_address.h"
#include "proto/net/prefix.h"

namespace sluice::tenant {

struct NextHop {
  // Absent: the connection itself, which then is a tunnel.
  std::optional<net::Address> address;
  std::string connection;  // empty: the one whose subnet or peer holds `address`
  uint16_t weight = 1;     // 1..256

  friend bool operator==(const NextHop&, const NextHop&) = default;
};
using NextHops = absl::InlinedVector<NextHop, 1>;

struct StaticRoute {
  net::Prefix prefix;
  uint32_t metric = 1;  // the lower is preferred
  NextHops next_hops;   // at least one, of the prefix's family

  friend bool operator==(const StaticRoute&, const StaticRoute&) = default;
};

struct StaticNeighbor {
  net::Address address;
  net::MacAddress mac;

  friend bool operator==(const StaticNeighbor&, const StaticNeighbor&) = default;
};

// What a tunnel writes outside of the packets that it carries.
struct OuterHeader {
  enum class Df : uint8_t { kSet, kCopy, kClear };

  Df df = Df::kSet;             // of IPv4
  uint8_t ttl = 64;             // 0: the inner packet's
  std::optional<uint8_t> dscp;  // 0..63; absent: the inner packet's
  bool dscp_inward = false;     // which takes over what is outside; never with `dscp`

  friend bool operator==(const OuterHeader&, const OuterHeader&) = default;
};

// How the far end of a tunnel is asked for signs of life.
struct PeerProbe {
  enum class Kind : uint8_t { kKeepalive };

  Kind kind = Kind::kKeepalive;
  uint16_t interval_s = 0;  // 1..600
  uint8_t misses = 0;       // 1..10, in a row, before it counts as silent

  friend bool operator==(const PeerProbe&, const PeerProbe&) = default;
};

// GRE (RFC 2784) with or without key (RFC 2890), which both directions have or neither.
struct GreTunnel {
  net::Address local;           // ours in the underlay
  net::Address remote;          // of the same family
  std::optional<uint32_t> key;  // of what arrives
  uint32_t send_key = 0;        // with `key`
  bool checksum = false;        // is sent
  OuterHeader outer;
  std::optional<PeerProbe> probe;  // absent: not at all

  friend bool operator==(const GreTunnel&, const GreTunnel&) = default;
};

// A GRE tunnel, or plain forwarding on a VLAN of a port. An interface of the
// underlay is a link of the latter kind.
struct Connection {
  std::string name;
  bool enabled = true;
  std::optional<GreTunnel> gre;  // then there is neither port nor VLAN
  std::string port;
  uint16_t vlan = 0;  // 1..4094, 0 = untagged
  uint16_t mtu = 0;   // bytes, 0 = that of the port, or what the underlay leaves a tunnel
  bool strict_reverse_path = false;
  bool clamp_mss = false;                // of TCP connections, both ways, to the MTU in force
  std::optional<uint32_t> inbound_kbps;  // absent: no limit
  std::optional<uint32_t> outbound_kbps;
  std::vector<net::InterfaceAddress> addresses;
  std::vector<net::Address> peer_addresses;
  std::vector<StaticNeighbor> static_neighbors;
  std::vector<StaticRoute> routes;

  friend bool operator==(const Connection&, const Connection&) = default;
};

enum class Encapsulation : uint8_t { kVxlan, kNvgre };

// One VNI or VSID: a link of its own, whose far ends are the hosts of its mappings.
struct VirtualSubnet {
  std::string name;
  uint32_t network_id = 0;
  net::MacAddress gateway_mac;                  // ours in the inner frames
  std::vector<net::Prefix> prefixes;            // one, or one of each family
  std::vector<net::InterfaceAddress> gateways;  // our addresses in them

  friend bool operator==(const VirtualSubnet&, const VirtualSubnet&) = default;
};

struct VirtualNetwork {
  std::string name;
  Encapsulation encapsulation = Encapsulation::kVxlan;
  net::Address provider_address;  // ours in the underlay
  uint16_t udp_port = 0;          // kVxlan, else 0
  bool udp_checksum = false;      // kVxlan over IPv6
  OuterHeader outer;
  uint16_t mtu = 0;  // of inner packets, bytes; 0 = what the underlay leaves
  std::vector<VirtualSubnet> subnets;

  friend bool operator==(const VirtualNetwork&, const VirtualNetwork&) = default;
};

// Customer address or prefix to the host that has it.
struct Mapping {
  net::Prefix prefix;
  std::string subnet;     // of the virtual network
  net::Address provider;  // the host's, in the family of our provider address
  net::MacAddress mac;    // destination of the inner frame

  friend bool operator==(const Mapping&, const Mapping&) = default;
};

struct TenantModel {
  std::string name;
  std::vector<net::Address> router_addresses;
  std::vector<Connection> connections;
  std::vector<VirtualNetwork> virtual_networks;
  // What the dataplane enforces; 0 = its own limits only.
  uint32_t routes_ipv4_max = 0;
  uint32_t routes_ipv6_max = 0;
  uint32_t neighbors_max = 0;
  uint64_t static_routes_max = 0;
  uint64_t mappings_max = 0;

  friend bool operator==(const TenantModel&, const TenantModel&) = default;
};

// Numbers of one connection in the channel, allocated in the transaction that
// creates it and kept as long as it exists.
struct ConnectionNumbers {
  uint32_t connection = 0;
  uint32_t interface = 0;
  uint32_t policer_in = 0;
  uint32_t policer_out = 0;

  friend bool operator==(const ConnectionNumbers&, const ConnectionNumbers&) = default;
};

// A subnet of a virtual network by name.
struct SubnetName {
  std::string virtual_network;
  std::string subnet;

  friend auto operator<=>(const SubnetName&, const SubnetName&) = default;
};

// Numbers of a tenant in the channel.
struct TenantNumbers {
  uint32_t vrf = 0;
  std::map<std::string, ConnectionNumbers> connections;  // by connection name
  std::map<SubnetName, uint32_t> subnets;                // interface of each

  friend bool operator==(const TenantNumbers&, const TenantNumbers&) = default;
};

// The provider network, as VRF 0 has it: what tunnels end on and go through.
struct UnderlayModel {
  std::vector<Connection> interfaces;  // name, port, vlan, mtu, addresses
  std::vector<StaticRoute> routes;     // their next hops name interfaces of it as connections

  bool empty() const { return interfaces.empty() && routes.empty(); }
  friend bool operator==(const UnderlayModel&, const UnderlayModel&) = default;
};

// Numbers of the underlay's interfaces in the channel, by name.
using UnderlayNumbers = std::map<std::string, uint32_t>;

}  // namespace sluice::tenant
