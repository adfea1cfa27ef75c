// What a tunnel interface has beside an Interface: where its packets go, with the
// outer headers prebuilt as far as they do not depend on the packet.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/tables/ids.h"
#include "dataplane/tables/termination_map.h"
#include "proto/net/address.h"
#include "proto/net/mac_address.h"

namespace sluice::dataplane {

// How the far end is asked for signs of life, and when it counts as silent.
struct TunnelProbe {
  channel::ProbeKind kind = channel::ProbeKind::kNone;
  uint8_t misses = 0;       // probes in a row without an answer
  uint16_t interval_s = 0;  // from one to the next

  friend bool operator==(const TunnelProbe&, const TunnelProbe&) = default;
};

// Immutable once published.
struct alignas(64) Tunnel {
  // Outer IPv6 (40) + UDP (8) + VXLAN (8) + inner Ethernet (14).
  static constexpr unsigned kHeaderBytesMax = 70;
  // Of the prebuilt header, so that it is copied in steps of the same size
  // whatever its length; a packet needs as much headroom.
  static constexpr unsigned kHeaderRoom = 80;

  InterfaceId id = kNoInterface;
  VrfId vrf = 0;  // of the inner packets: the interface's
  TunnelKind kind = TunnelKind::kGre;
  bool outer_ipv4 = true;
  uint16_t flags = 0;  // channel::TunnelFlag
  uint8_t ttl = 0;     // of the outer header; 0 = the inner packet's, and back out
  uint8_t dscp = 0;    // with kTunnelPipe
  // Of `header`; then the inner IP packet follows.
  uint8_t header_bytes = 0;
  // What the interface wants of every packet that arrives: bits of SubinterfaceFlag.
  uint8_t arrival_flags = 0;
  // Over IPv4, always with DF, a TTL of its own and no checksum but that of the outer
  // header: flags, TTL and, as if for IPv4 in GRE or Ethernet, the inner EtherType are
  // in `header`.
  bool fixed = false;
  // Of the inner packet's DSCP and ECN the outer header has these bits, and those.
  uint8_t tos_kept = 0xff;
  uint8_t tos_set = 0;
  // Of the outer header's, packets out of the tunnel take over these bits beside congestion:
  // the DSCP, or none.
  uint8_t tos_inward = 0;
  // Sum (RFC 1071, host byte order of 16-bit words, not folded) of the outer IPv4
  // header with its length, TOS, identification, flags, TTL and destination zero.
  uint32_t ipv4_sum = 0;
  uint32_t fixed_sum = 0;  // the same with the flags and the TTL
  net::MacAddress mac;     // kVxlan, kNvgre: ours in the inner frames
  // Outer IP header, GRE or UDP and VXLAN, inner Ethernet header; what depends on
  // the packet (lengths, TOS, TTL, identification, DF, checksums, UDP source port,
  // NVGRE's FlowID, inner addresses and EtherType, the overlay host's provider
  // address) is zero, but for what `fixed` says. It lies at the end of its room.
  alignas(16) std::array<uint8_t, kHeaderRoom> header{};

  // What follows is for the slow path, dumps and the writer.
  uint32_t key_in = 0;
  uint32_t key_out = 0;
  uint16_t udp_port = 0;  // kVxlan
  net::Address local;
  net::Address remote;  // kGre, kEsp
  TunnelProbe probe;    // kGre

  bool Is(channel::TunnelFlag flag) const { return (flags & flag) != 0; }
  bool up() const { return Is(channel::kTunnelUp); }
  // Its inner packets are Ethernet frames.
  bool is_overlay() const { return kind == TunnelKind::kVxlan || kind == TunnelKind::kNvgre; }
  // Told apart by what its packets say of themselves, not by an SA.
  bool terminates() const { return kind != TunnelKind::kEsp; }
  // What arrives for it; `remote` of an overlay is one of its hosts.
  TunnelSelector ReceiveSelector() const {
    return {kind, is_overlay() || Is(channel::kTunnelKeyIn), udp_port};
  }

  // What is sent through it.
  TunnelSelector SendSelector() const { return {kind, is_overlay() || Is(channel::kTunnelKeyOut), udp_port}; }
  // Packets out of the tunnel have no more hops left than the outer header says.
  bool hops_inward() const { return ttl == 0; }
  // Its far end is asked at present.
  bool probed() const { return up() && probe.kind != channel::ProbeKind::kNone; }
  // Routers may cut its packets.
  bool may_be_cut() const { return outer_ipv4 && Is(channel::kTunnelDfClear); }

  const uint8_t* Header() const { return header.data() + kHeaderRoom - header_bytes; }

  // Fills in header, header_bytes, the sums and what depends on flags alone.
  void BuildHeader();
};

// The fields of an adjacency of kind kTunnel in the 16 bytes that hold the
// rewrite of other kinds (AdjacencySnapshot::Rewrite): for an IPv4 underlay the
// provider address itself, else a number in the table of remotes.
struct TunnelHop {
  uint8_t mac[6];  // destination of the inner frame, overlays only
  uint16_t reserved;
  uint32_t remote;     // IPv4, network byte order; 0 over IPv6
  uint32_t remote_id;  // index of the remote: its IPv6 address and path MTU
};
static_assert(sizeof(TunnelHop) == 16);

}  // namespace sluice::dataplane
