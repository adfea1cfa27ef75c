// Forwarding by the book, slowly.
#include "tests/graph/isolation_model.h"

#include <algorithm>

#include "proto/net/byte_reader.h"
#include "proto/net/byte_writer.h"
#include "proto/net/check.h"
#include "proto/net/checksum.h"
#include "tests/graph/isolation_packet.h"

namespace sluice::testing {

namespace {

bool In(const char* prefix, const net::Address& address) {
  return net::Prefix::Parse(prefix)->Contains(address);
}

// The packet one hop on, its header checksum computed from scratch.
Bytes OneHopOn(Bytes ip, bool v4) {
  if (!v4) {
    --ip[7];
    return ip;
  }
  --ip[8];
  ip[10] = ip[11] = 0;
  const uint16_t sum = net::Checksum(std::span(ip).first((ip[0] & 15u) * 4u));
  ip[10] = static_cast<uint8_t>(sum >> 8);
  ip[11] = static_cast<uint8_t>(sum);
  return ip;
}

Bytes FrameOf(const net::MacAddress& to, const net::MacAddress& from, uint16_t vlan, bool v4,
              const Bytes& ip) {
  net::ByteWriter out;
  out.Bytes(to.bytes).Bytes(from.bytes);
  if (vlan != 0) out.U16(0x8100).U16(vlan);
  out.U16(v4 ? 0x0800 : 0x86dd).Bytes(ip);
  return out.Release();
}

// The first or last address of a subnet of the interface (RFC 2644).
bool IsDirectedBroadcast(const ModelInterface& interface, const net::Address& to) {
  for (const auto& own : interface.addresses) {
    if (!own.address.is_v4() || own.length > 30 || !own.Subnet().Contains(to)) continue;
    const uint32_t hosts = (uint32_t{1} << (32 - own.length)) - 1;
    if ((to.v4().value & hosts) == 0 || (to.v4().value & hosts) == hosts) return true;
  }
  return false;
}

// RFC 1812 section 4.3.2.7 and RFC 4443 section 2.4 (e), for packets without
// extension headers.
bool IcmpMustBeSilentAbout(bool v4, uint8_t protocol, uint16_t fragment, const uint8_t* transport,
                           size_t bytes) {
  if (v4) {
    if ((fragment & 0x1fff) != 0) return true;
    if (protocol != 1) return false;
    const std::set<uint8_t> errors = {3, 4, 5, 11, 12};
    return bytes == 0 || errors.contains(transport[0]);
  }
  return protocol == 58 && (bytes == 0 || transport[0] < 128 || transport[0] == 137);
}

}  // namespace

const ModelInterface* IsolationModel::Receiver(uint16_t port, uint16_t vlan) const {
  for (const auto& [id, interface] : interfaces)
    if (!interface.tunnel && interface.port == port && interface.vlan == vlan) return &interface;
  return nullptr;
}

bool IsolationModel::IsOurs(uint16_t vrf, const net::Address& address) const {
  if (vrf == 0 && tunnel_ends.contains(address)) return true;
  for (const auto& [id, interface] : interfaces) {
    if (interface.vrf != vrf) continue;
    for (const auto& own : interface.addresses)
      if (own.address == address) return true;
  }
  const auto found = router_addresses.find(vrf);
  return found != router_addresses.end() && std::count(found->second.begin(), found->second.end(), address);
}

const ModelRoute* IsolationModel::LongestMatch(uint16_t vrf, const net::Address& address) const {
  const ModelRoute* best = nullptr;
  for (const ModelRoute& route : routes)
    if (route.vrf == vrf && route.prefix.Contains(address) &&
        (best == nullptr || route.prefix.length() > best->prefix.length()))
      best = &route;
  return best;
}

std::string IsolationModel::Unsound(const Ip& ip) const {
  if (ip.available < (ip.v4 ? 20u : 40u)) return "truncated";
  if (ip.version != (ip.v4 ? 4 : 6)) return "ip_version";
  if (ip.v4 && (ip.header < 20 || ip.header > ip.available)) return "ip_header_length";
  if (ip.total < ip.header || ip.total > ip.available) return "ip_total_length";
  if (ip.v4 && net::Checksum(std::span(ip.bytes).first(ip.header)) != 0) return "ip_checksum";
  const net::Address &from = ip.source, &to = ip.destination;
  const bool martian_source =
      ip.v4 ? In("0.0.0.0/8", from) || In("127.0.0.0/8", from) || In("224.0.0.0/3", from)
            : In("ff00::/8", from) || In("::1/128", from) || In("::ffff:0:0/96", from);
  if (martian_source) return "martian_source";
  if (to.IsMulticast()) return "multicast";
  const bool martian_destination = ip.v4
                                       ? In("0.0.0.0/8", to) || In("127.0.0.0/8", to) || In("240.0.0.0/4", to)
                                       : In("::/127", to) || In("::ffff:0:0/96", to);
  if (martian_destination) return "martian_destination";
  // Not before: duplicate address detection has no source (RFC 4861 section 4.3).
  if (from.IsZero()) return "martian_source";
  const char* link_local = ip.v4 ? "169.254.0.0/16" : "fe80::/10";
  if (In(link_local, from) || In(link_local, to)) return "link_local";
  return "";
}

bool IsolationModel::PassesReversePath(const ModelInterface& in, const net::Address& source) const {
  const ModelRoute* route = LongestMatch(in.vrf, source);
  if (route == nullptr) return false;
  // A group leads where its live members lead; with none alive, where any does.
  const bool any_live = std::any_of(route->hops.begin(), route->hops.end(),
                                    [](const ModelHop& hop) { return hop.state == ModelHop::kLive; });
  return std::any_of(route->hops.begin(), route->hops.end(), [&](const ModelHop& hop) {
    return hop.kind != ModelHop::kBlackhole && hop.interface == in.id &&
           (!any_live || hop.state == ModelHop::kLive);
  });
}

Fate IsolationModel::Predict(uint16_t port, const Bytes& frame) const {
  Fate fate;
  net::ByteReader in(frame);
  net::MacAddress to;
  std::ranges::copy(in.Take(6), to.bytes.begin());
  in.Take(6);
  uint16_t type = in.U16(), vlan = 0;
  if (type == 0x8100 || type == 0x88a8) {
    vlan = in.U16() & 0xfff;
    type = in.U16();
  }
  SLUICE_CHECK(in.ok());
  const auto rest = in.Take(in.remaining());
  const ModelInterface* interface = Receiver(port, vlan);
  auto drop = [&](const std::string& reason) {
    fate.drops.emplace_back(fate.vrf, reason);
    return fate;
  };
  if (interface == nullptr) return drop("unknown_vlan");
  fate.vrf = interface->vrf;
  if (!interface->up) return drop("interface_down");
  if (to != port_macs[port] && !to.IsMulticast()) return drop("not_our_mac");
  if (type != 0x0800 && type != 0x86dd) return drop("unknown_ether_type");
  if (type == 0x0800 && to.IsMulticast()) return drop("l2_multicast");

  const Ip ip = Ip::Of(Bytes(rest.begin(), rest.end()), type == 0x0800);
  if (to.IsMulticast() && ip.available >= 40 && !ip.destination.IsMulticast()) return drop("l2_multicast");
  if (fate.vrf != 0 || !Decapsulate(ip, fate)) Admit(*interface, ip, fate);
  return fate;
}

void IsolationModel::Admit(const ModelInterface& in, const Ip& ip, Fate& fate) const {
  auto drop = [&](const std::string& reason) { fate.drops.emplace_back(in.vrf, reason); };
  const std::string unsound = Unsound(ip);
  // IPv6 hosts on the link may speak to us from their link-local addresses.
  if (unsound == "link_local" && !ip.v4 && IsOurs(in.vrf, ip.destination)) return Deliver(in, ip, fate);
  // RFC 8200 section 4.7: there is nothing behind the header, and nobody is told.
  if (unsound == "multicast" && !ip.v4 && ip.protocol == 59) return drop("protocol_unreachable");
  if (!unsound.empty()) return drop(unsound);
  if (IsOurs(in.vrf, ip.source)) return drop("spoofed_own_address");
  if (in.strict_urpf && !PassesReversePath(in, ip.source)) return drop("urpf");
  Route(in, ip, false, fate);
}

void IsolationModel::Route(const ModelInterface& in, const Ip& ip, bool from_us, Fate& fate) const {
  if (IsOurs(in.vrf, ip.destination)) {
    if (from_us) return fate.drops.emplace_back(in.vrf, "icmp_unwanted"), void();
    return Deliver(in, ip, fate);
  }
  if (from_us && In("fe80::/10", ip.destination)) {
    fate.punted = true;  // to be resolved on the link that it came from, never routed
    fate.punt_vrf = in.vrf;
    return;
  }
  const ModelRoute* route = LongestMatch(in.vrf, ip.destination);
  if (route == nullptr) return Refuse(in, ip, from_us, "no_route", ip.v4 ? 3 : 1, 0, 0, fate);
  std::vector<ModelHop> usable;
  for (const ModelHop& hop : route->hops)
    if (hop.kind == ModelHop::kBlackhole || hop.state == ModelHop::kLive) usable.push_back(hop);
  if (usable.empty()) usable.push_back(route->hops.front());
  // All members of a group lie behind equal interfaces, so they differ only in where
  // the frame goes; a refusal does not depend on the member.
  const size_t drops = fate.drops.size();
  for (const ModelHop& hop : usable) {
    SendThrough(in, ip, from_us, hop, fate);
    if (fate.drops.size() != drops) break;
  }
}

void IsolationModel::SendThrough(const ModelInterface& in, const Ip& ip, bool from_us, const ModelHop& hop,
                                 Fate& fate) const {
  if (hop.kind == ModelHop::kBlackhole) return fate.drops.emplace_back(in.vrf, "blackhole"), void();
  if (hop.kind == ModelHop::kGlean && IsDirectedBroadcast(interfaces.at(hop.interface), ip.destination))
    return fate.drops.emplace_back(in.vrf, "martian_destination"), void();
  if (!from_us && ip.hops <= 1) return Refuse(in, ip, from_us, "ttl_expired", ip.v4 ? 11 : 3, 0, 0, fate);
  const ModelInterface& out = interfaces.at(hop.interface);
  ModelHop::State state = out.up ? hop.state : ModelHop::kDown;
  net::MacAddress mac = hop.mac;
  if (hop.kind == ModelHop::kGlean && state != ModelHop::kDown) {
    const auto known = neighbors.find({hop.interface, ip.destination});
    state = known == neighbors.end() ? ModelHop::kUnresolved : ModelHop::kLive;
    if (state == ModelHop::kLive) mac = known->second;
  }
  if (state == ModelHop::kDown)
    return Refuse(in, ip, from_us, "next_hop_down", ip.v4 ? 3 : 1, ip.v4 ? 1 : 3, 0, fate);
  const bool fits = ip.bytes.size() <= out.mtu;
  if (!fits && ip.dont_fragment())
    return Refuse(in, ip, from_us, "too_big", ip.v4 ? 3 : 2, ip.v4 ? 4 : 0, out.mtu, fate);
  if (state == ModelHop::kUnresolved) {
    fate.punted = true;
    fate.punt_vrf = in.vrf;
    return;
  }
  const Bytes routed = from_us ? ip.bytes : OneHopOn(ip.bytes, ip.v4);
  if (out.tunnel) return Encapsulate(out, hop, routed, ip.v4, fits ? uint16_t{0} : out.mtu, fate);
  const Bytes frame = FrameOf(mac, port_macs[out.port], out.vlan, ip.v4, routed);
  fate.alternatives.push_back({out.port, Dissect(frame), fits ? uint16_t{0} : out.mtu, false, frame});
}

void IsolationModel::Deliver(const ModelInterface& in, const Ip& ip, Fate& fate) const {
  auto drop = [&](const char* reason) { fate.drops.emplace_back(in.vrf, reason); };
  if ((ip.fragment & 0x3fff) != 0) {
    // The others never come: each packet has an identification of its own.
    const bool whole_units = (ip.fragment & 0x2000) == 0 || ip.transport_bytes() % 8 == 0;
    if (ip.transport_bytes() == 0 || !whole_units) drop("fragment_malformed");
    return;
  }
  const uint8_t icmp = ip.v4 ? 1 : 58;
  if (ip.protocol == icmp) {
    if (ip.transport_bytes() < 8) return drop("local_malformed");
    if (ip.transport()[0] != (ip.v4 ? 8 : 128)) return drop("icmp_unwanted");
    const std::span<const uint8_t> message(ip.transport(), ip.transport_bytes());
    const auto message_bytes = static_cast<uint32_t>(message.size());
    const uint64_t pseudo = ip.v4 ? 0 : net::Ipv6PseudoHeaderSum(ip.bytes, message_bytes, 58);
    if (net::ChecksumFinish(net::ChecksumAdd(message, pseudo)) != 0) return drop("local_malformed");
    Bytes body(ip.transport() + 8, ip.transport() + ip.transport_bytes());
    const uint32_t rest = static_cast<uint32_t>(ip.transport()[4]) << 24 | ip.transport()[5] << 16 |
                          ip.transport()[6] << 8 | ip.transport()[7];
    Packet reply;
    if (ip.v4) {
      // RFC 1812 section 4.3.2.5: the reply has the request's type of service.
      reply.Ipv4(
          {.source = ip.destination.ToString(), .destination = ip.source.ToString(), .tos = ip.bytes[1]});
    } else {
      const uint32_t traffic_class = (ip.bytes[0] & 15u) << 4 | ip.bytes[1] >> 4;
      reply.Ipv6({.source = ip.destination.ToString(),
                  .destination = ip.source.ToString(),
                  .flow_label = traffic_class << 20});
    }
    reply.Icmp(ip.v4 ? 0 : 129, 0, rest, body);
    return Route(in, Ip::Of(reply.ip(), ip.v4), true, fate);
  }
  if (ip.protocol == 6) return drop("tcp_unwanted");
  if (ip.protocol == 17 && ip.transport_bytes() < 8) return drop("local_malformed");
  // RFC 8200 section 8.1.
  if (ip.protocol == 17 && !ip.v4 && (ip.transport()[6] | ip.transport()[7]) == 0)
    return drop("local_malformed");
  if (ip.protocol == 17)
    return Refuse(in, ip, false, "port_unreachable", ip.v4 ? 3 : 1, ip.v4 ? 3 : 4, 0, fate);
  if (!ip.v4 && ip.protocol == 59) return drop("protocol_unreachable");
  // RFC 4443 section 3.4: the pointer is at the next header field of the IPv6 header.
  Refuse(in, ip, false, "protocol_unreachable", ip.v4 ? 3 : 4, ip.v4 ? 2 : 1, ip.v4 ? 0 : 6, fate);
}

std::optional<net::Address> IsolationModel::ErrorSource(const ModelInterface& in,
                                                        const net::Address& sender) const {
  std::optional<net::Address> first;
  for (const auto& own : in.addresses) {
    if (own.address.family() != sender.family()) continue;
    if (own.Subnet().Contains(sender)) return own.address;
    if (!first) first = own.address;
  }
  if (first) return first;
  if (const auto found = router_addresses.find(in.vrf); found != router_addresses.end())
    for (const net::Address& router : found->second)
      if (router.family() == sender.family()) return router;
  return std::nullopt;
}

void IsolationModel::Refuse(const ModelInterface& in, const Ip& ip, bool from_us, const std::string& reason,
                            uint8_t type, uint8_t code, uint32_t rest, Fate& fate) const {
  fate.drops.emplace_back(in.vrf, reason);
  if (from_us) return;
  if (IcmpMustBeSilentAbout(ip.v4, ip.protocol, ip.fragment, ip.transport(), ip.transport_bytes()))
    return fate.drops.emplace_back(in.vrf, "icmp_error_forbidden"), void();
  const auto source = ErrorSource(in, ip.source);
  if (!source) return fate.drops.emplace_back(in.vrf, "icmp_error_no_source"), void();
  const size_t quoted = std::min<size_t>(ip.bytes.size(), ip.v4 ? 576 - 28 : 1280 - 48);
  Packet error;
  if (ip.v4) {
    error.Ipv4({.source = source->ToString(), .destination = ip.source.ToString(), .tos = 0xc0});
  } else {
    error.Ipv6({.source = source->ToString(), .destination = ip.source.ToString()});
  }
  error.Icmp(type, code, rest, Bytes(ip.bytes.begin(), ip.bytes.begin() + static_cast<long>(quoted)));
  Route(in, Ip::Of(error.ip(), ip.v4), true, fate);
}

}  // namespace sluice::testing
