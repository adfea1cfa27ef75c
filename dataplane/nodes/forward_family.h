// What differs between the families when a packet is routed: where the fields
// are, which tables are asked and which ICMP messages are due.
#pragma once

#include <cstring>

#include "dataplane/packet/ethernet.h"
#include "dataplane/packet/flow_hash.h"
#include "dataplane/packet/icmp.h"
#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"
#include "dataplane/tables/tables.h"

namespace sluice::dataplane::forward {

struct Ipv4 {
  using Address = uint32_t;
  static constexpr uint8_t kFamily = 4;
  static constexpr uint16_t kEtherType = kEtherTypeIpv4;
  static constexpr uint32_t kHeaderBytes = kIpv4HeaderBytes;

  static const Fib4Views& Routes(const Tables& tables) { return tables.fib4; }
  static uint32_t Oddities(const uint8_t* ip, uint32_t available) { return Ipv4Oddities(ip, available); }
  static DropReason Examine(const uint8_t* ip, uint32_t available) { return ExamineIpv4(ip, available); }
  static Address Source(const uint8_t* ip) { return Ipv4Source(ip); }
  static Address Destination(const uint8_t* ip) { return Ipv4Destination(ip); }
  static const uint8_t* DestinationBytes(const uint8_t* ip) { return ip + 16; }
  static constexpr uint32_t kAddressBytes = 4;
  static bool MayBeOurs(const Tables& tables, VrfId vrf, Address address) {
    return tables.own_addresses.MayBeIpv4(vrf, address);
  }
  static NeighborKey Neighbor(InterfaceId interface, Address address) {
    return NeighborKey::Ipv4(interface, address);
  }
  static uint16_t IpBytes(const uint8_t* ip) { return Ipv4TotalLength(ip); }
  static uint8_t Hops(const uint8_t* ip) { return Ipv4Ttl(ip); }
  static void CountHop(uint8_t* ip) { DecrementIpv4Ttl(ip); }
  // The same in the eight bytes of the header in which it changes anything.
  static constexpr unsigned kHopWordAt = 4;
  static uint64_t CountHop(uint64_t word) { return Ipv4HopCounted(word); }
  static bool MayBeFragmented(const uint8_t* ip) { return (Ipv4FragmentField(ip) & kIpv4DontFragment) == 0; }
  static uint32_t FlowHash(const uint8_t* ip) { return Ipv4FlowHash(ip); }

  static constexpr IcmpKind kTimeExceeded{11, 0}, kNoRoute{3, 0}, kHostUnreachable{3, 1}, kTooBig{3, 4};
};

struct Ipv6 {
  using Address = Ipv6Key;
  static constexpr uint8_t kFamily = 6;
  static constexpr uint16_t kEtherType = kEtherTypeIpv6;
  static constexpr uint32_t kHeaderBytes = kIpv6HeaderBytes;

  static const Fib6Views& Routes(const Tables& tables) { return tables.fib6; }
  static uint32_t Oddities(const uint8_t* ip, uint32_t available) { return Ipv6Oddities(ip, available); }
  static DropReason Examine(const uint8_t* ip, uint32_t available) { return ExamineIpv6(ip, available); }
  static Address Source(const uint8_t* ip) { return {LoadBe64(ip + 8), LoadBe64(ip + 16)}; }
  static Address Destination(const uint8_t* ip) { return {LoadBe64(ip + 24), LoadBe64(ip + 32)}; }
  static const uint8_t* DestinationBytes(const uint8_t* ip) { return ip + 24; }
  static constexpr uint32_t kAddressBytes = 16;
  static bool MayBeOurs(const Tables& tables, VrfId vrf, Address address) {
    return tables.own_addresses.MayBeIpv6(vrf, address.high, address.low);
  }
  static NeighborKey Neighbor(InterfaceId interface, Address address) {
    return NeighborKey::Ipv6(interface, address.high, address.low);
  }
  static uint16_t IpBytes(const uint8_t* ip) {
    return static_cast<uint16_t>(Ipv6PayloadLength(ip) + kIpv6HeaderBytes);
  }
  static uint8_t Hops(const uint8_t* ip) { return Ipv6HopLimit(ip); }
  static void CountHop(uint8_t* ip) { --ip[7]; }
  static constexpr unsigned kHopWordAt = 0;
  static uint64_t CountHop(uint64_t word) { return word - (uint64_t{1} << 56); }
  // Routers never fragment IPv6 (RFC 8200 section 4.5).
  static bool MayBeFragmented(const uint8_t*) { return false; }
  static uint32_t FlowHash(const uint8_t* ip) { return Ipv6FlowHash(ip); }

  static constexpr IcmpKind kTimeExceeded{3, 0}, kNoRoute{1, 0}, kHostUnreachable{1, 3}, kTooBig{2, 0};
};

// Is it an address of ours? Almost always one load says no.
template <class F>
inline bool IsOurs(const Tables& tables, VrfId vrf, const typename F::Address& address) {
  return __builtin_expect(F::MayBeOurs(tables, vrf, address), 0) &&
         F::Routes(tables).Lookup(vrf, address) == tables.groups.local();
}

}  // namespace sluice::dataplane::forward
