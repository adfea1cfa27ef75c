// An IP prefix: an address and the count of its leading bits that matter.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/net/address.h"

namespace sluice::net {

class Prefix {
 public:
  Prefix() = default;  // 0.0.0.0/0
  // Host bits are cleared. `length` must not exceed the family's bit length.
  Prefix(const Address& address, uint8_t length);

  // "ADDRESS/LENGTH"; absent when malformed, when the length is missing or too
  // long, or when host bits are set (10.0.0.1/8 is a mistake, not a network).
  static std::optional<Prefix> Parse(std::string_view text);
  // The same but keeps nothing of the host bits: "10.0.0.1/8" is 10.0.0.0/8.
  static std::optional<Prefix> ParseLoose(std::string_view text);

  const Address& address() const { return address_; }
  uint8_t length() const { return length_; }
  Family family() const { return address_.family(); }
  bool is_default() const { return length_ == 0; }
  bool is_host() const { return length_ == address_.BitLength(); }

  bool Contains(const Address& address) const;
  bool Contains(const Prefix& other) const { return other.length_ >= length_ && Contains(other.address_); }
  bool Overlaps(const Prefix& other) const { return Contains(other) || other.Contains(*this); }

  std::string ToString() const;

  friend auto operator<=>(const Prefix&, const Prefix&) = default;

 private:
  Address address_;
  uint8_t length_ = 0;
};

// An address of an interface together with the length of its subnet
// ("15.0.0.5/24"). Unlike a Prefix it keeps its host bits.
struct InterfaceAddress {
  Address address;
  uint8_t length = 0;

  static std::optional<InterfaceAddress> Parse(std::string_view text);
  Prefix Subnet() const { return Prefix(address, length); }
  std::string ToString() const;

  friend auto operator<=>(const InterfaceAddress&, const InterfaceAddress&) = default;
};

}  // namespace sluice::net
