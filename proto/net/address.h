// IPv4 and IPv6 addresses as values, with their canonical text form (RFC 5952).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::net {

enum class Family : uint8_t { kIpv4 = 4, kIpv6 = 6 };

struct Ipv4Address {
  uint32_t value = 0;  // host byte order

  static std::optional<Ipv4Address> Parse(std::string_view text);
  static Ipv4Address FromBytes(const uint8_t bytes[4]) {
    return {static_cast<uint32_t>(bytes[0]) << 24 | static_cast<uint32_t>(bytes[1]) << 16 |
            static_cast<uint32_t>(bytes[2]) << 8 | bytes[3]};
  }
  std::string ToString() const;
  bool IsMulticast() const { return value >> 28 == 0xe; }
  bool IsLoopback() const { return value >> 24 == 127; }
  bool IsZero() const { return value == 0; }

  friend auto operator<=>(const Ipv4Address&, const Ipv4Address&) = default;
};

struct Ipv6Address {
  std::array<uint8_t, 16> bytes{};  // network byte order

  static std::optional<Ipv6Address> Parse(std::string_view text);
  std::string ToString() const;
  // The two halves in host byte order, as the lookup tables key them.
  uint64_t High() const { return Half(0); }
  uint64_t Low() const { return Half(8); }
  static Ipv6Address FromHalves(uint64_t high, uint64_t low);
  static Ipv6Address FromBytes(const uint8_t from[16]);
  bool IsMulticast() const { return bytes[0] == 0xff; }
  bool IsLinkLocal() const { return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80; }
  bool IsLoopback() const { return High() == 0 && Low() == 1; }
  bool IsZero() const { return High() == 0 && Low() == 0; }
  // ff02::1:ffXX:XXXX of this unicast address (RFC 4291 section 2.7.1).
  Ipv6Address SolicitedNode() const;

  friend auto operator<=>(const Ipv6Address&, const Ipv6Address&) = default;

 private:
  uint64_t Half(unsigned at) const {
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i) value = value << 8 | bytes[at + i];
    return value;
  }
};

// Either family. Default constructed: 0.0.0.0.
class Address {
 public:
  Address() = default;
  Address(Ipv4Address v4) : value_(v4) {}  // NOLINT: the families convert by design
  Address(Ipv6Address v6) : value_(v6) {}  // NOLINT
  static std::optional<Address> Parse(std::string_view text);

  Family family() const {
    return std::holds_alternative<Ipv4Address>(value_) ? Family::kIpv4 : Family::kIpv6;
  }
  bool is_v4() const { return family() == Family::kIpv4; }
  // Only for the family that it holds.
  const Ipv4Address& v4() const { return std::get<Ipv4Address>(value_); }
  const Ipv6Address& v6() const { return std::get<Ipv6Address>(value_); }

  std::string ToString() const;
  bool IsZero() const;
  bool IsMulticast() const;
  bool IsLoopback() const;
  // 32 or 128.
  uint8_t BitLength() const { return is_v4() ? 32 : 128; }

  friend auto operator<=>(const Address&, const Address&) = default;

 private:
  std::variant<Ipv4Address, Ipv6Address> value_;
};

}  // namespace sluice::net
