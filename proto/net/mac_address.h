// A 48-bit IEEE MAC address as a value.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::net {

struct MacAddress {
  std::array<uint8_t, 6> bytes{};

  // Accepts six hexadecimal octets separated by ':' or '-'; absent if malformed.
  static std::optional<MacAddress> Parse(std::string_view text);
  // Lower-case, colon-separated.
  std::string ToString() const;

  // Group bit set (IEEE 802); broadcast is a group address too.
  bool IsMulticast() const { return (bytes[0] & 1) != 0; }
  bool IsBroadcast() const { return *this == MacAddress{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
  bool IsZero() const { return *this == MacAddress{}; }

  friend auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

}  // namespace sluice::net
