// Parsing of static routes.
#include "control/tenant/static_route.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/tenant/text_fields.h"

namespace sluice::tenant {
namespace {

constexpr uint32_t kWeightMax = 256;
constexpr uint32_t kMetricDefault = 1;

std::string HopField(int index, std::string_view field) {
  return absl::StrCat("next_hops[", index, "].", std::string(field));
}

std::optional<NextHop> ParseHop(const gateway::v1::NextHop& wanted, int index, const net::Prefix& prefix,
                                RouteComplaint& complaint) {
  NextHop hop;
  const auto address = net::Address::Parse(wanted.address());
  // A tunnel has one far end: naming the connection is enough.
  const bool named_only = wanted.address().empty() && !wanted.connection().empty();
  if (!address && !named_only) {
    complaint = {HopField(index, "address"),
                 absl::StrCat("\"", wanted.address().substr(0, 80),
                              "\" is not an address; accepted: such as 15.0.0.1")};
    return std::nullopt;
  }
  if (address && address->family() != prefix.family()) {
    complaint = {
        HopField(index, "address"),
        absl::StrCat("next hop ", address->ToString(), " is not of the family of ", prefix.ToString(),
                     "; accepted: an ", prefix.address().is_v4() ? "IPv4" : "IPv6", " address")};
    return std::nullopt;
  }
  if (std::string why = address ? UnicastComplaint(*address) : ""; !why.empty()) {
    complaint = {HopField(index, "address"), std::move(why)};
    return std::nullopt;
  }
  if (wanted.has_weight() && (wanted.weight() == 0 || wanted.weight() > kWeightMax)) {
    complaint = {HopField(index, "weight"),
                 absl::StrCat("weight ", wanted.weight(), "; accepted: 1 to ", kWeightMax)};
    return std::nullopt;
  }
  hop.address = address;
  hop.connection = wanted.connection();
  hop.weight = wanted.has_weight() ? static_cast<uint16_t>(wanted.weight()) : 1;
  return hop;
}

bool HasHop(const NextHops& hops, const NextHop& hop) {
  return std::any_of(hops.begin(), hops.end(), [&](const NextHop& each) {
    return each.address == hop.address && each.connection == hop.connection;
  });
}

}  // namespace

std::optional<StaticRoute> ParseStaticRoute(const gateway::v1::StaticRoute& wanted, const Limits& limits,
                                            RouteComplaint& complaint) {
  const auto prefix = net::Prefix::Parse(wanted.prefix());
  if (std::string why = prefix && prefix->is_default() ? "" : PrefixComplaint(wanted.prefix());
      !why.empty()) {
    complaint = {"prefix", std::move(why)};
    return std::nullopt;
  }
  if (wanted.next_hops().empty()) {
    complaint = {"next_hops", absl::StrCat("route ", prefix->ToString(), " has no next hop; accepted: 1 to ",
                                           limits.next_hops_per_route)};
    return std::nullopt;
  }
  if (static_cast<uint32_t>(wanted.next_hops_size()) > limits.next_hops_per_route) {
    complaint = {"next_hops",
                 absl::StrCat("route ", prefix->ToString(), " has ", wanted.next_hops_size(),
                              " next hops; limit next-hops-per-route is ", limits.next_hops_per_route),
                 true};
    return std::nullopt;
  }
  StaticRoute route{*prefix, wanted.has_metric() ? wanted.metric() : kMetricDefault, {}};
  for (int i = 0; i < wanted.next_hops_size(); ++i) {
    auto hop = ParseHop(wanted.next_hops(i), i, *prefix, complaint);
    if (!hop) return std::nullopt;
    if (HasHop(route.next_hops, *hop)) {
      complaint = {HopField(i, "address"),
                   absl::StrCat("next hop ", hop->address ? hop->address->ToString() : hop->connection,
                                " is there twice; accepted: once, with a weight")};
      return std::nullopt;
    }
    route.next_hops.push_back(*std::move(hop));
  }
  return route;
}

std::optional<RouteComplaint> CheckNextHops(const StaticRoute& route, NextHopCheck& check) {
  if (std::string why = check.ComplaintAbout(route.prefix); !why.empty())
    return RouteComplaint{"prefix", std::move(why)};
  for (size_t i = 0; i < route.next_hops.size(); ++i) {
    const std::string& why = check.Complaint(route.next_hops[i], route.prefix);
    if (!why.empty()) return RouteComplaint{HopField(static_cast<int>(i), "address"), why};
  }
  return std::nullopt;
}

void ToProto(const StaticRoute& route, gateway::v1::StaticRoute& out) {
  out.Clear();
  out.set_prefix(route.prefix.ToString());
  if (route.metric != kMetricDefault) out.set_metric(route.metric);
  for (const NextHop& hop : route.next_hops) {
    auto& to = *out.add_next_hops();
    if (hop.address) to.set_address(hop.address->ToString());
    if (!hop.connection.empty()) to.set_connection(hop.connection);
    if (hop.weight != 1) to.set_weight(hop.weight);
  }
}

}  // namespace sluice::tenant
