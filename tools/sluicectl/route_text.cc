// Routes for people; see route_text.h.
#include "tools/sluicectl/route_text.h"

#include <array>
#include <cstdio>

#include "tools/sluicectl/enum_text.h"
#include "tools/sluicectl/quantity_text.h"
#include "tools/sluicectl/text_table.h"

namespace sluice::ctl {
namespace {

std::string FixedLine(const std::array<std::string, 7>& cells) {
  constexpr std::array<size_t, 7> kWidths = {28, 26, 16, 16, 8, 8, 0};
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string cell = cells[i].empty() ? "-" : cells[i];
    line += cell;
    if (i + 1 < cells.size()) line.append(cell.size() < kWidths[i] ? kWidths[i] - cell.size() : 2, ' ');
  }
  return line + "\n";
}

std::string FlagsText(const api::Route& route) {
  std::string out = route.best() ? "best" : "passed over";
  if (route.best()) out += route.programmed() ? ", programmed" : ", not programmed yet";
  if (route.stale()) out += ", stale";
  return out;
}

// A connection, or a virtual network's subnet, which is called NETWORK/SUBNET.
std::string ExitText(const api::ResolvedNextHop& resolved) {
  if (!resolved.gateway().empty()) return resolved.gateway() + " at " + resolved.provider_address();
  const std::string& name = resolved.connection();
  return name.find('/') == std::string::npos ? name : "subnet " + name;
}

std::string HopText(const api::Route& route) {
  if (!route.resolved().provider_address().empty() && route.resolved().gateway().empty())
    return "host " + route.resolved().provider_address();
  if (!route.next_hop().empty() || route.resolved().connection().empty()) return route.next_hop();
  return route.source() == api::ROUTE_SOURCE_STATIC ? "the tunnel" : "on the link";
}

// Behind a tunnel there is neither port nor VLAN, and no neighbour to resolve.
Row HopRow(const api::LookedUpNextHop& hop, const std::string& state) {
  api::ResolvedNextHop over;
  over.set_connection(hop.connection());
  const std::string weight = std::to_string(hop.weight());
  if (hop.port().empty() && !hop.connection().empty())
    return {hop.address(), ExitText(over), "tunnel", "", hop.mac(), weight, state};
  return {hop.address(),
          ExitText(over),
          hop.port(),
          hop.vlan() == 0 ? "untagged" : std::to_string(hop.vlan()),
          hop.mac().empty() ? "not resolved" : hop.mac(),
          weight,
          state};
}

std::string HopWords(const api::LookedUpNextHop& hop) {
  if (!hop.live()) return "down";
  return hop.chosen() ? "live, chosen" : "live";
}

}  // namespace

std::string RoutesTitle() {
  return FixedLine({"PREFIX", "NEXT HOP", "OVER", "SOURCE", "METRIC", "WEIGHT", "STATE"});
}

std::string RouteLine(const api::Route& route) {
  return FixedLine({route.prefix(), HopText(route), ExitText(route.resolved()), EnumText(route.source()),
                    std::to_string(route.metric()), std::to_string(route.weight()), FlagsText(route)});
}

std::string LookupText(const std::string& tenant, const std::string& address,
                       const api::LookupRouteResponse& answer) {
  std::string out = tenant + " " + address + ": " + answer.verdict();
  // The first sentence says it all; what follows is evidence.
  if (answer.explanation_size() > 0) out += ": " + answer.explanation(0);
  if (!answer.drop_reason().empty()) out += " (" + answer.drop_reason() + ")";
  out += answer.prefix().empty() ? "\n" : "\n  longest match " + answer.prefix() + "\n";
  std::vector<Row> rows;
  for (const auto& hop : answer.next_hops()) {
    rows.push_back(HopRow(hop, HopWords(hop)));
  }
  if (!rows.empty()) {
    out += Indented(
        TableText({{"NEXT HOP"}, {"CONNECTION"}, {"PORT"}, {"VLAN"}, {"MAC"}, {"WEIGHT"}, {"STATE"}}, rows),
        2);
  }
  for (int i = 1; i < answer.explanation_size(); ++i) out += "  " + answer.explanation(i) + "\n";
  out += "  answered by dataplane " + answer.dataplane_instance() + "\n";
  return out;
}

std::string ExplanationText(const api::ExplainRouteResponse& answer) {
  std::vector<Row> rows;
  for (const auto& candidate : answer.candidates()) {
    const auto& route = candidate.route();
    rows.push_back({route.prefix(), HopText(route), ExitText(route.resolved()), EnumText(route.source()),
                    std::to_string(route.metric()), FlagsText(route), candidate.reason()});
  }
  std::string out = TableText(
      {{"PREFIX"}, {"NEXT HOP"}, {"OVER"}, {"SOURCE"}, {"METRIC", Align::kRight}, {"STATE"}, {"REASON"}},
      rows);
  for (const auto& sentence : answer.explanation()) out += sentence + "\n";
  return out;
}

std::string StaticRoutesResultText(const std::string& tenant, const api::StaticRoutesResult& result,
                                   bool dry_run) {
  const bool changes = result.added() + result.changed() + result.removed() > 0;
  const auto count = [dry_run](uint64_t routes, const char* did, const char* to_do) {
    return CountText(routes) + (dry_run ? to_do : did);
  };
  return "static routes of " + tenant +
         (!dry_run  ? ""
          : changes ? " would change"
                    : " would stay") +
         ": version " + std::to_string(result.version()) + ", " + CountText(result.routes()) + " routes (" +
         count(result.added(), " added, ", " to add, ") +
         count(result.changed(), " changed, ", " to change, ") +
         count(result.removed(), " removed)\n", " to remove)\n");
}

}  // namespace sluice::ctl
