// ESP packets (RFC 4303) as decisions over bytes: lengths, header and trailer to be sent, what
// arrives on protocol 50 and UDP port 4500 (RFC 3948), and what is inside once it is decrypted.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/packet/wire.h"
#include "dataplane/tables/drop_reason.h"
#include "dataplane/tables/sa/esp_keys.h"

namespace sluice::dataplane {

inline constexpr uint8_t kProtocolEsp = 50;
inline constexpr uint16_t kUdpPortEsp = 4500;
inline constexpr uint8_t kEspHeaderBytes = 8;   // SPI and the lower half of the sequence number
inline constexpr uint8_t kEspTrailerBytes = 2;  // pad length and next header
inline constexpr uint8_t kNonEspMarkerBytes = 4;
inline constexpr uint8_t kNextHeaderIpv4 = 4;
inline constexpr uint8_t kNextHeaderIpv6 = 41;
inline constexpr uint8_t kNextHeaderNone = 59;
// Those below are reserved, and 0 is the non-ESP marker (RFC 4303 section 2.1).
inline constexpr uint32_t kEspSpiMin = 256;

// ---- to be sent ----

// Padding that makes payload, padding and trailer a multiple of `alignment`, a power of two.
constexpr uint32_t EspPadBytes(uint32_t payload_bytes, uint32_t alignment) {
  return (0u - (payload_bytes + kEspTrailerBytes)) & (alignment - 1);
}

// From the SPI to the end of the ICV.
inline uint32_t EspBytes(const EspTransform& transform, uint32_t payload_bytes) {
  return transform.envelope_bytes() + payload_bytes + EspPadBytes(payload_bytes, transform.alignment) +
         kEspTrailerBytes;
}

// `sequence` in full; its upper half is not sent. The IV that follows is EspCrypto's.
inline void StoreEspHeader(uint8_t* esp, uint32_t spi, uint64_t sequence) {
  StoreBe32(esp, spi);
  StoreBe32(esp + 4, static_cast<uint32_t>(sequence));
}

// Padding of 1, 2, 3 … (RFC 4303 section 2.4), its length and the next header, from the end of
// the payload on. `pad_bytes` is below 16. Writes up to 6 bytes beyond, where the ICV will be.
inline void StoreEspTrailer(uint8_t* at, uint32_t pad_bytes, uint8_t next_header) {
  constexpr uint64_t kFirst = 0x0807060504030201, kSecond = 0x100f0e0d0c0b0a09;
  std::memcpy(at, &kFirst, sizeof kFirst);
  if (pad_bytes > sizeof kFirst) std::memcpy(at + 8, &kSecond, sizeof kSecond);
  at[pad_bytes] = static_cast<uint8_t>(pad_bytes);
  at[pad_bytes + 1] = next_header;
}

// The longest inner packet that still fits `link_bytes`, the MTU of the way to the peer; 0: none.
// RFC 4301 section 8: what inner senders are told. Above it, EspBytes would be too much.
uint32_t EspInnerMtu(uint32_t link_bytes, bool outer_ipv4, bool udp_encapsulation, const EspSuite& suite);

// ---- as it arrives ----

enum class EspArrivalKind : uint8_t { kEsp, kIke, kUnsound };

struct EspArrival {
  EspArrivalKind kind = EspArrivalKind::kUnsound;
  DropReason reason = DropReason::kNone;  // kUnsound: why; kNatKeepalive is one
  uint8_t offset = 0;                     // from the end of the outer IP header to the SPI, or to IKE
  uint32_t bytes = 0;                     // from there
  uint32_t spi = 0;                       // kEsp
  uint32_t sequence_low = 0;              // kEsp
};

// `payload` is that of the outer IP packet: protocol 50, or UDP to port 4500 (RFC 3948 section
// 2.2). The UDP checksum is not looked at: it ought to be zero and says nothing that the ICV
// does not (section 3.2 of the same).
EspArrival ParseEspArrival(uint8_t protocol, std::span<const uint8_t> payload);

// Whether an ESP packet of `bytes`, from SPI to ICV, can be one of this SA's: IV, ICV and
// whole blocks of payload with a trailer. Only then may it be opened.
inline bool EspLengthHolds(const EspTransform& transform, uint32_t bytes) {
  const int64_t blocks = int64_t{bytes} - transform.envelope_bytes();
  return blocks >= transform.alignment && (blocks & (transform.alignment - 1)) == 0;
}

struct EspPayload {
  // kNone: an IP packet begins at the plaintext. kEspDummy, kEspNextHeader, kEspMalformed.
  DropReason reason = DropReason::kNone;
  bool ipv4 = false;
  uint16_t bytes = 0;  // of the IP packet; what follows is padding to hide its length
};

// `plaintext` is what was between IV and ICV, authentic. The padding's bytes are not looked
// at: that inspection (RFC 4303 section 2.4) stands in for integrity, which is always there.
EspPayload ParseEspPayload(std::span<const uint8_t> plaintext);

}  // namespace sluice::dataplane
