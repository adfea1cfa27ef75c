// The decoder: outer header, ICMP, quoted header, and the beginning of the tunnel's.
#include "dataplane/packet/path_mtu_message.h"

#include <algorithm>

#include "dataplane/packet/esp.h"
#include "dataplane/packet/icmp.h"
#include "dataplane/packet/ipv6_reception.h"
#include "dataplane/packet/tunnel_header.h"
#include "proto/net/byte_reader.h"

namespace sluice::dataplane {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr PathMtuMessage kMalformed{DropReason::kLocalMalformed, {}};
constexpr PathMtuMessage kUnwanted{DropReason::kIcmpUnwanted, {}};

// The quoted packet behind its IP header, which `report` names.
struct Quote {
  uint8_t protocol = 0;
  uint16_t ip_bytes = 0;  // of the whole packet
  Bytes payload;          // as much as was quoted
};

// GRE with a key, of which RFC 792's eight bytes are the least that routers quote.
bool ReadGre(Bytes payload, PathMtuReport& report) {
  net::ByteReader in(payload);
  const uint16_t flags = in.U16();
  const uint16_t ether_type = in.U16();
  if (!in.ok() || (flags & (kGreForbidden | kGreVersionMask)) != 0) return false;
  const bool frame = ether_type == kEtherTypeTransparentEthernet;
  report.kind = frame ? TunnelKind::kNvgre : TunnelKind::kGre;
  report.has_key = (flags & kGreKeyPresent) != 0;
  if (frame && !report.has_key) return false;
  if ((flags & kGreChecksumPresent) != 0) in.Take(4);
  const uint32_t key = in.U32();
  if (report.has_key && in.ok()) report.key = frame ? key >> 8 : key;
  return true;
}

// VXLAN, or ESP in UDP (RFC 3948), which has no number that its tunnel is known by.
bool ReadUdp(Bytes payload, PathMtuReport& report) {
  constexpr uint8_t kVniValid = 0x08;
  net::ByteReader in(payload);
  const uint16_t source_port = in.U16();
  const uint16_t port = in.U16();
  if (!in.ok()) return false;
  if (source_port == kUdpPortEsp) {
    report.kind = TunnelKind::kEsp;
    return true;
  }
  report.kind = TunnelKind::kVxlan;
  report.has_key = true;
  report.udp_port = port;
  in.Take(4);
  // Some routers fill up with zeros what they do not quote (RFC 4884 section 4).
  const bool quoted = (in.U8() & kVniValid) != 0;
  in.Take(3);
  const uint32_t vni = in.U32() >> 8;
  if (quoted && in.ok()) report.key = vni;
  return true;
}

// What the message says of `quote`; `said` is its MTU, after the plateau table.
PathMtuMessage Conclude(PathMtuReport report, const Quote& quote, const net::Address& receiver,
                        uint32_t said) {
  // Sent to somebody else than the packet came from; or about one that would have passed.
  if (report.local != receiver) return kUnwanted;
  if (said >= quote.ip_bytes) return kMalformed;
  report.path_mtu = static_cast<uint16_t>(said);
  bool tunnel = false;
  if (quote.protocol == kProtocolGre) tunnel = ReadGre(quote.payload, report);
  if (quote.protocol == kProtocolUdp) tunnel = ReadUdp(quote.payload, report);
  if (quote.protocol == kProtocolEsp) {
    tunnel = true;
    report.kind = TunnelKind::kEsp;
  }
  return tunnel ? PathMtuMessage{DropReason::kNone, report} : kUnwanted;
}

PathMtuMessage ParseIpv4(Bytes packet) {
  const size_t header = Ipv4HeaderLength(packet.data());
  const size_t total = Ipv4TotalLength(packet.data());
  if (header < kIpv4HeaderBytes || total < header || total > packet.size()) return kMalformed;
  const Bytes icmp = packet.first(total).subspan(header);
  if (icmp.size() < size_t{kIcmpHeaderBytes} + kIpv4HeaderBytes) return kMalformed;
  if (icmp[0] != 3 || icmp[1] != 4 || Ipv4Protocol(packet.data()) != kProtocolIcmp) return kUnwanted;
  if (net::Checksum(icmp) != 0) return kMalformed;

  const Bytes quoted = icmp.subspan(kIcmpHeaderBytes);
  const size_t quoted_header = Ipv4HeaderLength(quoted.data());
  const uint16_t field = Ipv4FragmentField(quoted.data());
  const bool sound =
      quoted[0] >> 4 == 4 && quoted_header >= kIpv4HeaderBytes && quoted_header <= quoted.size();
  // Without DF a router would have cut it, and only the first fragment begins with the tunnel's header.
  if (!sound || (field & kIpv4DontFragment) == 0 || (field & kIpv4OffsetMask) != 0) return kMalformed;
  PathMtuReport report;
  report.local = net::Ipv4Address{Ipv4Source(quoted.data())};
  report.remote = net::Ipv4Address{Ipv4Destination(quoted.data())};
  const Quote quote{Ipv4Protocol(quoted.data()), Ipv4TotalLength(quoted.data()),
                    quoted.subspan(quoted_header)};
  const uint16_t said = LoadBe16(icmp.data() + 6);
  return Conclude(report, quote, net::Ipv4Address{Ipv4Destination(packet.data())},
                  said != 0 ? said : PlateauBelow(quote.ip_bytes));
}

PathMtuMessage ParseIpv6(Bytes packet) {
  const uint32_t total = Ipv6PayloadLength(packet.data()) + uint32_t{kIpv6HeaderBytes};
  if (total > packet.size()) return kMalformed;
  const Ipv6Reception received = ReceiveIpv6(packet.data(), total);
  if (received.reason != DropReason::kNone || received.fragment_at != 0) return kMalformed;
  const Bytes icmp = packet.first(total).subspan(received.offset);
  if (icmp.size() < size_t{kIcmpHeaderBytes} + kIpv6HeaderBytes) return kMalformed;
  // RFC 4443 section 3.2: the code is ignored.
  if (received.protocol != kProtocolIcmpv6 || icmp[0] != 2) return kUnwanted;
  if (!Icmpv6ChecksumHolds(packet.data(), total, received.offset)) return kMalformed;

  const Bytes quoted = icmp.subspan(kIcmpHeaderBytes);
  if (quoted[0] >> 4 != 6) return kMalformed;
  const uint32_t quoted_bytes = Ipv6PayloadLength(quoted.data()) + uint32_t{kIpv6HeaderBytes};
  PathMtuReport report;
  report.local = net::Ipv6Address::FromBytes(Ipv6Source(quoted.data()));
  report.remote = net::Ipv6Address::FromBytes(Ipv6Destination(quoted.data()));
  const Quote quote{Ipv6NextHeader(quoted.data()),
                    static_cast<uint16_t>(std::min<uint32_t>(quoted_bytes, UINT16_MAX)),
                    quoted.subspan(kIpv6HeaderBytes)};
  return Conclude(report, quote, net::Ipv6Address::FromBytes(Ipv6Destination(packet.data())),
                  LoadBe32(icmp.data() + 4));
}

}  // namespace

uint16_t PlateauBelow(uint16_t ip_bytes) {
  constexpr uint16_t kPlateaus[] = {65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};
  const auto* const found = std::find_if(std::begin(kPlateaus), std::end(kPlateaus),
                                         [&](uint16_t each) { return each < ip_bytes; });
  return found == std::end(kPlateaus) ? uint16_t{0} : *found;
}

PathMtuMessage ParsePathMtuMessage(std::span<const uint8_t> packet) {
  if (packet.size() >= kIpv4HeaderBytes && packet[0] >> 4 == 4) return ParseIpv4(packet);
  if (packet.size() >= kIpv6HeaderBytes && packet[0] >> 4 == 6) return ParseIpv6(packet);
  return kMalformed;
}

}  // namespace sluice::dataplane
