// From the inside out: the empty packet, then the tunnel's own headers around it.
#include "dataplane/slowpath/gre_keepalive.h"

#include <span>

#include "proto/net/byte_writer.h"
#include "proto/net/checksum.h"

namespace sluice::dataplane {
namespace {

constexpr uint8_t kProtocolGre = 47;
constexpr uint16_t kChecksumPresent = 0x8000, kKeyPresent = 0x2000;
constexpr uint16_t kEtherTypeIpv4 = 0x0800, kEtherTypeIpv6 = 0x86dd;
constexpr uint16_t kDontFragment = 0x4000;
constexpr uint8_t kHopsMax = 255;
constexpr size_t kIpv4ChecksumAt = 10, kGreChecksumAt = 4;

using Bytes = std::vector<uint8_t>;

// DF is set, so there is no identification (RFC 6864 section 4.1).
Bytes InIp(const net::Address& source, const net::Address& destination, uint8_t tos, uint8_t hops,
           std::span<const uint8_t> payload) {
  net::ByteWriter ip;
  if (source.is_v4()) {
    ip.U8(0x45).U8(tos).U16(static_cast<uint16_t>(20 + payload.size())).U16(0).U16(kDontFragment);
    ip.U8(hops).U8(kProtocolGre).U16(0).U32(source.v4().value).U32(destination.v4().value);
    ip.PatchU16(kIpv4ChecksumAt, net::Checksum(ip.bytes()));
  } else {
    ip.U32(uint32_t{6} << 28 | uint32_t{tos} << 20).U16(static_cast<uint16_t>(payload.size()));
    ip.U8(kProtocolGre).U8(hops).Bytes(source.v6().bytes).Bytes(destination.v6().bytes);
  }
  return ip.Bytes(payload).Release();
}

struct Key {
  bool present;
  uint32_t value;
};

Bytes InGre(uint16_t type, const Key& key, bool checksum, std::span<const uint8_t> payload) {
  net::ByteWriter gre;
  gre.U16(static_cast<uint16_t>((checksum ? kChecksumPresent : 0) | (key.present ? kKeyPresent : 0)));
  gre.U16(type);
  if (checksum) gre.U32(0);
  if (key.present) gre.U32(key.value);
  gre.Bytes(payload);
  if (checksum) gre.PatchU16(kGreChecksumAt, net::Checksum(gre.bytes()));
  return gre.Release();
}

}  // namespace

std::vector<uint8_t> GreKeepalive(const Tunnel& tunnel) {
  const bool checksum = tunnel.Is(channel::kTunnelGreChecksum);
  const Key in{tunnel.Is(channel::kTunnelKeyIn), tunnel.key_in};
  const Key out{tunnel.Is(channel::kTunnelKeyOut), tunnel.key_out};
  const uint8_t tos = tunnel.Is(channel::kTunnelPipe) ? static_cast<uint8_t>(tunnel.dscp << 2) : uint8_t{0};
  const Bytes back = InIp(tunnel.remote, tunnel.local, tos, kHopsMax, InGre(0, in, checksum, {}));
  const uint16_t type = tunnel.local.is_v4() ? kEtherTypeIpv4 : kEtherTypeIpv6;
  const uint8_t hops = tunnel.ttl == 0 ? kHopsMax : tunnel.ttl;
  return InIp(tunnel.local, tunnel.remote, tos, hops, InGre(type, out, checksum, back));
}

}  // namespace sluice::dataplane
