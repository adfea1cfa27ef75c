// For tests: a resolution with one subinterface, packets of its link and outputs
// sorted by kind.
#pragma once

#include <catch2/catch.hpp>

#include "dataplane/slowpath/ethernet_frame.h"
#include "dataplane/slowpath/neighbor_resolution.h"

namespace sluice::dataplane::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline net::MacAddress Mac(const char* text) {
  return *net::MacAddress::Parse(text);
}
inline net::Address Ip(const char* text) {
  return *net::Address::Parse(text);
}

inline const net::MacAddress kOurMac = Mac("02:00:00:00:00:01");
inline const net::MacAddress kPeerMac = Mac("02:00:00:00:00:09");
inline const net::MacAddress kOtherMac = Mac("02:00:00:00:00:0a");
inline constexpr InterfaceId kLink = 7;
inline constexpr VrfId kTenant = 3;

inline InterfaceChange LinkUp() {
  InterfaceChange change;
  change.interface = kLink;
  change.vrf = kTenant;
  change.port = 2;
  change.vlan = 100;
  change.mac = kOurMac;
  change.addresses = {*net::InterfaceAddress::Parse("10.0.0.1/24"),
                      *net::InterfaceAddress::Parse("2001:db8::1/64")};
  return change;
}

template <class Kind>
std::vector<Kind> Of(const NeighborOutputs& outputs) {
  std::vector<Kind> found;
  for (const NeighborOutput& output : outputs) {
    if (const Kind* const kind = std::get_if<Kind>(&output)) found.push_back(*kind);
  }
  return found;
}

// A frame of ours, taken apart again.
struct Sent {
  net::MacAddress to;
  std::optional<ArpPacket> arp;
  std::optional<NdPacket> nd;
};
inline std::vector<Sent> SentIn(const NeighborOutputs& outputs) {
  std::vector<Sent> all;
  for (const SendFrame& frame : Of<SendFrame>(outputs)) {
    Sent sent;
    std::copy_n(frame.bytes.begin(), 6, sent.to.bytes.begin());
    const bool tagged = frame.bytes[12] == 0x81;
    const auto payload = std::span<const uint8_t>(frame.bytes).subspan(tagged ? 18 : 14);
    sent.arp = ParseArp(payload);
    // Multicast listener reports have a hop-by-hop header, see ReportedGroups.
    if (!sent.arp && payload[6] == 0) continue;
    if (!sent.arp) {
      REQUIRE(ParseNd(payload).fault == NdFault::kNone);
      sent.nd = ParseNd(payload).packet;
    }
    all.push_back(sent);
  }
  return all;
}

// The groups of the multicast listener reports.
inline std::vector<net::Ipv6Address> ReportedGroups(const NeighborOutputs& outputs) {
  std::vector<net::Ipv6Address> groups;
  for (const SendFrame& frame : Of<SendFrame>(outputs)) {
    const auto payload = std::span<const uint8_t>(frame.bytes).subspan(frame.bytes[12] == 0x81 ? 18 : 14);
    if (payload[0] >> 4 == 6 && payload[6] == 0) groups.push_back(net::Ipv6Address::FromBytes(&payload[60]));
  }
  return groups;
}

struct Link {
  NeighborResolution resolution;
  Instant now{seconds(1000)};

  explicit Link(const NeighborSettings& settings = {}, uint64_t seed = 1) : resolution(settings, seed) {}
  // With the interface up and everything announced.
  static Link Quiet(const NeighborSettings& settings = {}) {
    Link link(settings);
    NeighborOutputs out;
    link.resolution.Handle(link.now, LinkUp(), out);
    link.After(seconds(10));
    return link;
  }

  template <class Input>
  NeighborOutputs Give(const Input& input) {
    NeighborOutputs out;
    resolution.Handle(now, input, out);
    return out;
  }
  NeighborOutputs Arp(const ArpPacket& packet) {
    NeighborOutputs out;
    resolution.HandleArp(now, kLink, BuildArp(packet), out);
    return out;
  }
  NeighborOutputs Nd(const NdPacket& packet, const net::MacAddress& from = kPeerMac) {
    NeighborOutputs out;
    resolution.HandleNd(now, kLink, from, BuildNd(packet), out);
    return out;
  }
  NeighborOutputs Unresolved(const char* next_hop, PacketHandle packet, VrfId tenant = kTenant) {
    NeighborOutputs out;
    resolution.HandleUnresolved(now, {kLink, Ip(next_hop)}, tenant, packet, out);
    return out;
  }
  // Lets time pass from deadline to deadline.
  NeighborOutputs After(Duration time) {
    NeighborOutputs out;
    const Instant end = now + time;
    while (resolution.NextDeadline() && *resolution.NextDeadline() <= end) {
      now = std::max(now, *resolution.NextDeadline());
      resolution.HandleTime(now, out);
    }
    now = end;
    return out;
  }
};

inline ArpPacket Request(const net::MacAddress& mac, const char* sender, const char* target) {
  return {ArpOperation::kRequest, mac, Ip(sender).v4(), {}, Ip(target).v4()};
}
inline ArpPacket Reply(const net::MacAddress& mac, const char* sender) {
  return {ArpOperation::kReply, mac, Ip(sender).v4(), kOurMac, Ip("10.0.0.1").v4()};
}
inline NdPacket Solicitation(const char* source, const char* target) {
  NdPacket packet;
  packet.source = Ip(source).v6();
  packet.target = Ip(target).v6();
  packet.destination = packet.target.SolicitedNode();
  packet.link_layer = kPeerMac;
  return packet;
}
inline NdPacket Advertisement(const char* target, bool solicited = true, bool overrides = true) {
  NdPacket packet;
  packet.kind = NdKind::kAdvertisement;
  packet.source = packet.target = Ip(target).v6();
  packet.destination = solicited ? Ip("2001:db8::1").v6() : Ip("ff02::1").v6();
  packet.link_layer = kPeerMac;
  packet.solicited = solicited;
  packet.override_cached = overrides;
  return packet;
}

}  // namespace sluice::dataplane::testing
