// Prebuilding of outer headers: RFC 2784 and 2890 (GRE), 7348 (VXLAN), 7637 (NVGRE).
#include "dataplane/tables/tunnel.h"

#include <algorithm>
#include <span>

#include "proto/net/checksum.h"

namespace sluice::dataplane {
namespace {

constexpr uint8_t kProtocolUdp = 17;
constexpr uint8_t kProtocolGre = 47;
constexpr uint8_t kProtocolEsp = 50;
constexpr uint16_t kGreChecksumPresent = 0x8000;
constexpr uint16_t kGreKeyPresent = 0x2000;
constexpr uint16_t kTransparentEthernet = 0x6558;
constexpr uint16_t kEtherTypeIpv4 = 0x0800;
constexpr uint16_t kDontFragment = 0x4000;
constexpr uint8_t kEcnBits = 0x3, kDscpBits = 0xfc;
constexpr uint32_t kVxlanVniValid = 0x0800'0000;

// Appends fields in network byte order.
class HeaderWriter {
 public:
  void Byte(uint8_t value) { header_.at(bytes_++) = value; }
  void Word16(uint16_t value) {
    Byte(static_cast<uint8_t>(value >> 8));
    Byte(static_cast<uint8_t>(value));
  }
  void Word32(uint32_t value) {
    Word16(static_cast<uint16_t>(value >> 16));
    Word16(static_cast<uint16_t>(value));
  }
  template <size_t kCount>
  void Bytes(const std::array<uint8_t, kCount>& bytes) {
    for (const uint8_t byte : bytes) Byte(byte);
  }
  void Zeros(unsigned count) { bytes_ += count; }
  std::span<const uint8_t> written() const { return std::span(header_).first(bytes_); }

 private:
  std::array<uint8_t, Tunnel::kHeaderBytesMax> header_{};
  unsigned bytes_ = 0;
};

void WriteIpv4(const Tunnel& tunnel, uint8_t protocol, HeaderWriter& to) {
  to.Byte(0x45);
  to.Zeros(5);  // TOS, length, identification
  to.Word16(tunnel.fixed ? kDontFragment : 0);
  to.Byte(tunnel.fixed ? tunnel.ttl : 0);
  to.Byte(protocol);
  to.Zeros(2);  // checksum
  to.Word32(tunnel.local.v4().value);
  to.Zeros(4);  // destination
}

void WriteIpv6(const Tunnel& tunnel, uint8_t protocol, HeaderWriter& to) {
  to.Byte(0x60);
  to.Zeros(5);  // traffic class, flow label, length
  to.Byte(protocol);
  to.Byte(0);  // hop limit
  to.Bytes(tunnel.local.v6().bytes);
  to.Zeros(16);  // destination
}

void WriteGre(const Tunnel& tunnel, HeaderWriter& to) {
  uint16_t present = 0;
  if (tunnel.Is(channel::kTunnelGreChecksum)) present |= kGreChecksumPresent;
  if (tunnel.Is(channel::kTunnelKeyOut)) present |= kGreKeyPresent;
  to.Word16(present);
  to.Word16(tunnel.fixed ? kEtherTypeIpv4 : 0);
  if (tunnel.Is(channel::kTunnelGreChecksum)) to.Zeros(4);
  if (tunnel.Is(channel::kTunnelKeyOut)) to.Word32(tunnel.key_out);
}

void WriteInnerEthernet(const Tunnel& tunnel, HeaderWriter& to) {
  to.Zeros(6);
  to.Bytes(tunnel.mac.bytes);
  to.Word16(tunnel.fixed ? kEtherTypeIpv4 : 0);
}

uint8_t ProtocolOf(TunnelKind kind) {
  switch (kind) {
    case TunnelKind::kGre:
    case TunnelKind::kNvgre:
      return kProtocolGre;
    case TunnelKind::kVxlan:
      return kProtocolUdp;
    case TunnelKind::kEsp:
      return kProtocolEsp;
  }
  return 0;
}

}  // namespace

void Tunnel::BuildHeader() {
  HeaderWriter to;
  const uint8_t protocol = ProtocolOf(kind);
  outer_ipv4 = local.is_v4();
  fixed = outer_ipv4 && ttl != 0 &&
          (flags & (channel::kTunnelDfClear | channel::kTunnelDfCopy | channel::kTunnelGreChecksum)) == 0;
  tos_kept = Is(channel::kTunnelPipe) ? kEcnBits : 0xff;
  tos_set = Is(channel::kTunnelPipe) ? static_cast<uint8_t>(dscp << 2) : 0;
  tos_inward = Is(channel::kTunnelDscpInward) ? kDscpBits : 0;
  if (outer_ipv4) {
    WriteIpv4(*this, protocol, to);
  } else {
    WriteIpv6(*this, protocol, to);
  }
  fixed_sum = outer_ipv4 ? static_cast<uint32_t>(net::ChecksumAdd(to.written())) : 0;
  ipv4_sum = fixed ? fixed_sum - kDontFragment - (uint32_t{ttl} << 8) : fixed_sum;
  switch (kind) {
    case TunnelKind::kGre:
      WriteGre(*this, to);
      break;
    case TunnelKind::kNvgre:
      to.Word16(kGreKeyPresent);
      to.Word16(kTransparentEthernet);
      to.Word32(key_out << 8);
      WriteInnerEthernet(*this, to);
      break;
    case TunnelKind::kVxlan:
      to.Zeros(2);  // source port
      to.Word16(udp_port);
      to.Zeros(4);  // length, checksum
      to.Word32(kVxlanVniValid);
      to.Word32(key_out << 8);
      WriteInnerEthernet(*this, to);
      break;
    case TunnelKind::kEsp:
      break;
  }
  header_bytes = static_cast<uint8_t>(to.written().size());
  header.fill(0);
  std::copy(to.written().begin(), to.written().end(), header.end() - header_bytes);
}

}  // namespace sluice::dataplane
