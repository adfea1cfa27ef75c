// Text forms of addresses. The C library's inet_pton and inet_ntop decide what
// is an address, so that we accept what every other tool on the host accepts.
#include "proto/net/address.h"

#include <arpa/inet.h>

#include <cstring>

namespace sluice::net {

std::optional<Ipv4Address> Ipv4Address::Parse(std::string_view text) {
  uint8_t bytes[4];
  if (inet_pton(AF_INET, std::string(text).c_str(), bytes) != 1 || text.find('\0') != text.npos)
    return std::nullopt;
  return FromBytes(bytes);
}

std::string Ipv4Address::ToString() const {
  const uint32_t network = htonl(value);
  char text[INET_ADDRSTRLEN];
  return inet_ntop(AF_INET, &network, text, sizeof text);
}

std::optional<Ipv6Address> Ipv6Address::Parse(std::string_view text) {
  Ipv6Address address;
  if (inet_pton(AF_INET6, std::string(text).c_str(), address.bytes.data()) != 1 ||
      text.find('\0') != text.npos) {
    return std::nullopt;
  }
  return address;
}

std::string Ipv6Address::ToString() const {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
}

Ipv6Address Ipv6Address::FromHalves(uint64_t high, uint64_t low) {
  Ipv6Address address;
  for (unsigned i = 0; i < 8; ++i) {
    address.bytes[i] = static_cast<uint8_t>(high >> (56 - 8 * i));
    address.bytes[8 + i] = static_cast<uint8_t>(low >> (56 - 8 * i));
  }
  return address;
}

Ipv6Address Ipv6Address::FromBytes(const uint8_t from[16]) {
  Ipv6Address address;
  std::memcpy(address.bytes.data(), from, 16);
  return address;
}

Ipv6Address Ipv6Address::SolicitedNode() const {
  return FromHalves(0xff02'0000'0000'0000, 0x0000'0001'ff00'0000 | (Low() & 0xff'ffff));
}

std::optional<Address> Address::Parse(std::string_view text) {
  if (const auto v4 = Ipv4Address::Parse(text)) return Address(*v4);
  if (const auto v6 = Ipv6Address::Parse(text)) return Address(*v6);
  return std::nullopt;
}

std::string Address::ToString() const {
  return is_v4() ? v4().ToString() : v6().ToString();
}
bool Address::IsZero() const {
  return is_v4() ? v4().IsZero() : v6().IsZero();
}
bool Address::IsMulticast() const {
  return is_v4() ? v4().IsMulticast() : v6().IsMulticast();
}
bool Address::IsLoopback() const {
  return is_v4() ? v4().IsLoopback() : v6().IsLoopback();
}

}  // namespace sluice::net
