// Prefix arithmetic and text form.
#include "proto/net/prefix.h"

#include <charconv>

#include "proto/net/check.h"

namespace sluice::net {
namespace {

Address Masked(const Address& address, uint8_t length) {
  if (address.is_v4()) {
    const uint32_t mask = length == 0 ? 0 : ~uint32_t{0} << (32 - length);
    return Ipv4Address{address.v4().value & mask};
  }
  const uint64_t high = length == 0 ? 0 : length >= 64 ? ~uint64_t{0} : ~uint64_t{0} << (64 - length);
  const uint64_t low = length <= 64 ? 0 : ~uint64_t{0} << (128 - length);
  return Ipv6Address::FromHalves(address.v6().High() & high, address.v6().Low() & low);
}

}  // namespace

Prefix::Prefix(const Address& address, uint8_t length) : length_(length) {
  SLUICE_CHECK(length <= address.BitLength());
  address_ = Masked(address, length);
}

std::optional<InterfaceAddress> InterfaceAddress::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const auto address = Address::Parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const std::string_view digits = text.substr(slash + 1);
  uint8_t length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const bool leading_zero = digits.size() > 1 && digits[0] == '0';
  if (error != std::errc() || end != digits.data() + digits.size() || leading_zero) return std::nullopt;
  if (length > address->BitLength()) return std::nullopt;
  return InterfaceAddress{*address, length};
}

std::string InterfaceAddress::ToString() const {
  return address.ToString() + "/" + std::to_string(length);
}

std::optional<Prefix> Prefix::ParseLoose(std::string_view text) {
  const auto parsed = InterfaceAddress::Parse(text);
  if (!parsed) return std::nullopt;
  return parsed->Subnet();
}

std::optional<Prefix> Prefix::Parse(std::string_view text) {
  const auto parsed = InterfaceAddress::Parse(text);
  if (!parsed || parsed->Subnet().address() != parsed->address) return std::nullopt;
  return parsed->Subnet();
}

bool Prefix::Contains(const Address& address) const {
  return address.family() == family() && Masked(address, length_) == address_;
}

std::string Prefix::ToString() const {
  return address_.ToString() + "/" + std::to_string(length_);
}

}  // namespace sluice::net
