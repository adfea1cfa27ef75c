// Parsing of text fields with an answer that says what would be accepted.
#include "control/tenant/text_fields.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace sluice::tenant {
namespace {

bool IsLabelCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

std::string Quoted(std::string_view text) {
  constexpr size_t kShownMax = 80;
  return absl::StrCat("\"", std::string(text.substr(0, kShownMax)), text.size() > kShownMax ? "…\"" : "\"");
}

// All host bits zero, or all one: no host's address in IPv4 subnets of four and
// more addresses (RFC 1122 section 3.2.1.3), and in IPv6 the first is the
// subnet-router anycast address (RFC 4291 section 2.6.1).
std::string SubnetComplaint(const net::InterfaceAddress& value) {
  const unsigned host_bits = value.address.BitLength() - value.length;
  if (host_bits < 2) return {};
  const net::Prefix subnet = value.Subnet();
  if (subnet.address() == value.address)
    return absl::StrCat(value.ToString(),
                        " is the subnet's own number; accepted: an address of a host in it");
  if (!value.address.is_v4()) return {};
  const uint32_t host_mask = host_bits >= 32 ? ~uint32_t{0} : (uint32_t{1} << host_bits) - 1;
  if ((value.address.v4().value & host_mask) == host_mask)
    return absl::StrCat(value.ToString(),
                        " is the subnet's broadcast address; accepted: an address of a host in it");
  return {};
}

}  // namespace

bool IsDnsLabel(std::string_view text) {
  constexpr size_t kLabelMax = 63;
  return !text.empty() && text.size() <= kLabelMax && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), IsLabelCharacter);
}

bool CheckDnsLabel(std::string_view text, const Place& place, Findings& findings) {
  if (IsDnsLabel(text)) return true;
  findings.Invalid(place, absl::StrCat(Quoted(text),
                                       " is not a name; accepted: 1 to 63 lower-case letters, digits and "
                                       "hyphens, no hyphen at either end"));
  return false;
}

std::string UnicastComplaint(const net::Address& address) {
  std::string what;
  if (address.IsZero()) what = "the unspecified address";
  if (address.IsMulticast()) what = "a multicast address";
  if (address.IsLoopback()) what = "a loopback address";
  if (address.is_v4() && (address.v4().value >> 24 == 0 || address.v4().value >> 28 == 0xf))
    what = "a reserved address";
  if (what.empty()) return {};
  return absl::StrCat(address.ToString(), " is ", what, "; accepted: a unicast address");
}

std::optional<net::Address> UnicastAddress(std::string& text, const Place& place, Findings& findings) {
  const auto address = net::Address::Parse(text);
  if (!address) {
    findings.Invalid(place, absl::StrCat(Quoted(text),
                                         " is not an address; accepted: an IPv4 or IPv6 address without a "
                                         "length, such as 15.0.0.1 or 2001:db8::1"));
    return std::nullopt;
  }
  if (std::string complaint = UnicastComplaint(*address); !complaint.empty()) {
    findings.Invalid(place, std::move(complaint));
    return std::nullopt;
  }
  text = address->ToString();
  return address;
}

std::optional<net::InterfaceAddress> HostInSubnet(std::string& text, const Place& place, Findings& findings) {
  const auto value = net::InterfaceAddress::Parse(text);
  if (!value) {
    findings.Invalid(place, absl::StrCat(Quoted(text),
                                         " is not an address with the length of its subnet; accepted: such "
                                         "as 15.0.0.5/24 or 2001:db8::5/64"));
    return std::nullopt;
  }
  std::string complaint = UnicastComplaint(value->address);
  if (complaint.empty() && value->length == 0)
    complaint = "a subnet of length 0 holds every address; accepted: 1 or more";
  if (complaint.empty()) complaint = SubnetComplaint(*value);
  if (!complaint.empty()) {
    findings.Invalid(place, std::move(complaint));
    return std::nullopt;
  }
  text = value->ToString();
  return value;
}

std::optional<net::MacAddress> UnicastMac(std::string& text, const Place& place, Findings& findings) {
  const auto mac = net::MacAddress::Parse(text);
  if (!mac || mac->IsMulticast() || mac->IsZero()) {
    findings.Invalid(place, absl::StrCat(Quoted(text),
                                         " is not a MAC address of a host; accepted: six octets such as "
                                         "02:00:5e:00:53:01, not a group address"));
    return std::nullopt;
  }
  text = mac->ToString();
  return mac;
}

std::string PrefixComplaint(std::string_view text) {
  const auto prefix = net::Prefix::Parse(text);
  if (!prefix) {
    if (const auto loose = net::Prefix::ParseLoose(text))
      return absl::StrCat(Quoted(text), " has host bits set; accepted: ", loose->ToString());
    return absl::StrCat(Quoted(text), " is not a prefix; accepted: such as 18.0.0.0/24 or 2001:db8:18::/48");
  }
  if (prefix->address().IsMulticast() && prefix->length() > 0)
    return absl::StrCat(prefix->ToString(), " is multicast; accepted: a unicast prefix");
  if (prefix->address().IsLoopback() ||
      (prefix->address().is_v4() && prefix->length() >= 8 && prefix->address().v4().value >> 24 == 127))
    return absl::StrCat(prefix->ToString(), " is loopback; accepted: a unicast prefix");
  return {};
}

}  // namespace sluice::tenant
