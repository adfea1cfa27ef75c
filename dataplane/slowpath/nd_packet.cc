// The codec of Neighbor Discovery.
#include "dataplane/slowpath/nd_packet.h"

#include <algorithm>

#include "proto/net/byte_reader.h"
#include "proto/net/byte_writer.h"
#include "proto/net/checksum.h"

namespace sluice::dataplane {
namespace {

constexpr size_t kIpv6HeaderBytes = 40;
constexpr size_t kNdHeaderBytes = 24;  // of both kinds
constexpr size_t kChecksumOffset = kIpv6HeaderBytes + 2;
constexpr uint8_t kIcmpv6 = 58;
constexpr uint8_t kHopLimit = 255;
constexpr uint8_t kSourceLinkLayer = 1;
constexpr uint8_t kTargetLinkLayer = 2;
constexpr uint32_t kRouterFlag = 1u << 31;
constexpr uint32_t kSolicitedFlag = 1u << 30;
constexpr uint32_t kOverrideFlag = 1u << 29;

net::Ipv6Address ReadAddress(net::ByteReader& in) {
  net::Ipv6Address address;
  const auto bytes = in.Take(address.bytes.size());
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  return address;
}

bool IsSolicitedNodeGroup(const net::Ipv6Address& address) {
  return address.High() == 0xff02'0000'0000'0000 && address.Low() >> 24 == 0x0000'0001'ff;
}

// Walks the options. False when one has length zero or runs off the end.
bool ReadOptions(net::ByteReader& in, NdPacket& packet) {
  const uint8_t wanted = packet.kind == NdKind::kSolicitation ? kSourceLinkLayer : kTargetLinkLayer;
  while (in.remaining() > 0) {
    const uint8_t type = in.U8();
    const uint8_t length = in.U8();  // in units of 8 bytes, this head included
    if (!in.ok() || length == 0) return false;
    const auto value = in.Take(length * size_t{8} - 2);
    if (!in.ok()) return false;
    if (type != wanted || value.size() != 6) continue;
    net::MacAddress mac;
    std::copy(value.begin(), value.end(), mac.bytes.begin());
    packet.link_layer = mac;
  }
  return true;
}

NdFault CheckAddresses(const NdPacket& packet) {
  if (packet.target.IsMulticast() || packet.target.IsZero()) return NdFault::kTarget;
  if (packet.source.IsMulticast() || packet.source.IsLoopback()) return NdFault::kSource;
  if (packet.link_layer && (packet.link_layer->IsMulticast() || packet.link_layer->IsZero()))
    return NdFault::kOptions;
  if (packet.kind == NdKind::kAdvertisement) {
    if (packet.source.IsZero()) return NdFault::kUnspecifiedSource;
    return packet.destination.IsMulticast() && packet.solicited ? NdFault::kSolicitedMulticast
                                                                : NdFault::kNone;
  }
  // Duplicate address detection: no source, hence no source option either.
  if (packet.source.IsZero() && (packet.link_layer || !IsSolicitedNodeGroup(packet.destination)))
    return NdFault::kUnspecifiedSource;
  return NdFault::kNone;
}

}  // namespace

NdParse ParseNd(std::span<const uint8_t> bytes) {
  NdParse result;
  const auto fail = [&](NdFault fault) {
    result.fault = fault;
    return result;
  };
  NdPacket& packet = result.packet;
  net::ByteReader in(bytes);
  const uint32_t version = in.U32() >> 28;
  const uint16_t icmp_bytes = in.U16();
  const uint8_t next_header = in.U8();
  const uint8_t hop_limit = in.U8();
  packet.source = ReadAddress(in);
  packet.destination = ReadAddress(in);
  const auto icmp = in.Take(icmp_bytes);
  if (!in.ok() || version != 6 || next_header != kIcmpv6 || icmp.empty()) return fail(NdFault::kNotNd);
  if (icmp[0] != 135 && icmp[0] != 136) return fail(NdFault::kNotNd);
  packet.kind = static_cast<NdKind>(icmp[0]);
  if (hop_limit != kHopLimit) return fail(NdFault::kHopLimit);
  const uint64_t sum = net::Ipv6PseudoHeaderSum(bytes, static_cast<uint32_t>(icmp.size()), kIcmpv6);
  if (net::ChecksumFinish(net::ChecksumAdd(icmp, sum)) != 0) return fail(NdFault::kChecksum);
  if (icmp.size() < kNdHeaderBytes) return fail(NdFault::kLength);
  if (icmp[1] != 0) return fail(NdFault::kCode);

  net::ByteReader nd(icmp.subspan(4));
  const uint32_t flags = nd.U32();
  packet.target = ReadAddress(nd);
  if (packet.kind == NdKind::kAdvertisement) {
    packet.router = (flags & kRouterFlag) != 0;
    packet.solicited = (flags & kSolicitedFlag) != 0;
    packet.override_cached = (flags & kOverrideFlag) != 0;
  }
  if (!ReadOptions(nd, packet)) return fail(NdFault::kOptions);
  return fail(CheckAddresses(packet));
}

std::vector<uint8_t> BuildNd(const NdPacket& packet) {
  const uint16_t icmp_bytes = static_cast<uint16_t>(kNdHeaderBytes + (packet.link_layer ? 8 : 0));
  uint32_t flags = 0;
  if (packet.router) flags |= kRouterFlag;
  if (packet.solicited) flags |= kSolicitedFlag;
  if (packet.override_cached) flags |= kOverrideFlag;
  net::ByteWriter out;
  out.U32(6u << 28).U16(icmp_bytes).U8(kIcmpv6).U8(kHopLimit);
  out.Bytes(packet.source.bytes).Bytes(packet.destination.bytes);
  out.U8(static_cast<uint8_t>(packet.kind)).U8(0).U16(0).U32(flags).Bytes(packet.target.bytes);
  if (packet.link_layer) {
    out.U8(packet.kind == NdKind::kSolicitation ? kSourceLinkLayer : kTargetLinkLayer).U8(1);
    out.Bytes(packet.link_layer->bytes);
  }
  const std::span<const uint8_t> bytes(out.bytes());
  const uint64_t sum = net::Ipv6PseudoHeaderSum(bytes, icmp_bytes, kIcmpv6);
  const uint16_t checksum = net::ChecksumFinish(net::ChecksumAdd(bytes.subspan(kIpv6HeaderBytes), sum));
  out.PatchU16(kChecksumOffset, checksum);
  return out.Release();
}

}  // namespace sluice::dataplane
