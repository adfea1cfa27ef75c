// What ARP and ND packets mean to neighbour resolution, and the ones it sends.
#include "dataplane/slowpath/ethernet_frame.h"
#include "dataplane/slowpath/mld_report.h"
#include "dataplane/slowpath/neighbor_resolution.h"

namespace sluice::dataplane {
namespace {

const net::Ipv6Address kAllNodes = net::Ipv6Address::FromHalves(0xff02'0000'0000'0000, 1);

// A reply confirms only while we ask.
bool IsAsked(const Neighbor& neighbor) {
  return neighbor.probes_sent > 0;
}

}  // namespace

DropReason NeighborResolution::HandleArp(Instant now, InterfaceId interface, std::span<const uint8_t> bytes,
                                         NeighborOutputs& out) {
  LocalInterface* const local = FindInterface(interface);
  const std::optional<ArpPacket> packet = ParseArp(bytes);
  if (!packet || local == nullptr) {
    ++(packet ? counters_.unknown_interface : counters_.malformed);
    return packet ? DropReason::kInterfaceDown : DropReason::kNeighborMalformed;
  }
  if (packet->sender_mac == local->config.mac) return DropReason::kNeighborReflected;
  if (local->IsOwn(packet->sender_ip)) {
    OnConflict(now, *local, packet->sender_ip, packet->sender_mac, out);
    return DropReason::kNone;
  }

  Neighbor* const neighbor = packet->IsProbe() ? nullptr : cache_.Find({interface, packet->sender_ip});
  if (packet->operation == ArpOperation::kReply || packet->IsAnnouncement()) {
    if (neighbor == nullptr) return DropReason::kNeighborUnasked;
    const bool solicited =
        packet->operation == ArpOperation::kReply && local->IsOwn(packet->target_ip) && IsAsked(*neighbor);
    OnAdvertised(now, *neighbor, {packet->sender_mac, solicited, true}, out);
    return DropReason::kNone;
  }
  return OnArpRequest(now, *local, *packet, out);
}

DropReason NeighborResolution::OnArpRequest(Instant now, LocalInterface& interface, const ArpPacket& packet,
                                            NeighborOutputs& out) {
  // RFC 826 merges from any request; we care for those who talk to us, and for
  // known stations that moved.
  const bool for_us = interface.IsOwn(packet.target_ip);
  const bool known = cache_.Find({interface.config.interface, packet.sender_ip}) != nullptr;
  if (!for_us && !known) return DropReason::kNeighborNotForUs;
  if (!interface.requests.Take(now)) {
    ++counters_.requests_over_budget;
    return DropReason::kNeighborRateLimited;
  }
  if (!packet.IsProbe()) Learn(now, interface, packet.sender_ip, packet.sender_mac, out);
  if (!for_us) return DropReason::kNone;
  ++counters_.requests_answered;
  SendArp(interface, packet.sender_mac,
          {ArpOperation::kReply, interface.config.mac, packet.target_ip, packet.sender_mac, packet.sender_ip},
          out);
  return DropReason::kNone;
}

DropReason NeighborResolution::HandleNd(Instant now, InterfaceId interface,
                                        const net::MacAddress& frame_source, std::span<const uint8_t> bytes,
                                        NeighborOutputs& out) {
  LocalInterface* const local = FindInterface(interface);
  const NdParse parsed = ParseNd(bytes);
  if (parsed.fault != NdFault::kNone || local == nullptr) {
    ++(parsed.fault == NdFault::kNone ? counters_.unknown_interface : counters_.malformed);
    return parsed.fault == NdFault::kNone ? DropReason::kInterfaceDown : DropReason::kNeighborMalformed;
  }
  const NdPacket& packet = parsed.packet;
  if (frame_source == local->config.mac) return DropReason::kNeighborReflected;
  if (packet.kind == NdKind::kSolicitation) return OnSolicitation(now, *local, frame_source, packet, out);
  if (local->IsOwn(packet.target)) {
    OnConflict(now, *local, packet.target, packet.link_layer.value_or(frame_source), out);
    return DropReason::kNone;
  }
  Neighbor* const neighbor = cache_.Find({interface, packet.target});
  if (neighbor == nullptr) return DropReason::kNeighborUnasked;
  const bool solicited = packet.solicited && IsAsked(*neighbor);
  OnAdvertised(now, *neighbor, {packet.link_layer, solicited, packet.override_cached}, out);
  return DropReason::kNone;
}

DropReason NeighborResolution::OnSolicitation(Instant now, LocalInterface& interface,
                                              const net::MacAddress& frame_source, const NdPacket& packet,
                                              NeighborOutputs& out) {
  if (!interface.IsOwn(packet.target)) return DropReason::kNeighborNotForUs;
  if (!interface.requests.Take(now)) {
    ++counters_.requests_over_budget;
    return DropReason::kNeighborRateLimited;
  }
  const net::MacAddress peer = packet.link_layer.value_or(frame_source);
  const bool detecting_duplicates = packet.source.IsZero();
  // A host behind its own prefix asks from the address that its packet has, which need not be of the link
  // (RFC 4861 section 7.2.2). Hop limit 255 says that it is near: it is answered as ARP is, not learned.
  if (!detecting_duplicates && packet.link_layer)
    Learn(now, interface, packet.source, *packet.link_layer, out);
  NdPacket answer;
  answer.kind = NdKind::kAdvertisement;
  answer.target = packet.target;
  answer.link_layer = interface.config.mac;
  answer.router = true;
  answer.solicited = !detecting_duplicates;
  answer.override_cached = true;
  answer.source = packet.target;
  answer.destination = detecting_duplicates ? kAllNodes : packet.source;
  ++counters_.requests_answered;
  SendNd(interface, detecting_duplicates ? MulticastMac(kAllNodes) : peer, answer, out);
  return DropReason::kNone;
}

void NeighborResolution::OnConflict(Instant now, const LocalInterface& interface, const net::Address& own,
                                    const net::MacAddress& other, NeighborOutputs& out) {
  ++counters_.duplicate_addresses;
  // Reported as often as it is defended; in between, the claims are only counted.
  const LinkAddress key{interface.config.interface, own};
  if (!announcer_.MayDefend(now, key)) return;
  out.push_back(DuplicateAddressReport{interface.config.interface, own, other});
  Announce(now, {key, false}, out);
}

bool NeighborResolution::Solicit(Instant now, Neighbor& neighbor, NeighborOutputs& out) {
  LocalInterface& interface = *FindInterface(neighbor.key.interface);
  const net::Address& target = neighbor.key.address;
  const std::optional<net::Address> source = interface.SourceFor(target);
  if (!interface.solicitations.Take(now)) {
    ++counters_.solicitations_over_budget;
    return false;
  }
  ++neighbor.probes_sent;
  // Without an address of the family nobody can be asked; the tries run out.
  if (!source) return true;
  ++counters_.solicitations_sent;
  if (target.is_v4()) {
    SendArp(interface, neighbor.mac.value_or(kBroadcastMac),
            {ArpOperation::kRequest, interface.config.mac, source->v4(),
             neighbor.mac.value_or(net::MacAddress{}), target.v4()},
            out);
    return true;
  }
  NdPacket question;
  question.source = source->v6();
  question.target = target.v6();
  question.destination = neighbor.mac ? target.v6() : target.v6().SolicitedNode();
  question.link_layer = interface.config.mac;
  SendNd(interface, neighbor.mac.value_or(MulticastMac(question.destination)), question, out);
  return true;
}

void NeighborResolution::Announce(Instant, const AddressAnnouncer::Announcement& announcement,
                                  NeighborOutputs& out) {
  const LocalInterface& interface = *FindInterface(announcement.own.interface);
  const net::Address& own = announcement.own.address;
  const net::MacAddress& mac = interface.config.mac;
  if (own.is_v4()) {
    SendArp(interface, kBroadcastMac, {ArpOperation::kRequest, mac, own.v4(), {}, own.v4()}, out);
    return;
  }
  if (announcement.first) {
    // Whoever has the address answers, which is reported (RFC 4862 section 5.4.2).
    NdPacket detection;
    detection.target = own.v6();
    detection.destination = own.v6().SolicitedNode();
    SendNd(interface, MulticastMac(detection.destination), detection, out);
  }
  NdPacket advertisement;
  advertisement.kind = NdKind::kAdvertisement;
  advertisement.source = own.v6();
  advertisement.destination = kAllNodes;
  advertisement.target = own.v6();
  advertisement.link_layer = mac;
  advertisement.router = true;
  advertisement.override_cached = true;
  SendNd(interface, MulticastMac(kAllNodes), advertisement, out);
}

void NeighborResolution::SendMembership(const LocalInterface& interface, const net::Ipv6Address& own,
                                        bool joins, NeighborOutputs& out) {
  const InterfaceChange& config = interface.config;
  const auto report =
      BuildMldReport(*interface.link_local, own.SolicitedNode(), joins ? kMldChangeToExclude : kMldIsExclude);
  out.push_back(SendFrame{
      config.port, config.interface,
      BuildEthernetFrame(MulticastMac(MldRouters()), config.mac, config.vlan, kEtherTypeIpv6, report)});
}

void NeighborResolution::SendArp(const LocalInterface& interface, const net::MacAddress& to,
                                 const ArpPacket& packet, NeighborOutputs& out) {
  const InterfaceChange& config = interface.config;
  out.push_back(SendFrame{config.port, config.interface,
                          BuildEthernetFrame(to, config.mac, config.vlan, kEtherTypeArp, BuildArp(packet))});
}

void NeighborResolution::SendNd(const LocalInterface& interface, const net::MacAddress& to,
                                const NdPacket& packet, NeighborOutputs& out) {
  const InterfaceChange& config = interface.config;
  out.push_back(SendFrame{config.port, config.interface,
                          BuildEthernetFrame(to, config.mac, config.vlan, kEtherTypeIpv6, BuildNd(packet))});
}

}  // namespace sluice::dataplane
