// The objects that the dataplane should hold, as values: one type per kind of
// channel record, with its identity. `tenant` compiles to them, `programming`
// compares and sends them. Numbers are the channel's (proto/channel/records.h);
// they are allocated by control and persisted with the object they belong to.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/rib/route.h"
#include "proto/channel/records.h"
#include "proto/net/address.h"
#include "proto/net/mac_address.h"
#include "proto/net/prefix.h"

namespace sluice::programming {

// A tenant's routing instance.
struct VrfObject {
  uint32_t vrf = 0;
  std::string name;  // the operator's, "tenant contoso", for reports
  std::optional<net::Ipv4Address> router_ipv4;
  std::optional<net::Ipv6Address> router_ipv6;
  uint32_t ipv4_routes_max = 0;  // 0 = only the dataplane's own limits
  uint32_t ipv6_routes_max = 0;
  uint32_t neighbors_max = 0;

  uint32_t key() const { return vrf; }
  friend bool operator==(const VrfObject&, const VrfObject&) = default;
};

struct PolicerObject {
  uint32_t policer = 0;
  uint32_t vrf = 0;          // of the tenant it belongs to
  std::string name;          // "tenant contoso: connection paris: inbound bandwidth"
  uint32_t rate_kbps = 0;    // of inner L3 bytes; at least 1
  uint32_t burst_bytes = 0;  // 0 = the dataplane's default

  uint32_t key() const { return policer; }
  friend bool operator==(const PolicerObject&, const PolicerObject&) = default;
};

// What makes an interface a tunnel (channel::TunnelRecord); the fields are those of the record.
struct TunnelEnds {
  channel::TunnelKind kind = channel::TunnelKind::kGre;
  uint16_t flags = 0;                  // channel::TunnelFlag; up, reverse path and MSS are the interface's
  net::Address local;                  // ours in the underlay
  std::optional<net::Address> remote;  // of kGre; an overlay's far ends are the hosts of its adjacencies
  uint32_t key_in = 0;                 // VNI or VSID: both the same
  uint32_t key_out = 0;
  uint16_t udp_port = 0;  // kVxlan
  uint8_t ttl = 0;        // of the outer header; 0 = that of the inner packet
  uint8_t dscp = 0;       // with channel::kTunnelPipe
  channel::ProbeKind probe = channel::ProbeKind::kNone;
  uint8_t probe_misses = 0;
  uint16_t probe_interval_s = 0;

  friend bool operator==(const TunnelEnds&, const TunnelEnds&) = default;
};

// An L3 subinterface, or a tunnel, together with its addresses.
struct InterfaceObject {
  uint32_t interface = 0;
  uint32_t vrf = 0;
  uint32_t connection = 0;  // number of the connection it belongs to, 0 = none
  std::string name;         // "tenant contoso: connection paris"
  std::string port;         // the operator's name; becomes a number when the dataplane is there
  uint16_t vlan = 0;        // 1..4094, 0 = untagged
  uint16_t mtu = 1500;      // largest IP packet, bytes
  bool up = true;           // administratively
  bool strict_urpf = false;
  bool clamp_mss = false;   // of TCP connections, both ways, to the MTU
  uint32_t policer_in = 0;  // 0 = none; traffic from the connection
  uint32_t policer_out = 0;
  net::MacAddress mac;  // zero = the port's own; of an overlay ours in the inner frames
  std::vector<net::InterfaceAddress> addresses;
  std::optional<TunnelEnds> tunnel;  // then `port` and `vlan` are not used

  uint32_t key() const { return interface; }
  friend bool operator==(const InterfaceObject&, const InterfaceObject&) = default;
};

struct StaticNeighborKey {
  uint32_t interface = 0;
  net::Address address;
  friend auto operator<=>(const StaticNeighborKey&, const StaticNeighborKey&) = default;
};

struct StaticNeighborObject {
  uint32_t interface = 0;
  uint32_t vrf = 0;
  net::Address address;
  net::MacAddress mac;
  std::string name;  // "tenant contoso: connection paris: neighbour 15.0.0.1"

  StaticNeighborKey key() const { return {interface, address}; }
  friend bool operator==(const StaticNeighborObject&, const StaticNeighborObject&) = default;
};

// Adjacencies and groups are made by the RIB, not by configuration; their
// numbers here are the RIB's (see WireIds for the channel's).
struct AdjacencyObject {
  uint32_t adjacency = 0;
  channel::AdjacencyKind kind = channel::AdjacencyKind::kDrop;
  uint32_t interface = 0;       // kNeighbor, kGlean and kTunnel, else 0
  net::Address next_hop;        // kNeighbor; kTunnel over an overlay: the host's provider address
  net::MacAddress mac;          // kTunnel over an overlay: of the inner frame
  uint32_t vrf = ~uint32_t{0};  // of such a host, which may move without a change of group and route

  uint32_t key() const { return adjacency; }
  friend bool operator==(const AdjacencyObject&, const AdjacencyObject&) = default;
};

struct GroupObject {
  struct Member {
    uint32_t adjacency = 0;
    uint16_t weight = 1;
    friend bool operator==(const Member&, const Member&) = default;
  };
  uint32_t group = 0;
  uint32_t vrf = 0;
  std::vector<Member> members;  // 1..channel::kMaxGroupMembers

  uint32_t key() const { return group; }
  friend bool operator==(const GroupObject&, const GroupObject&) = default;
};

struct RouteObject {
  uint32_t vrf = 0;
  net::Prefix prefix;
  uint32_t group = 0;

  friend bool operator==(const RouteObject&, const RouteObject&) = default;
};

// All that one tenant, or as VRF 0 the underlay, wants in the dataplane, apart from large route sets. This
// is what `tenant` compiles to. Routes go to the RIB, which makes adjacencies,
// groups and the chosen routes of them.
struct TenantObjects {
  VrfObject vrf;
  std::vector<PolicerObject> policers;
  std::vector<InterfaceObject> interfaces;
  std::vector<StaticNeighborObject> neighbors;
  std::vector<rib::RouteInput> routes;
  // What is configured and cannot be programmed, in the operator's words; empty: nothing.
  std::string left_out = {};

  friend bool operator==(const TenantObjects&, const TenantObjects&) = default;
};

}  // namespace sluice::programming
