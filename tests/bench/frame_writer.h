// Headers of generated frames, written where the packet will be sent from. Each function
// returns where the next header begins.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/packet/ethernet.h"
#include "dataplane/packet/ipv4.h"
#include "proto/net/checksum.h"
#include "proto/net/mac_address.h"

namespace sluice::bench {

// To IPv4; VLAN 0 is untagged.
inline uint8_t* WriteEthernet(uint8_t* at, const net::MacAddress& to, const net::MacAddress& from,
                              uint16_t vlan) {
  std::memcpy(at, to.bytes.data(), 6);
  std::memcpy(at + 6, from.bytes.data(), 6);
  at += 12;
  if (vlan != 0) {
    dataplane::StoreBe16(at, dataplane::kEtherType8021q);
    dataplane::StoreBe16(at + 2, vlan);
    at += 4;
  }
  dataplane::StoreBe16(at, dataplane::kEtherTypeIpv4);
  return at + 2;
}

// Without options, TTL 64; `bytes` of the whole packet.
inline uint8_t* WriteIpv4(uint8_t* at, uint32_t source, uint32_t destination, uint8_t protocol,
                          uint16_t bytes) {
  std::memset(at, 0, dataplane::kIpv4HeaderBytes);
  at[0] = 0x45;
  dataplane::StoreBe16(at + 2, bytes);
  at[8] = 64;
  at[9] = protocol;
  dataplane::StoreBe32(at + 12, source);
  dataplane::StoreBe32(at + 16, destination);
  dataplane::StoreBe16(at + 10, net::Checksum(std::span(at, dataplane::kIpv4HeaderBytes)));
  return at + dataplane::kIpv4HeaderBytes;
}

}  // namespace sluice::bench
