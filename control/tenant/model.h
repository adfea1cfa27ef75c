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
  net::Address address;
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

// Plain forwarding on a VLAN of a port; the only kind of connection there is yet.
struct L3Connection {
  std::string name;
  bool enabled = true;
  std::string port;
  uint16_t vlan = 0;  // 1..4094, 0 = untagged
  uint16_t mtu = 0;   // bytes, 0 = that of the port
  bool strict_reverse_path = false;
  std::optional<uint32_t> inbound_kbps;  // absent: no limit
  std::optional<uint32_t> outbound_kbps;
  std::vector<net::InterfaceAddress> addresses;
  std::vector<net::Address> peer_addresses;
  std::vector<StaticNeighbor> static_neighbors;
  std::vector<StaticRoute> routes;

  friend bool operator==(const L3Connection&, const L3Connection&) = default;
};

struct TenantModel {
  std::string name;
  std::vector<net::Address> router_addresses;
  std::vector<L3Connection> connections;
  // What the dataplane enforces; 0 = its own limits only.
  uint32_t routes_ipv4_max = 0;
  uint32_t routes_ipv6_max = 0;
  uint32_t neighbors_max = 0;
  uint64_t static_routes_max = 0;

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

// Numbers of a tenant in the channel.
struct TenantNumbers {
  uint32_t vrf = 0;
  std::map<std::string, ConnectionNumbers> connections;  // by connection name

  friend bool operator==(const TenantNumbers&, const TenantNumbers&) = default;
};

}  // namespace sluice::tenant
