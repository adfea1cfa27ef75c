// The questions of RouteService: lists from the RIB, lookups in the dataplane,
// and why a route is chosen.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/api/lookup_answer.h"
#include "control/api/name_table.h"
#include "control/api/refusal.h"
#include "control/api/route_service.h"
#include "control/api/write_rules.h"
#include "control/tenant/tunnel_path.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;
namespace dp = ::sluice::dataplane::v1;

// Routes read per turn on the core thread, and sent per message.
constexpr size_t kRoutesPerPage = 1000;

struct Question {
  NameTable names;
  uint32_t vrf = 0;
  std::string tenant;
};

absl::StatusOr<Question> Ask(const Core& core, const std::string& tenant) {
  auto names = RunOnCore(core.executor, [&] { return NameTable(core.state); });
  if (!names) return ShuttingDown();
  const auto vrf = names->VrfOf(tenant);
  if (!vrf.ok()) return vrf.status();
  std::string label = names->TenantOf(*vrf);
  return Question{*std::move(names), *vrf, std::move(label)};
}

bool IsWanted(const RibRoute& route, const v1::ListRoutesRequest& request,
              const std::optional<net::Prefix>& within) {
  if (request.view() != v1::ROUTE_VIEW_RECEIVED && !route.best) return false;
  if (request.view() == v1::ROUTE_VIEW_PROGRAMMED && !route.programmed) return false;
  if (request.source() != v1::ROUTE_SOURCE_UNSPECIFIED && request.source() != SourceOf(route.source))
    return false;
  return !within || within->Contains(route.prefix);
}

bool GoesOver(const v1::Route& route, const std::string& connection) {
  return std::any_of(route.next_hops().begin(), route.next_hops().end(),
                     [&](const auto& hop) { return hop.resolved().connection() == connection; });
}

// Streams the routes of one family; false when the stream is to end.
bool ListFamily(const Core& core, const Question& question, net::Family family,
                const v1::ListRoutesRequest& request, const std::optional<net::Prefix>& within,
                uint64_t& sent, grpc::ServerWriter<v1::ListRoutesResponse>* writer) {
  std::optional<net::Prefix> from =
      family == net::Family::kIpv4 ? net::Prefix(net::Ipv4Address{}, 0) : net::Prefix(net::Ipv6Address{}, 0);
  if (within) from = *within;
  while (from) {
    const auto page = RunOnCore(core.executor, [&] {
      return core.state.surroundings().programming.Routes(question.vrf, family, *from, kRoutesPerPage);
    });
    if (!page) return false;
    v1::ListRoutesResponse response;
    for (const RibRoute& route : page->routes) {
      if (!IsWanted(route, request, within)) continue;
      v1::Route shown = ShowRoute(route, question.tenant, question.names);
      if (request.has_connection() && !GoesOver(shown, LabelOf("connections", request.connection())))
        continue;
      *response.add_routes() = std::move(shown);
      if (request.limit() != 0 && ++sent == request.limit()) {
        writer->Write(response);
        return false;
      }
    }
    if (!response.routes().empty() && !writer->Write(response)) return false;
    from = page->next;
    // Beyond the last prefix inside `within` nothing matches any more.
    if (from && within && !within->Contains(*from)) return true;
  }
  return true;
}

// The routes of the longest prefix in the RIB that holds `destination`.
std::vector<RibRoute> LongestMatch(const ProgrammingStatus& programming, uint32_t vrf,
                                   const net::Prefix& destination) {
  for (int length = destination.length(); length >= 0; --length) {
    const net::Prefix prefix(destination.address(), static_cast<uint8_t>(length));
    RoutePage page = programming.Routes(vrf, prefix.family(), prefix, 1);
    std::erase_if(page.routes, [&](const RibRoute& each) { return each.prefix != prefix; });
    if (!page.routes.empty()) return std::move(page.routes);
  }
  return {};
}

std::string WhyChosenOrNot(const RibRoute& route, const std::vector<RibRoute>& all) {
  const auto best = std::find_if(all.begin(), all.end(), [](const RibRoute& each) { return each.best; });
  if (route.best)
    return route.programmed ? "best, and in the dataplane" : "best, and on its way to the dataplane";
  if (best == all.end()) return "no next hop of it can be resolved";
  if (rib::DefaultDistance(route.source) > rib::DefaultDistance(best->source))
    return absl::StrCat(std::string(rib::SourceName(best->source)), " is preferred to ",
                        std::string(rib::SourceName(route.source)));
  if (route.metric > best->metric)
    return absl::StrCat("metric ", route.metric, " is above ", best->metric, " of the best");
  return "no next hop of it can be resolved";
}

// Whose address it is; empty when it is not one that was configured.
std::string OwnerOf(const net::Address& address, const TenantRecord* record) {
  if (record == nullptr) return {};
  const tenant::TenantModel& model = record->validated.model;
  for (const tenant::Connection& connection : model.connections)
    for (const net::InterfaceAddress& own : connection.addresses)
      if (own.address == address) return absl::StrCat("address of connection ", connection.name);
  for (const tenant::VirtualNetwork& network : model.virtual_networks)
    for (const tenant::VirtualSubnet& subnet : network.subnets)
      for (const net::InterfaceAddress& own : subnet.gateways)
        if (own.address == address)
          return absl::StrCat("address of subnet ", subnet.name, " of virtual network ", network.name);
  const bool is_router = std::find(model.router_addresses.begin(), model.router_addresses.end(), address) !=
                         model.router_addresses.end();
  return is_router ? absl::StrCat("router address of tenant ", record->row.name) : std::string();
}

// "subnet web of virtual network inside"; empty when it is in none.
std::string SubnetOf(const net::Address& address, const TenantRecord* record) {
  if (record == nullptr) return {};
  for (const tenant::VirtualNetwork& network : record->validated.model.virtual_networks)
    for (const tenant::VirtualSubnet& subnet : network.subnets)
      for (const net::InterfaceAddress& own : subnet.gateways)
        if (own.Subnet().Contains(address))
          return absl::StrCat("subnet ", subnet.name, " of virtual network ", network.name);
  return {};
}

// The next hops that the best route to the prefix names, by the interface they are reached over.
std::map<uint32_t, std::string> HopsOf(const ProgrammingStatus& programming, uint32_t vrf,
                                       const net::Prefix& prefix) {
  std::map<uint32_t, std::string> hops;
  for (const RibRoute& route : programming.Routes(vrf, prefix.family(), prefix, 1).routes) {
    if (route.prefix != prefix || !route.best) continue;
    for (const rib::NextHop& hop : route.next_hops)
      if (hop.address) hops.try_emplace(hop.interface, hop.address->ToString());
  }
  return hops;
}

std::vector<std::string> WaysTo(const net::Address& far_end, DesiredState& state) {
  std::vector<std::string> words;
  for (const tenant::UnderlayWay& way : tenant::WaysTo(state.gateway_record().underlay, far_end)) {
    const tenant::Connection& link = *way.interface;
    words.push_back(absl::StrCat(
        way.next_hop == far_end ? "the link itself" : absl::StrCat("next hop ", way.next_hop.ToString()),
        " over underlay interface ", link.name, " (", PlaceText({"", link.name, link.port, link.vlan}), ")"));
  }
  return words;
}

}  // namespace

grpc::Status RouteService::ListRoutes(grpc::ServerContext*, const v1::ListRoutesRequest* request,
                                      grpc::ServerWriter<v1::ListRoutesResponse>* writer) {
  if (request->view() == v1::ROUTE_VIEW_ADVERTISED) return NotThereYet("BGP peers");
  std::optional<net::Prefix> within;
  if (request->has_within()) {
    within = net::Prefix::Parse(request->within());
    if (!within)
      return ToGrpc(InvalidField("within", absl::StrCat("\"", request->within().substr(0, 80),
                                                        "\" is not a prefix; accepted: such as 18.0.0.0/8")));
  }
  const auto question = Ask(core_, request->tenant());
  if (!question.ok()) return ToGrpc(question.status());
  uint64_t sent = 0;
  for (const net::Family family : {net::Family::kIpv4, net::Family::kIpv6}) {
    if (request->family() != v1::ADDRESS_FAMILY_UNSPECIFIED && request->family() != FamilyOf(family))
      continue;
    if (within && within->family() != family) continue;
    if (!ListFamily(core_, *question, family, *request, within, sent, writer)) break;
  }
  return grpc::Status::OK;
}

grpc::Status RouteService::LookupRoute(grpc::ServerContext*, const v1::LookupRouteRequest* request,
                                       v1::LookupRouteResponse* response) {
  const auto address = net::Address::Parse(request->address());
  if (!address)
    return ToGrpc(InvalidField("address", absl::StrCat("\"", request->address().substr(0, 80),
                                                       "\" is not an address; accepted: such as 18.0.0.1")));
  const auto question = Ask(core_, request->tenant());
  if (!question.ok()) return ToGrpc(question.status());
  dp::LookupRouteRequest lookup;
  lookup.set_vrf(question->vrf);
  lookup.set_address(address->ToString());
  lookup.set_source(request->flow().source());
  lookup.set_protocol(request->flow().protocol());
  lookup.set_source_port(request->flow().source_port());
  lookup.set_destination_port(request->flow().destination_port());
  const auto reply = dataplane_.LookupRoute(lookup);
  if (!reply.ok()) return ToGrpc(reply.status());
  dp::ListAdjacenciesRequest list;
  list.set_vrf(question->vrf);
  AdjacencyTable adjacencies;
  if (const auto all = dataplane_.ListAdjacencies(list); all.ok())
    for (const dp::Adjacency& each : *all) adjacencies[each.id()] = each;
  std::string instance;
  const auto facts = RunOnCore(core_.executor, [&] {
    DesiredState& state = core_.state;
    instance = state.surroundings().dataplane.instance();
    const TenantRecord* record = state.Find(question->tenant);
    LookupFacts known{address->ToString(), question->tenant, OwnerOf(*address, record), state.now_us(),
                      SubnetOf(*address, record)};
    if (const auto prefix = net::Prefix::Parse(reply->prefix()))
      known.behind_tunnels = HopsOf(state.surroundings().programming, question->vrf, *prefix);
    for (const dp::GroupMemberState& member : reply->members()) {
      const auto at = adjacencies.find(member.adjacency());
      if (at == adjacencies.end() || at->second.kind() != "tunnel") continue;
      if (const auto far_end = net::Address::Parse(at->second.next_hop()))
        known.ways[at->second.next_hop()] = WaysTo(*far_end, state);
    }
    return known;
  });
  if (!facts) return ToGrpc(ShuttingDown());
  *response = LookupAnswer(
      *reply, adjacencies, [&](uint32_t interface) { return question->names.LinkOf(interface); }, *facts);
  response->set_dataplane_instance(instance);
  return grpc::Status::OK;
}

grpc::Status RouteService::ExplainRoute(grpc::ServerContext*, const v1::ExplainRouteRequest* request,
                                        v1::ExplainRouteResponse* response) {
  std::optional<net::Prefix> destination = net::Prefix::Parse(request->destination());
  if (const auto address = net::Address::Parse(request->destination()); address && !destination)
    destination = net::Prefix(*address, address->BitLength());
  if (!destination)
    return ToGrpc(InvalidField("destination", absl::StrCat("\"", request->destination().substr(0, 80),
                                                           "\" is neither an address nor a prefix")));
  const auto question = Ask(core_, request->tenant());
  if (!question.ok()) return ToGrpc(question.status());
  auto found = RunOnCore(core_.executor, [&] {
    return LongestMatch(core_.state.surroundings().programming, question->vrf, *destination);
  });
  if (!found) return ToGrpc(ShuttingDown());
  std::stable_sort(found->begin(), found->end(),
                   [](const RibRoute& a, const RibRoute& b) { return a.best && !b.best; });
  for (const RibRoute& route : *found) {
    auto& candidate = *response->add_candidates();
    *candidate.mutable_route() = ShowRoute(route, question->tenant, question->names);
    candidate.set_reason(WhyChosenOrNot(route, *found));
  }
  response->add_explanation(
      found->empty()
          ? absl::StrCat("no route of tenant ", question->tenant, " holds ", destination->ToString())
          : absl::StrCat("the longest match for ", destination->ToString(), " is ",
                         found->front().prefix.ToString(), " with ", found->size(), " candidates"));
  return grpc::Status::OK;
}

}  // namespace sluice::api
