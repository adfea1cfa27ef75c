// The two key families of the FIB: how an address is cut into the 6-bit slots
// of the trie. Addresses are in host byte order throughout.
#pragma once

#include <compare>
#include <cstdint>

namespace sluice::dataplane {

struct Ipv6Key {
  uint64_t high, low;  // host byte order

  friend constexpr auto operator<=>(const Ipv6Key&, const Ipv6Key&) = default;
};

namespace fib {

// Every trie node consumes this many bits; bits beyond the address are zero.
constexpr unsigned kStride = 6;
constexpr unsigned kSlots = 1u << kStride;

// What the updater's record keeps of a prefix: its next-hop group, and above it
// a byte of the route's writer that readers never see.
constexpr unsigned kGroupBits = 24;
constexpr uint32_t kGroupMask = (uint32_t{1} << kGroupBits) - 1;
constexpr uint32_t RouteWord(uint32_t group, uint8_t tag) {
  return group | uint32_t{tag} << kGroupBits;
}

constexpr uint32_t GroupOf(uint32_t word) {
  return word & kGroupMask;
}  // of a leaf too
constexpr uint8_t TagOf(uint32_t route_word) {
  return static_cast<uint8_t>(route_word >> kGroupBits);
}

struct Ipv4 {
  using Address = uint32_t;
  using Rest = uint32_t;  // the next bits of an address, left-aligned
  static constexpr unsigned kBits = 32;
  static constexpr const char* kName = "ipv4";

  // What is left of an address on the way down.
  struct Cursor {
    uint32_t rest;
    unsigned Slot() const { return rest >> (32 - kStride); }
    Rest Front() const { return rest; }
    void Descend() { rest <<= kStride; }
  };

  // The first `bits` (0 to 31) as a number.
  static uint64_t Top(Address address, unsigned bits) { return uint64_t{address} >> (32 - bits); }
  static Cursor CursorAt(Address address, unsigned bits) { return {address << bits}; }
  static Rest RestAt(Address address, unsigned depth) { return address << depth; }
  static unsigned Slot(Address address, unsigned depth) { return RestAt(address, depth) >> (32 - kStride); }
  static Address Masked(Address address, unsigned length) {
    return length == 0 ? 0 : address & (~uint32_t{0} << (32 - length));
  }
  // `address`, which is zero from `depth` on, with `rest` there.
  static Address WithRest(Address address, unsigned depth, Rest rest) { return address | rest >> depth; }
  static Address WithSlot(Address address, unsigned depth, unsigned slot) {
    return WithRest(address, depth, Rest{slot} << (32 - kStride));
  }
};

struct Ipv6 {
  using Address = Ipv6Key;
  using Rest = uint64_t;
  static constexpr unsigned kBits = 128;
  static constexpr const char* kName = "ipv6";

  struct Cursor {
    uint64_t high, low;
    unsigned Slot() const { return static_cast<unsigned>(high >> (64 - kStride)); }
    Rest Front() const { return high; }
    void Descend() {
      high = high << kStride | low >> (64 - kStride);
      low <<= kStride;
    }
  };

  static uint64_t Top(const Address& address, unsigned bits) { return (address.high >> 1) >> (63 - bits); }
  static Cursor CursorAt(const Address& address, unsigned bits) {
    return {address.high << bits | (address.low >> 1) >> (63 - bits), address.low << bits};
  }
  static Rest RestAt(const Address& address, unsigned depth) {
    if (depth >= 64) return address.low << (depth - 64);
    return address.high << depth | (address.low >> 1) >> (63 - depth);
  }
  static unsigned Slot(const Address& address, unsigned depth) {
    return static_cast<unsigned>(RestAt(address, depth) >> (64 - kStride));
  }
  static Address Masked(const Address& address, unsigned length) {
    const uint64_t high = length == 0 ? 0 : ~uint64_t{0} << (length >= 64 ? 0 : 64 - length);
    const uint64_t low = length <= 64 ? 0 : ~uint64_t{0} << (128 - length);
    return {address.high & high, address.low & low};
  }
  static Address WithRest(const Address& address, unsigned depth, Rest rest) {
    if (depth >= 64) return {address.high, address.low | rest >> (depth - 64)};
    return {address.high | rest >> depth, address.low | (rest << 1) << (63 - depth)};
  }
  static Address WithSlot(const Address& address, unsigned depth, unsigned slot) {
    return WithRest(address, depth, Rest{slot} << (64 - kStride));
  }
};

}  // namespace fib
}  // namespace sluice::dataplane
