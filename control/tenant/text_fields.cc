// Parsing of text fields with an answer that says what would be accepted.
#include "control/tenant/text_fields.h"

#include <algorithm>
#include <iterator>

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

// ::ffff:0:0/96 stands for an IPv4 address and is on no wire (RFC 4291 section 2.5.5.2).
bool IsIpv4Mapped(const net::Address& address) {
  return !address.is_v4() && address.v6().High() == 0 && address.v6().Low() >> 32 == 0xffff;
}

struct Block {
  net::Prefix prefix;
  const char* what;
};

// What lies in these is never forwarded (RFC 1812 section 5.3.7, RFC 4291 section 2.5, RFC 6890).
// Shorter prefixes, such as 0.0.0.0/1, hold addresses that are.
const Block* BlockOf(const net::Prefix& prefix) {
  const auto v4 = [](uint32_t value, uint8_t length) { return net::Prefix(net::Ipv4Address{value}, length); };
  const auto v6 = [](uint64_t high, uint64_t low, uint8_t length) {
    return net::Prefix(net::Ipv6Address::FromHalves(high, low), length);
  };
  static const Block kIpv4[] = {{v4(0, 8), "reserved for \"this network\""},
                                {v4(0x7f00'0000, 8), "loopback"},
                                {v4(0xa9fe'0000, 16), "link-local"},
                                {v4(0xe000'0000, 4), "multicast"},
                                {v4(0xf000'0000, 4), "reserved"}};
  static const Block kIpv6[] = {{v6(0, 0, 128), "the unspecified address"},
                                {v6(0, 1, 128), "loopback"},
                                {v6(0, 0xffff'0000'0000, 96), "IPv4-mapped"},
                                {v6(0xfe80ULL << 48, 0, 10), "link-local"},
                                {v6(0xff00ULL << 48, 0, 8), "multicast"}};
  const bool is_v4 = prefix.address().is_v4();
  const Block* const begin = is_v4 ? std::begin(kIpv4) : std::begin(kIpv6);
  const Block* const end = is_v4 ? std::end(kIpv4) : std::end(kIpv6);
  const Block* const found =
      std::find_if(begin, end, [&](const Block& each) { return each.prefix.Contains(prefix); });
  return found == end ? nullptr : found;
}

// In IPv6 a router of ours does not answer for the subnet-router anycast address
// (RFC 4291 section 2.6.1) as its own.
std::string AnycastComplaint(const net::InterfaceAddress& value) {
  const unsigned host_bits = value.address.BitLength() - value.length;
  if (value.address.is_v4() || host_bits < 2 || value.Subnet().address() != value.address) return {};
  return absl::StrCat(value.ToString(), " is the subnet's own number; accepted: an address of a host in it");
}

std::string LinkLocalComplaint(const net::Address& address) {
  if (address.is_v4() || !address.v6().IsLinkLocal()) return {};
  return absl::StrCat(address.ToString(),
                      " is link-local, and that address is made from the interface's MAC; accepted: a "
                      "global or unique local address");
}

}  // namespace

// All host bits zero, or all one: RFC 1122 section 3.2.1.3, in subnets of four and more addresses.
std::string HostComplaint(const net::InterfaceAddress& value) {
  const unsigned host_bits = value.address.BitLength() - value.length;
  if (!value.address.is_v4() || host_bits < 2) return {};
  const uint32_t host_mask = host_bits >= 32 ? ~uint32_t{0} : (uint32_t{1} << host_bits) - 1;
  const uint32_t host = value.address.v4().value & host_mask;
  if (host != 0 && host != host_mask) return {};
  return absl::StrCat(value.ToString(), " is the subnet's ", host == 0 ? "own number" : "broadcast address",
                      "; accepted: an address of a host in it");
}

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
  if (IsIpv4Mapped(address)) what = "an IPv4-mapped address";
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
  if (complaint.empty()) complaint = LinkLocalComplaint(value->address);
  if (complaint.empty()) complaint = HostComplaint(*value);
  if (complaint.empty()) complaint = AnycastComplaint(*value);
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
  const Block* block = BlockOf(*prefix);
  if (block == nullptr) return {};
  return absl::StrCat(prefix->ToString(), " is ", block->what, "; accepted: a unicast prefix");
}

}  // namespace sluice::tenant
