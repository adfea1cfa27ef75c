// Prefixes as compact, hashable keys of one family: 8 bytes for IPv4, 24 for
// IPv6. The RIB holds a million of them, where net::Prefix would cost thrice.
#pragma once

#include <cstdint>
#include <utility>

#include "proto/net/prefix.h"

namespace sluice::rib {

struct Ipv4Key {
  static constexpr unsigned kBitLength = 32;
  static constexpr net::Family kFamily = net::Family::kIpv4;

  uint32_t bits = 0;  // host byte order, host bits zero
  uint8_t length = 0;

  static Ipv4Key Of(const net::Prefix& prefix) { return {prefix.address().v4().value, prefix.length()}; }
  static Ipv4Key Of(const net::Address& address, uint8_t length) {
    return Of(net::Prefix(address.v4(), length));
  }
  net::Prefix ToPrefix() const { return net::Prefix(net::Ipv4Address{bits}, length); }

  friend auto operator<=>(const Ipv4Key&, const Ipv4Key&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const Ipv4Key& key) {
    return H::combine(std::move(hash), uint64_t{key.bits} << 8 | key.length);
  }
};
static_assert(sizeof(Ipv4Key) == 8);

struct Ipv6Key {
  static constexpr unsigned kBitLength = 128;
  static constexpr net::Family kFamily = net::Family::kIpv6;

  uint64_t high = 0;  // host byte order, host bits zero
  uint64_t low = 0;
  uint8_t length = 0;

  static Ipv6Key Of(const net::Prefix& prefix) {
    const net::Ipv6Address& address = prefix.address().v6();
    return {address.High(), address.Low(), prefix.length()};
  }
  static Ipv6Key Of(const net::Address& address, uint8_t length) {
    return Of(net::Prefix(address.v6(), length));
  }
  net::Prefix ToPrefix() const { return net::Prefix(net::Ipv6Address::FromHalves(high, low), length); }

  friend auto operator<=>(const Ipv6Key&, const Ipv6Key&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const Ipv6Key& key) {
    return H::combine(std::move(hash), key.high, key.low, key.length);
  }
};
static_assert(sizeof(Ipv6Key) == 24);

}  // namespace sluice::rib
