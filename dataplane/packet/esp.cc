// What arrives, and the effective MTU.
#include "dataplane/packet/esp.h"

#include "dataplane/packet/icmp.h"
#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"
#include "dataplane/packet/tunnel_header.h"

namespace sluice::dataplane {
namespace {

using Bytes = std::span<const uint8_t>;

EspArrival Unsound(DropReason reason) {
  return {.reason = reason};
}

// The IP packet that begins `data`, which is at most 64 KiB.
EspPayload ReadIpv4(Bytes data) {
  if (data.size() < kIpv4HeaderBytes || data[0] >> 4 != 4) return {.reason = DropReason::kEspMalformed};
  const uint16_t header = Ipv4HeaderLength(data.data());
  const uint16_t total = Ipv4TotalLength(data.data());
  if (header < kIpv4HeaderBytes || total < header || total > data.size())
    return {.reason = DropReason::kEspMalformed};
  return {.ipv4 = true, .bytes = total};
}

EspPayload ReadIpv6(Bytes data) {
  if (data.size() < kIpv6HeaderBytes || data[0] >> 4 != 6) return {.reason = DropReason::kEspMalformed};
  const uint32_t total = Ipv6PayloadLength(data.data()) + uint32_t{kIpv6HeaderBytes};
  if (total > data.size() || total > UINT16_MAX) return {.reason = DropReason::kEspMalformed};
  return {.ipv4 = false, .bytes = static_cast<uint16_t>(total)};
}

}  // namespace

uint32_t EspInnerMtu(uint32_t link_bytes, bool outer_ipv4, bool udp_encapsulation, const EspSuite& suite) {
  const uint32_t outer =
      (outer_ipv4 ? kIpv4HeaderBytes : kIpv6HeaderBytes) + (udp_encapsulation ? kUdpHeaderBytes : 0u);
  const uint32_t envelope = outer + kEspHeaderBytes + suite.iv_bytes + suite.icv_bytes;
  if (link_bytes < envelope + suite.alignment) return 0;
  const uint32_t blocks = (link_bytes - envelope) / suite.alignment * suite.alignment;
  return blocks - kEspTrailerBytes;
}

EspArrival ParseEspArrival(uint8_t protocol, Bytes payload) {
  EspArrival arrival;
  Bytes esp = payload;
  if (protocol == kProtocolUdp) {
    if (payload.size() < kUdpHeaderBytes) return Unsound(DropReason::kEspMalformed);
    const uint16_t length = LoadBe16(payload.data() + 4);
    if (length < kUdpHeaderBytes || length > payload.size()) return Unsound(DropReason::kEspMalformed);
    esp = payload.first(length).subspan(kUdpHeaderBytes);
    // RFC 3948 sections 2.3 and 4.
    if (esp.size() == 1 && esp[0] == 0xff) return Unsound(DropReason::kNatKeepalive);
    arrival.offset = kUdpHeaderBytes;
    if (esp.size() >= kNonEspMarkerBytes && LoadBe32(esp.data()) == 0) {
      arrival.kind = EspArrivalKind::kIke;
      arrival.offset += kNonEspMarkerBytes;
      arrival.bytes = static_cast<uint32_t>(esp.size() - kNonEspMarkerBytes);
      return arrival;
    }
  }
  if (esp.size() < kEspHeaderBytes) return Unsound(DropReason::kEspMalformed);
  arrival.spi = LoadBe32(esp.data());
  if (arrival.spi < kEspSpiMin) return Unsound(DropReason::kEspNoSa);
  arrival.kind = EspArrivalKind::kEsp;
  arrival.bytes = static_cast<uint32_t>(esp.size());
  arrival.sequence_low = LoadBe32(esp.data() + 4);
  return arrival;
}

EspPayload ParseEspPayload(Bytes plaintext) {
  if (plaintext.size() < kEspTrailerBytes) return {.reason = DropReason::kEspMalformed};
  const size_t padded = plaintext.size() - kEspTrailerBytes;
  const uint8_t pad_bytes = plaintext[padded];
  if (pad_bytes > padded) return {.reason = DropReason::kEspMalformed};
  const Bytes data = plaintext.first(padded - pad_bytes);
  switch (plaintext[padded + 1]) {
    case kNextHeaderIpv4:
      return ReadIpv4(data);
    case kNextHeaderIpv6:
      return ReadIpv6(data);
    case kNextHeaderNone:
      return {.reason = DropReason::kEspDummy};
    default:
      return {.reason = DropReason::kEspNextHeader};
  }
}

}  // namespace sluice::dataplane
