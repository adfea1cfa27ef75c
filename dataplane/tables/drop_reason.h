// Every way in which a packet ends other than by being sent, punted or
// consumed by us: one list, with the names that operators see.
#pragma once

#include <cstdint>
#include <span>

namespace sluice::dataplane {

// X(enumerator, name, description)
#define SLUICE_DROP_REASONS(X)                                                                       \
  X(kNone, "none", "not dropped")                                                                    \
  X(kTruncated, "truncated", "the frame ends inside its headers")                                    \
  X(kChained, "chained", "the port handed the frame over in several buffers")                        \
  X(kUnknownVlan, "unknown_vlan", "no subinterface has this port and VLAN")                          \
  X(kInterfaceDown, "interface_down", "the subinterface is administratively down")                   \
  X(kNotOurMac, "not_our_mac", "the frame is addressed to another station")                          \
  X(kUnknownEtherType, "unknown_ether_type", "neither IPv4, IPv6 nor ARP")                           \
  X(kL2Multicast, "l2_multicast", "IPv4, or unicast IPv6, in a frame to a group")                    \
  X(kIpVersion, "ip_version", "the IP version does not match the EtherType")                         \
  X(kIpHeaderLength, "ip_header_length", "the IPv4 header length is below 20 or beyond the packet")  \
  X(kIpTotalLength, "ip_total_length", "the IP length is larger than the frame or below the header") \
  X(kIpChecksum, "ip_checksum", "the IPv4 header checksum is wrong")                                 \
  X(kMartianSource, "martian_source", "a source address that no host may use (RFC 1812 5.3.7)")      \
  X(kMartianDestination, "martian_destination", "a destination that is never forwarded")             \
  X(kMulticast, "multicast", "multicast is not forwarded")                                           \
  X(kSpoofedOwnAddress, "spoofed_own_address", "the source address is one of ours")                  \
  X(kUrpf, "urpf", "strict reverse path check failed (RFC 3704)")                                    \
  X(kPolicedIn, "policed_in", "above the connection's inbound rate")                                 \
  X(kPolicedOut, "policed_out", "above the connection's outbound rate")                              \
  X(kTtlExpired, "ttl_expired", "TTL or hop limit ran out; time exceeded was sent if allowed")       \
  X(kNoRoute, "no_route", "no route matches the destination")                                        \
  X(kBlackhole, "blackhole", "the route says to drop")                                               \
  X(kNextHopDown, "next_hop_down", "no live next hop")                                               \
  X(kTooBig, "too_big", "larger than the MTU and not to be fragmented")                              \
  X(kFragmentationFailed, "fragmentation_failed", "no buffers to fragment into")                     \
  X(kFragmentMalformed, "fragment_malformed", "a fragment to us that is no part of any datagram")    \
  X(kPortUnreachable, "port_unreachable", "nobody listens on this local UDP port")                   \
  X(kProtocolUnreachable, "protocol_unreachable", "we do not speak this protocol")                   \
  X(kTcpUnwanted, "tcp_unwanted", "TCP to an address of ours that control did not ask for")          \
  X(kLocalMalformed, "local_malformed", "a malformed packet addressed to us")                        \
  X(kIcmpUnwanted, "icmp_unwanted", "an ICMP message to us that we have no use for")                 \
  X(kEchoRateLimited, "echo_rate_limited", "above the tenant's rate of echo replies")                \
  X(kIcmpErrorRateLimited, "icmp_error_rate_limited", "above the tenant's rate of ICMP errors")      \
  X(kIcmpErrorForbidden, "icmp_error_forbidden", "about a packet that ICMP must be silent about")    \
  X(kIcmpErrorNoSource, "icmp_error_no_source", "we have no address to send the ICMP error from")    \
  X(kPuntQueueFull, "punt_queue_full", "the slow path did not keep up")                              \
  X(kPuntRateLimited, "punt_rate_limited", "above the budget of the punt class")                     \
  X(kNeighborUnresolved, "neighbor_unresolved", "the neighbour did not answer in time")              \
  X(kHoldQueueFull, "hold_queue_full", "too many packets wait for neighbours")                       \
  X(kTransmitQueueFull, "transmit_queue_full", "the port did not take the packet")                   \
  X(kInjectInvalid, "inject_invalid", "an injected packet with an unusable instruction")             \
  X(kIpv6Extension, "ipv6_extension", "a chain of IPv6 extension headers that does not end")         \
  X(kLinkLocal, "link_local", "a link-local address beyond its link")                                \
  X(kNeighborMalformed, "neighbor_malformed", "malformed ARP or Neighbor Discovery")                 \
  X(kNeighborNotForUs, "neighbor_not_for_us", "ARP or Neighbor Discovery about another station")     \
  X(kNeighborUnasked, "neighbor_unasked", "an ARP reply or advertisement of nobody we asked for")    \
  X(kNeighborReflected, "neighbor_reflected", "our own ARP or Neighbor Discovery came back")         \
  X(kNeighborRateLimited, "neighbor_rate_limited", "above the interface's rate of ARP and ND")       \
  X(kSlowPathNoBuffer, "slow_path_no_buffer", "the slow path had no buffer for it")                  \
  X(kInjectQueueFull, "inject_queue_full", "a worker did not take what the slow path sent")          \
  X(kControlAbsent, "control_absent", "for control, which is not attached")                          \
  X(kInjectRateLimited, "inject_rate_limited", "above the tenant's budget of what control sends")    \
  X(kTunnelUnknown, "tunnel_unknown", "nobody's: no tunnel has this source, key, VNI or VSID")       \
  X(kTunnelNotAHost, "tunnel_not_a_host", "from a provider address that is no host of the network")  \
  X(kTunnelTruncated, "tunnel_truncated", "the packet ends inside its tunnel headers")               \
  X(kTunnelHeader, "tunnel_header", "a tunnel header that is not to be accepted")                    \
  X(kTunnelChecksum, "tunnel_checksum", "the GRE or outer UDP checksum is wrong")                    \
  X(kTunnelEcn, "tunnel_ecn", "congestion the sender cannot be told of (RFC 6040)")                  \
  X(kTunnelInnerMac, "tunnel_inner_mac", "the inner frame is addressed to another station")          \
  X(kTunnelLoop, "tunnel_loop", "the way to the far end of the tunnel leads through a tunnel")       \
  X(kFragmentOverlap, "fragment_overlap", "fragments to us overlap or end differently (RFC 5722)")   \
  X(kFragmentDuplicate, "fragment_duplicate", "a fragment to us that came before")                   \
  X(kFragmentTooLong, "fragment_too_long", "of a datagram above reassembly_datagram_bytes")          \
  X(kFragmentQueueFull, "fragment_queue_full", "a worker did not take what another handed over")     \
  X(kReassemblyTimeout, "reassembly_timeout", "the rest did not come within reassembly_timeout_ms")  \
  X(kReassemblyPerSource, "reassembly_per_source", "oldest at reassembly_datagrams_per_source")      \
  X(kReassemblyPerTenant, "reassembly_per_tenant", "oldest at reassembly_datagrams_per_tenant")      \
  X(kReassemblyDatagrams, "reassembly_datagrams", "oldest of all at reassembly_datagrams")           \
  X(kReassemblyFragments, "reassembly_fragments", "above reassembly_fragments_per_datagram")         \
  X(kReassemblyNoBuffer, "reassembly_no_buffer", "no buffer to put a datagram together in")          \
  X(kEspNoSa, "esp_no_sa", "no security association with this SPI, or none to send with yet")        \
  X(kEspMalformed, "esp_malformed", "an ESP packet whose lengths do not hold together")              \
  X(kEspReplay, "esp_replay", "an ESP sequence number that came before")                             \
  X(kEspLate, "esp_late", "an ESP sequence number left of the replay window")                        \
  X(kEspIntegrity, "esp_integrity", "the ESP integrity check value is wrong")                        \
  X(kEspNextHeader, "esp_next_header", "what came through ESP is no IP packet")                      \
  X(kEspDummy, "esp_dummy", "a dummy packet, sent to hide the traffic (RFC 4303)")                   \
  X(kEspSelector, "esp_selector", "what came or goes through ESP fits no traffic selector")          \
  X(kEspSequence, "esp_sequence", "the ESP sequence numbers of the security association ran out")    \
  X(kEspExpired, "esp_expired", "the hard lifetime of the security association ended")               \
  X(kEspQueueFull, "esp_queue_full", "above the security association's budget between workers")      \
  X(kNatKeepalive, "nat_keepalive", "a NAT keepalive, one byte to UDP port 4500 (RFC 3948)")

enum class DropReason : uint8_t {
#define SLUICE_DROP_ENUMERATOR(enumerator, name, description) enumerator,
  SLUICE_DROP_REASONS(SLUICE_DROP_ENUMERATOR)
#undef SLUICE_DROP_ENUMERATOR
};

struct DropReasonName {
  DropReason reason;
  const char* name;
  const char* description;
};

inline constexpr DropReasonName kDropReasons[] = {
#define SLUICE_DROP_ROW(enumerator, name, description) {DropReason::enumerator, name, description},
    SLUICE_DROP_REASONS(SLUICE_DROP_ROW)
#undef SLUICE_DROP_ROW
};
#undef SLUICE_DROP_REASONS

// Length of a VRF's row of drop counters: room for reasons to come.
inline constexpr uint32_t kDropReasonsMax = 96;
static_assert(std::size(kDropReasons) <= kDropReasonsMax);

inline constexpr const DropReasonName& NameOf(DropReason reason) {
  return kDropReasons[static_cast<uint8_t>(reason)];
}

}  // namespace sluice::dataplane
