// Longest match over a handful of subnets and routes, and the arithmetic of headers.
#include "control/tenant/tunnel_path.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "control/tenant/next_hop_check.h"

namespace sluice::tenant {
namespace {

constexpr uint16_t kMtuOfUnknownPort = 1500;
constexpr uint16_t kIpv4HeaderBytes = 20;
constexpr uint16_t kIpv6HeaderBytes = 40;
constexpr uint16_t kGreHeaderBytes = 4;  // RFC 2784 section 2.1
constexpr uint16_t kGreFieldBytes = 4;   // checksum with reserved1, or key

const Connection* Named(const UnderlayModel& underlay, const std::string& name) {
  const auto found = std::find_if(underlay.interfaces.begin(), underlay.interfaces.end(),
                                  [&](const Connection& each) { return each.name == name; });
  return found == underlay.interfaces.end() ? nullptr : &*found;
}

std::vector<UnderlayWay> WaysOf(const UnderlayModel& underlay, const StaticRoute& route) {
  std::vector<UnderlayWay> ways;
  for (const NextHop& hop : route.next_hops) {
    if (!hop.address) continue;
    const Connection* carrier = hop.connection.empty()
                                    ? NextHopCheck::Carrier(underlay.interfaces, *hop.address)
                                    : Named(underlay, hop.connection);
    if (carrier != nullptr) ways.push_back({carrier, *hop.address});
  }
  return ways;
}

struct Overhead {
  uint16_t bytes = 0;
  std::string words;  // " - IPv4 20 - GRE 4"

  void Add(const char* what, uint16_t more) {
    bytes = static_cast<uint16_t>(bytes + more);
    absl::StrAppend(&words, " - ", what, " ", more);
  }
};

Overhead OverheadOf(const GreTunnel& gre) {
  Overhead overhead;
  overhead.Add(gre.remote.is_v4() ? "IPv4" : "IPv6",
               gre.remote.is_v4() ? kIpv4HeaderBytes : kIpv6HeaderBytes);
  overhead.Add("GRE", kGreHeaderBytes);
  if (gre.checksum) overhead.Add("checksum", kGreFieldBytes);
  if (gre.key) overhead.Add("key", kGreFieldBytes);
  return overhead;
}

Overhead OverheadOf(const VirtualNetwork& network) {
  constexpr uint16_t kUdpHeaderBytes = 8;
  constexpr uint16_t kVxlanHeaderBytes = 8;      // RFC 7348 section 5
  constexpr uint16_t kEthernetHeaderBytes = 14;  // the inner one
  const bool v4 = network.provider_address.is_v4();
  Overhead overhead;
  overhead.Add(v4 ? "IPv4" : "IPv6", v4 ? kIpv4HeaderBytes : kIpv6HeaderBytes);
  if (network.encapsulation == Encapsulation::kVxlan) {
    overhead.Add("UDP", kUdpHeaderBytes);
    overhead.Add("VXLAN", kVxlanHeaderBytes);
  } else {
    overhead.Add("GRE", kGreHeaderBytes);
    overhead.Add("key", kGreFieldBytes);
  }
  overhead.Add("inner Ethernet", kEthernetHeaderBytes);
  return overhead;
}

}  // namespace

std::string OurAddresses(const UnderlayModel& underlay) {
  constexpr size_t kShownMax = 8;
  std::vector<std::string> shown;
  for (const Connection& each : underlay.interfaces)
    for (const net::InterfaceAddress& own : each.addresses)
      if (shown.size() < kShownMax) shown.push_back(own.address.ToString());
  return shown.empty() ? "none, the gateway has no underlay_interfaces" : absl::StrJoin(shown, ", ");
}

bool IsOurs(const UnderlayModel& underlay, const net::Address& address) {
  return std::any_of(underlay.interfaces.begin(), underlay.interfaces.end(), [&](const Connection& each) {
    return std::any_of(each.addresses.begin(), each.addresses.end(),
                       [&](const net::InterfaceAddress& own) { return own.address == address; });
  });
}

std::vector<UnderlayWay> WaysTo(const UnderlayModel& underlay, const net::Address& far_end) {
  std::vector<UnderlayWay> ways;
  int longest = -1;
  for (const Connection& interface : underlay.interfaces) {
    for (const net::InterfaceAddress& own : interface.addresses) {
      if (!own.Subnet().Contains(far_end) || own.length <= longest) continue;
      longest = own.length;
      ways.assign(1, UnderlayWay{&interface, far_end});
    }
  }
  for (const StaticRoute& route : underlay.routes) {
    // Of equals the subnet is preferred (RIB, administrative distance).
    if (!route.prefix.Contains(far_end) || route.prefix.length() <= longest) continue;
    auto found = WaysOf(underlay, route);
    if (found.empty()) continue;
    longest = route.prefix.length();
    ways = std::move(found);
  }
  return ways;
}

uint16_t LinkMtu(const Connection& link, const std::optional<std::vector<PortFacts>>& ports) {
  if (link.mtu != 0) return link.mtu;
  // Without an inventory the dataplane refuses what its port cannot carry.
  if (!ports) return kMtuOfUnknownPort;
  const auto port = std::find_if(ports->begin(), ports->end(),
                                 [&](const PortFacts& each) { return each.name == link.port; });
  return port == ports->end() ? kMtuOfUnknownPort : port->mtu;
}

std::string TextOf(const LearnedPathMtu& learned) {
  return absl::StrCat(
      "path MTU ", learned.bytes, " to ", learned.far_end, " learned at ",
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMicros(learned.learned_us), absl::UTCTimeZone()));
}

ExplainedMtu MtuOf(const Connection& connection, const UnderlayModel& underlay,
                   const std::optional<std::vector<PortFacts>>& ports,
                   const std::optional<LearnedPathMtu>& learned) {
  if (!connection.gre) {
    const bool own = connection.mtu != 0;
    return {LinkMtu(connection, ports), own ? "of the connection" : absl::StrCat("port ", connection.port)};
  }
  const GreTunnel& gre = *connection.gre;
  uint16_t outer = 0;
  std::string from = absl::StrCat("no underlay route to ", gre.remote.ToString(), ", so ", kMtuOfUnknownPort);
  for (const UnderlayWay& way : WaysTo(underlay, gre.remote)) {
    const uint16_t mtu = LinkMtu(*way.interface, ports);
    if (outer != 0 && mtu >= outer) continue;
    outer = mtu;
    from = absl::StrCat("underlay ", way.interface->name, " ", mtu);
  }
  if (outer == 0) outer = kMtuOfUnknownPort;
  if (learned && learned->bytes < outer) {
    outer = learned->bytes;
    from = TextOf(*learned);
  }
  const Overhead overhead = OverheadOf(gre);
  const auto fits = static_cast<uint16_t>(outer - overhead.bytes);
  const std::string sum = absl::StrCat(from, overhead.words);
  if (connection.mtu == 0 || connection.mtu == fits) return {fits, sum};
  if (connection.mtu < fits)
    return {connection.mtu, absl::StrCat("of the connection; ", sum, " would allow ", fits)};
  if (gre.outer.df == OuterHeader::Df::kClear)
    return {connection.mtu,
            absl::StrCat("of the connection; ", sum, " is ", fits, ", what is larger leaves in fragments")};
  return {fits, absl::StrCat(sum, "; the connection's ", connection.mtu, " is more")};
}

ExplainedMtu MtuOf(const VirtualNetwork& network, const UnderlayModel& underlay,
                   const std::optional<std::vector<PortFacts>>& ports) {
  uint16_t outer = 0;
  std::string from = absl::StrCat("no underlay interface, so ", kMtuOfUnknownPort);
  for (const Connection& interface : underlay.interfaces) {
    const auto& own = interface.addresses;
    const bool carries = std::any_of(own.begin(), own.end(), [&](const net::InterfaceAddress& each) {
      return each.address.family() == network.provider_address.family();
    });
    const uint16_t mtu = LinkMtu(interface, ports);
    if (!carries || (outer != 0 && mtu >= outer)) continue;
    outer = mtu;
    from = absl::StrCat("underlay ", interface.name, " ", mtu);
  }
  if (outer == 0) outer = kMtuOfUnknownPort;
  const Overhead overhead = OverheadOf(network);
  const auto fits = static_cast<uint16_t>(outer - std::min(outer, overhead.bytes));
  const std::string sum = absl::StrCat(from, overhead.words);
  if (network.mtu == 0 || network.mtu == fits) return {fits, sum};
  if (network.mtu < fits)
    return {network.mtu, absl::StrCat("of the virtual network; ", sum, " would allow ", fits)};
  if (network.outer.df == OuterHeader::Df::kClear)
    return {network.mtu, absl::StrCat("of the virtual network; ", sum, " is ", fits,
                                      ", what is larger leaves in fragments")};
  return {fits, absl::StrCat(sum, "; the virtual network's ", network.mtu, " is more")};
}

}  // namespace sluice::tenant
