// Classification of packets to ourselves.
#include "dataplane/packet/local_punt_class.h"

#include <algorithm>
#include <array>

namespace sluice::dataplane {
namespace {

using channel::PuntClass;

constexpr uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmpv6 = 58;
constexpr uint16_t kBgpPort = 179;
constexpr uint16_t kIkePort = 500;
constexpr uint16_t kIkeNatPort = 4500;
// RFC 7296 section 3.1: the responder's SPI lies behind the initiator's.
constexpr size_t kResponderSpi = 8;
constexpr size_t kNonEspMarkerBytes = 4;  // RFC 3948 section 2.2

uint16_t U16At(std::span<const uint8_t> bytes, size_t at) {
  return at + 2 <= bytes.size() ? static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]) : uint16_t{0};
}

PuntClass IkeClass(std::span<const uint8_t> payload, uint16_t port) {
  const size_t at = kResponderSpi + (port == kIkeNatPort ? kNonEspMarkerBytes : 0);
  if (payload.size() < at + 8) return PuntClass::kIkeNew;
  const auto spi = payload.subspan(at, 8);
  const bool known = std::any_of(spi.begin(), spi.end(), [](uint8_t byte) { return byte != 0; });
  return known ? PuntClass::kIkeKnown : PuntClass::kIkeNew;
}

PuntClass TransportClass(uint8_t protocol, std::span<const uint8_t> transport) {
  const uint16_t destination = U16At(transport, 2);
  switch (protocol) {
    case kTcp:
      return destination == kBgpPort || U16At(transport, 0) == kBgpPort ? PuntClass::kBgp : PuntClass::kLocal;
    case kUdp:
      if ((destination == kIkePort || destination == kIkeNatPort) && transport.size() >= 8)
        return IkeClass(transport.subspan(8), destination);
      return PuntClass::kLocal;
    case kIcmp: {
      // Destination unreachable, source quench, redirect, time exceeded, parameter problem.
      constexpr std::array<uint8_t, 5> kErrors = {3, 4, 5, 11, 12};
      const bool error = !transport.empty() && std::count(kErrors.begin(), kErrors.end(), transport[0]) != 0;
      return error ? PuntClass::kIcmpError : PuntClass::kLocal;
    }
    case kIcmpv6:
      // RFC 4443 section 2.1: errors are below 128.
      return !transport.empty() && transport[0] < 128 ? PuntClass::kIcmpError : PuntClass::kLocal;
    default:
      return PuntClass::kLocal;
  }
}

}  // namespace

PuntClass LocalPuntClass(std::span<const uint8_t> packet) {
  if (packet.size() >= 20 && packet[0] >> 4 == 4) {
    const size_t header = (packet[0] & 0xf) * size_t{4};
    if (header < 20 || header > packet.size()) return PuntClass::kLocal;
    return TransportClass(packet[9], packet.subspan(header));
  }
  if (packet.size() >= 40 && packet[0] >> 4 == 6) return TransportClass(packet[6], packet.subspan(40));
  return PuntClass::kLocal;
}

}  // namespace sluice::dataplane
