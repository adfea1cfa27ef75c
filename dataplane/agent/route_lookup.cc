// Lookup as a worker does it, and its explanation from the writer's records.
#include "dataplane/agent/route_lookup.h"

#include "absl/strings/str_format.h"
#include "dataplane/agent/state_messages.h"
#include "dataplane/packet/flow_hash.h"

namespace sluice::dataplane {
namespace {

uint32_t FlowHash(const LookupFlow& flow) {
  const uint32_t ports =
      HasPorts(flow.protocol) ? uint32_t{flow.source_port} << 16 | flow.destination_port : 0;
  if (flow.destination.is_v4()) {
    const uint32_t source = flow.source ? flow.source->v4().value : 0;
    return Ipv4FlowHash(source, flow.destination.v4().value, flow.protocol, ports);
  }
  const net::Ipv6Address source = flow.source ? flow.source->v6() : net::Ipv6Address();
  return Ipv6FlowHash(source.bytes.data(), flow.destination.v6().bytes.data(), flow.protocol, ports);
}

std::optional<net::Prefix> LongestMatch(const Tables& tables, const LookupFlow& flow) {
  if (flow.destination.is_v4()) {
    const Fib4* routes = tables.Ipv4Routes(flow.vrf);
    const auto route = routes == nullptr ? std::nullopt : routes->LongestMatch(flow.destination.v4().value);
    if (!route) return std::nullopt;
    return net::Prefix(net::Ipv4Address{route->address}, route->length);
  }
  const Fib6* routes = tables.Ipv6Routes(flow.vrf);
  const net::Ipv6Address& address = flow.destination.v6();
  const auto route = routes == nullptr ? std::nullopt : routes->LongestMatch({address.High(), address.Low()});
  if (!route) return std::nullopt;
  return net::Prefix(net::Ipv6Address::FromHalves(route->address.high, route->address.low), route->length);
}

// The first or last address of a connected IPv4 subnet of the glean's interface (RFC 2644).
bool IsDirectedBroadcast(const Tables& tables, const Adjacency& glean, const net::Address& destination) {
  const Interface* interface = tables.interfaces.Find(glean.interface);
  if (interface == nullptr || !destination.is_v4()) return false;
  for (const net::InterfaceAddress& own : interface->addresses) {
    if (!own.address.is_v4() || own.length >= 31 || !own.Subnet().Contains(destination)) continue;
    const uint32_t host_bits = ~uint32_t{0} >> own.length;
    const uint32_t host = destination.v4().value & host_bits;
    if (host == 0 || host == host_bits) return true;
  }
  return false;
}

// Why a worker would drop the packet; kNone when it would not.
DropReason ReasonToDrop(const TableWriter& writer, const LookupFlow& flow, const WorkerDecision& decision) {
  if (decision.group == kNoGroup) return DropReason::kNoRoute;
  const Adjacency* chosen = writer.tables().adjacencies.Describe(decision.chosen);
  if (chosen == nullptr) return DropReason::kNextHopDown;
  if (chosen->kind == AdjacencyKind::kDrop) return DropReason::kBlackhole;
  if (chosen->kind == AdjacencyKind::kLocal) return DropReason::kNone;
  const bool glean = chosen->kind == AdjacencyKind::kGlean && decision.adjacency == kNoAdjacency;
  if (glean && IsDirectedBroadcast(writer.tables(), *chosen, flow.destination))
    return DropReason::kMartianDestination;
  return chosen->live || chosen->resolvable ? DropReason::kNone : DropReason::kNextHopDown;
}

// What is known of the neighbour that the packet goes to.
std::string NeighborStateOf(const TableWriter& writer, const LookupFlow& flow, AdjacencyId chosen) {
  const Adjacency* adjacency = writer.tables().adjacencies.Describe(chosen);
  if (adjacency == nullptr) return {};
  const bool glean = adjacency->kind == AdjacencyKind::kGlean;
  if (!glean && adjacency->kind != AdjacencyKind::kNeighbor) return {};
  const auto* neighbor = writer.resolver().Find(
      NeighborKey::Of(adjacency->interface, glean ? flow.destination : adjacency->next_hop));
  if (neighbor == nullptr) return {};
  return neighbor->fixed ? Describe(NeighborState::kStatic) : Describe(neighbor->state);
}

std::string TunnelVerdict(const Tables& tables, const Adjacency& adjacency) {
  const Tunnel& tunnel = *tables.tunnels.Find(adjacency.interface);
  const std::string host =
      adjacency.neighbor_mac ? absl::StrFormat(" for %s", adjacency.neighbor_mac->ToString()) : "";
  return absl::StrFormat("sent through %s on interface %u to %s%s, MTU %u", TunnelName(tunnel), tunnel.id,
                         adjacency.next_hop.ToString(), host, adjacency.mtu);
}

// The last hop in words; `adjacency` is what a packet meets in the end.
std::string Verdict(const TableWriter& writer, const LookupFlow& flow, const WorkerDecision& decision) {
  const Adjacency* chosen = writer.tables().adjacencies.Describe(decision.chosen);
  if (chosen == nullptr) return absl::StrFormat("no route to %s: dropped", flow.destination.ToString());
  if (ReasonToDrop(writer, flow, decision) == DropReason::kMartianDestination)
    return absl::StrFormat("%s is a directed broadcast: dropped", flow.destination.ToString());
  if (chosen->kind == AdjacencyKind::kDrop) return "the route says to drop";
  if (chosen->kind == AdjacencyKind::kLocal) return "an address of ours: answered here or given to control";
  const bool glean = chosen->kind == AdjacencyKind::kGlean;
  const std::string next_hop = (glean ? flow.destination : chosen->next_hop).ToString();
  const DownCause cause = writer.resolver().LivenessOf(decision.chosen).cause;
  if (!chosen->live && !chosen->resolvable)
    return absl::StrFormat("next hop %s is down, %s: dropped", next_hop, Describe(cause, chosen->next_hop));
  if (chosen->kind == AdjacencyKind::kTunnel) return TunnelVerdict(writer.tables(), *chosen);
  const AdjacencyId last = glean ? decision.adjacency : decision.chosen;
  const Adjacency* adjacency = writer.tables().adjacencies.Describe(last);
  if (adjacency == nullptr || !adjacency->neighbor_mac)
    return absl::StrFormat(
        "next hop %s on interface %u is not resolved: held while the dataplane asks for it", next_hop,
        chosen->interface);
  const std::string vlan = adjacency->vlan == 0 ? "untagged" : absl::StrFormat("VLAN %u", adjacency->vlan);
  return absl::StrFormat("sent to %s (%s) on interface %u, port %u, %s, MTU %u", next_hop,
                         adjacency->neighbor_mac->ToString(), adjacency->interface, adjacency->port, vlan,
                         adjacency->mtu);
}

}  // namespace

absl::StatusOr<LookupFlow> ParseLookup(const v1::LookupRouteRequest& request, uint32_t vrfs) {
  LookupFlow flow;
  if (request.vrf() >= vrfs)
    return absl::InvalidArgumentError(absl::StrFormat("vrf %u: below %u", request.vrf(), vrfs));
  flow.vrf = static_cast<VrfId>(request.vrf());
  const auto destination = net::Address::Parse(request.address());
  if (!destination)
    return absl::InvalidArgumentError(absl::StrFormat("address '%s': not an IP address", request.address()));
  flow.destination = *destination;
  if (!request.source().empty()) {
    flow.source = net::Address::Parse(request.source());
    if (!flow.source || flow.source->family() != destination->family())
      return absl::InvalidArgumentError(
          absl::StrFormat("source '%s': not an address of the destination's family", request.source()));
  }
  if (request.protocol() > 0xff) return absl::InvalidArgumentError("protocol: 0 to 255");
  if (request.source_port() > 0xffff || request.destination_port() > 0xffff)
    return absl::InvalidArgumentError("source_port, destination_port: 0 to 65535");
  flow.protocol = static_cast<uint8_t>(request.protocol());
  flow.source_port = static_cast<uint16_t>(request.source_port());
  flow.destination_port = static_cast<uint16_t>(request.destination_port());
  return flow;
}

WorkerDecision DecideAsWorker(const Tables& tables, const LookupFlow& flow) {
  WorkerDecision decision;
  if (flow.destination.is_v4()) {
    decision.group = tables.fib4.Lookup(flow.vrf, flow.destination.v4().value);
  } else {
    decision.group =
        tables.fib6.Lookup(flow.vrf, {flow.destination.v6().High(), flow.destination.v6().Low()});
  }
  if (decision.group == kNoGroup) return decision;
  decision.chosen = tables.groups.Choose(tables.groups.Load(decision.group), FlowHash(flow));
  decision.adjacency = decision.chosen;
  const AdjacencySnapshot adjacency = tables.adjacencies.Load(decision.chosen);
  if (!adjacency.none() && adjacency.kind() == AdjacencyKind::kGlean)
    decision.adjacency = tables.neighbors.Find(NeighborKey::Of(adjacency.interface(), flow.destination));
  return decision;
}

v1::LookupRouteReply ExplainDecision(TableWriter& writer, const LookupFlow& flow,
                                     const WorkerDecision& decision, const channel::CounterReader& counters,
                                     Instant now) {
  const Tables& tables = writer.tables();
  v1::LookupRouteReply reply;
  reply.set_found(decision.group != kNoGroup);
  if (const auto prefix = LongestMatch(tables, flow)) reply.set_prefix(prefix->ToString());
  reply.set_verdict(Verdict(writer, flow, decision));
  const DropReason reason = ReasonToDrop(writer, flow, decision);
  if (reason != DropReason::kNone) reply.set_drop_reason(NameOf(reason).name);
  reply.set_neighbor_state(NeighborStateOf(writer, flow, decision.chosen));
  if (!reply.found()) return reply;
  reply.set_group(decision.group);
  for (const BucketMember& member : tables.groups.Members(decision.group)) {
    if (member.adjacency == decision.chosen) reply.set_chosen(static_cast<uint32_t>(reply.members_size()));
    v1::GroupMemberState& state = *reply.add_members();
    state.set_adjacency(member.adjacency);
    state.set_weight(member.weight);
    state.set_live(tables.adjacencies.Load(member.adjacency).live());
  }
  const AdjacencyId last = decision.adjacency != kNoAdjacency ? decision.adjacency : decision.chosen;
  *reply.mutable_adjacency() = AdjacencyMessage(writer, last, counters, now);
  return reply;
}

}  // namespace sluice::dataplane
