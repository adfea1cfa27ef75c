// A payload cut into IP fragments, as a test sends it.
#pragma once

#include <algorithm>
#include <vector>

#include "tests/lib/packet.h"

namespace sluice::testing {

inline Bytes TransportOf4(const Packet& packet) {
  const Bytes ip = packet.ip();
  return Bytes(ip.begin() + (ip[0] & 0xf) * 4, ip.end());
}
inline Bytes TransportOf6(const Packet& packet) {
  const Bytes ip = packet.ip();
  return Bytes(ip.begin() + 40, ip.end());
}

// `each` is a multiple of eight. `link` has the L2 header and no IP header yet.
inline std::vector<Packet> Fragments4(const Packet& link, Ipv4Fields fields, uint16_t identification,
                                      uint8_t protocol, const Bytes& payload, size_t each) {
  std::vector<Packet> fragments;
  fields.identification = identification;
  for (size_t at = 0; at < payload.size(); at += each) {
    const size_t end = std::min(at + each, payload.size());
    fields.fragment = static_cast<uint16_t>((end < payload.size() ? 0x2000 : 0) | at / 8);
    Packet packet = link;
    packet.Ipv4(fields).Transport(protocol, Bytes(payload.begin() + static_cast<std::ptrdiff_t>(at),
                                                  payload.begin() + static_cast<std::ptrdiff_t>(end)));
    fragments.push_back(packet);
  }
  return fragments;
}

// The same; a payload that needs only one gives an atomic fragment.
inline std::vector<Packet> Fragments6(const Packet& link, Ipv6Fields fields, uint16_t identification,
                                      uint8_t protocol, const Bytes& payload, size_t each) {
  std::vector<Packet> fragments;
  for (size_t at = 0; at < payload.size(); at += each) {
    const size_t end = std::min(at + each, payload.size());
    const auto field = static_cast<uint16_t>(at | (end < payload.size() ? 1u : 0u));
    fields.extension_type = 44;
    fields.extensions = {
        protocol, 0, static_cast<uint8_t>(field >> 8),          static_cast<uint8_t>(field),
        0,        0, static_cast<uint8_t>(identification >> 8), static_cast<uint8_t>(identification)};
    Packet packet = link;
    packet.Ipv6(fields).Transport(protocol, Bytes(payload.begin() + static_cast<std::ptrdiff_t>(at),
                                                  payload.begin() + static_cast<std::ptrdiff_t>(end)));
    fragments.push_back(packet);
  }
  return fragments;
}

}  // namespace sluice::testing
