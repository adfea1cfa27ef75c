// Neighbor Solicitation and Advertisement (RFC 4861 sections 4.3, 4.4) as values,
// with the validation of section 7.1. Redirects and router messages are not
// parsed: we neither send nor believe them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "proto/net/address.h"
#include "proto/net/mac_address.h"

namespace sluice::dataplane {

enum class NdKind : uint8_t { kSolicitation = 135, kAdvertisement = 136 };

struct NdPacket {
  NdKind kind = NdKind::kSolicitation;
  net::Ipv6Address source;
  net::Ipv6Address destination;
  net::Ipv6Address target;
  // Source link-layer address option of a solicitation, target's of an advertisement.
  std::optional<net::MacAddress> link_layer;
  // Of an advertisement.
  bool router = false;
  bool solicited = false;
  bool override_cached = false;

  friend bool operator==(const NdPacket&, const NdPacket&) = default;
};

// What is wrong with a packet, for counters; in the order of RFC 4861 section 7.1.
enum class NdFault : uint8_t {
  kNone,
  kNotNd,  // truncated IPv6, extension headers, or another ICMPv6 type
  kHopLimit,
  kChecksum,
  kCode,
  kLength,
  kTarget,   // multicast
  kOptions,  // of length zero, or running off the end
  kUnspecifiedSource,
  kSolicitedMulticast,
  kSource,  // multicast or loopback
};

struct NdParse {
  NdFault fault = NdFault::kNone;
  NdPacket packet;  // valid without fault only
};

// `bytes` start at the IPv6 header; link padding may follow the packet.
NdParse ParseNd(std::span<const uint8_t> bytes);

// The packet from its IPv6 header on, hop limit 255, checksum filled in.
std::vector<uint8_t> BuildNd(const NdPacket& packet);

}  // namespace sluice::dataplane
