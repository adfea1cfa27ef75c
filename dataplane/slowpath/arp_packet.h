// ARP for IPv4 over Ethernet (RFC 826) as a value.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "proto/net/address.h"
#include "proto/net/mac_address.h"

namespace sluice::dataplane {

enum class ArpOperation : uint16_t { kRequest = 1, kReply = 2 };

struct ArpPacket {
  ArpOperation operation = ArpOperation::kRequest;
  net::MacAddress sender_mac;
  net::Ipv4Address sender_ip;  // 0.0.0.0 in a probe (RFC 5227 section 1.1)
  net::MacAddress target_mac;
  net::Ipv4Address target_ip;

  // RFC 5227 section 1.1: sender and target address are the same.
  bool IsAnnouncement() const { return sender_ip == target_ip && !sender_ip.IsZero(); }
  bool IsProbe() const { return sender_ip.IsZero(); }

  friend bool operator==(const ArpPacket&, const ArpPacket&) = default;
};

// `bytes` start behind the EtherType; padding may follow. Absent for anything
// that is not a request or reply for IPv4 over Ethernet, and for sender
// addresses that no station has (a group's MAC, multicast, loopback).
std::optional<ArpPacket> ParseArp(std::span<const uint8_t> bytes);

// The 28 bytes behind the EtherType.
std::vector<uint8_t> BuildArp(const ArpPacket& packet);

}  // namespace sluice::dataplane
