// ESP packets of any bytes, in UDP or not: nothing is read that is not there, and what is taken
// lies inside. Then the same bytes as if they had been decrypted. The input: the suite, with the
// outer protocol in the highest bit, then the payload of the outer packet.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/packet/esp.h"
#include "dataplane/packet/icmp.h"
#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"
#include "dataplane/packet/tunnel_header.h"
#include "proto/net/check.h"

using namespace sluice::dataplane;  // NOLINT: a program of its own

namespace {

void CheckPayload(std::span<const uint8_t> plaintext) {
  const EspPayload payload = ParseEspPayload(plaintext);
  if (payload.reason != DropReason::kNone) {
    SLUICE_CHECK(payload.bytes == 0);
    return;
  }
  // The trailer is no part of the packet inside.
  SLUICE_CHECK(payload.bytes + size_t{kEspTrailerBytes} <= plaintext.size());
  SLUICE_CHECK(payload.bytes >= (payload.ipv4 ? kIpv4HeaderBytes : kIpv6HeaderBytes));
  SLUICE_CHECK(plaintext[0] >> 4 == (payload.ipv4 ? 4 : 6));
  if (payload.ipv4) SLUICE_CHECK(Ipv4HeaderLength(plaintext.data()) <= payload.bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const EspSuite& suite = EspSuites()[(data[0] & 0x7f) % EspSuites().size()];
  const uint8_t protocol = (data[0] & 0x80) != 0 ? kProtocolUdp : kProtocolEsp;
  // Of exactly this size, so that a sanitizer sees the end.
  const std::vector<uint8_t> payload(data + 1, data + size);
  CheckPayload(payload);
  const EspArrival arrival = ParseEspArrival(protocol, payload);
  if (arrival.kind == EspArrivalKind::kUnsound) {
    SLUICE_CHECK(arrival.reason != DropReason::kNone);
    return 0;
  }
  SLUICE_CHECK(arrival.reason == DropReason::kNone);
  SLUICE_CHECK(size_t{arrival.offset} + arrival.bytes <= payload.size());
  if (arrival.kind == EspArrivalKind::kIke) {
    SLUICE_CHECK(protocol == kProtocolUdp);
    return 0;
  }
  SLUICE_CHECK(arrival.bytes >= kEspHeaderBytes && arrival.spi >= kEspSpiMin);
  EspTransform transform;
  transform.iv_bytes = suite.iv_bytes;
  transform.icv_bytes = suite.icv_bytes;
  transform.alignment = static_cast<uint8_t>(suite.alignment & 0x7f);
  if (!EspLengthHolds(transform, arrival.bytes)) return 0;
  const auto esp = std::span(payload).subspan(arrival.offset, arrival.bytes);
  const size_t at = size_t{kEspHeaderBytes} + suite.iv_bytes;
  SLUICE_CHECK(at + suite.icv_bytes + suite.alignment <= esp.size());
  const std::vector<uint8_t> plaintext(esp.begin() + static_cast<std::ptrdiff_t>(at),
                                       esp.end() - suite.icv_bytes);
  SLUICE_CHECK(plaintext.size() % suite.alignment == 0);
  CheckPayload(plaintext);
  return 0;
}
