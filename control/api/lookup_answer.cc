// Sentences about a lookup.
#include "control/api/lookup_answer.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;
namespace dp = ::sluice::dataplane::v1;

std::string LinkWords(const NameTable::Link* link) {
  if (link == nullptr) return "an interface that is not configured any more";
  const size_t slash = link->connection.find('/');
  const std::string name = slash == std::string::npos
                               ? absl::StrCat("connection ", link->connection)
                               : absl::StrCat("virtual network ", link->connection.substr(0, slash),
                                              ", subnet ", link->connection.substr(slash + 1));
  return absl::StrCat(name, " (", PlaceText(*link), ")");
}

// A host of an overlay; the far end of a GRE tunnel is in its link's words.
bool IsHost(const dp::Adjacency& adjacency) {
  return adjacency.kind() == "tunnel" && !adjacency.mac().empty();
}

std::string SinceText(uint64_t down_ms, int64_t now_us) {
  const absl::Time since = absl::FromUnixMicros(now_us) - absl::Milliseconds(static_cast<int64_t>(down_ms));
  return absl::StrCat(absl::FormatTime("%Y-%m-%d %H:%M:%S", since, absl::UTCTimeZone()), " UTC");
}

void AddMember(const dp::Adjacency& adjacency, const dp::GroupMemberState& member, bool chosen,
               LinkOf link_of, const LookupFacts& facts, v1::LookupRouteResponse& response) {
  auto& hop = *response.add_next_hops();
  hop.set_address(adjacency.next_hop());
  if (adjacency.kind() == "tunnel" && !IsHost(adjacency)) {
    const auto behind = facts.behind_tunnels.find(adjacency.interface());
    hop.set_address(behind == facts.behind_tunnels.end() ? "" : behind->second);
  }
  hop.set_mac(adjacency.mac());
  hop.set_weight(member.weight());
  hop.set_live(member.live());
  hop.set_chosen(chosen);
  if (const auto* link = link_of(adjacency.interface())) {
    hop.set_connection(link->connection);
    hop.set_port(link->port);
    hop.set_vlan(link->vlan);
  }
}

// `chosen` is the member that the flow takes; a glean has no next hop of its own.
std::string DropSentence(const dp::LookupRouteReply& reply, const dp::Adjacency& chosen, LinkOf link_of,
                         const LookupFacts& facts) {
  const std::string& reason = reply.drop_reason();
  const std::string over = LinkWords(link_of(chosen.interface()));
  if (reason == "no_route") return absl::StrCat("no route of tenant ", facts.tenant, " matches");
  // What a subnet has no mapping for is a route that drops.
  if (reason == "blackhole" && !facts.subnet.empty())
    return absl::StrCat("no mapping for ", facts.destination, " in ", facts.subnet);
  if (reason == "blackhole") return "the route says to drop";
  if (reason == "martian_destination") return absl::StrCat("directed broadcast of ", over);
  if (chosen.kind().empty()) return "no next hop of the route is left";
  const bool link_says = chosen.next_hop().empty() || (chosen.kind() == "tunnel" && !IsHost(chosen));
  const std::string what = IsHost(chosen) ? "host " : "next hop ";
  return absl::StrCat(link_says ? "" : absl::StrCat(what, chosen.next_hop(), " over "), over,
                      " is down since ", SinceText(chosen.down_ms(), facts.now_us), ": ",
                      chosen.down_reason());
}

std::string ForwardSentence(const dp::LookupRouteReply& reply, const dp::Adjacency& chosen, LinkOf link_of,
                            const LookupFacts& facts) {
  const std::string link = LinkWords(link_of(chosen.interface()));
  if (IsHost(chosen))
    return absl::StrCat("to host ", chosen.next_hop(), " through ", link, ", inner MAC ", chosen.mac());
  if (chosen.kind() == "tunnel") {
    const auto behind = facts.behind_tunnels.find(chosen.interface());
    return absl::StrCat(
        behind == facts.behind_tunnels.end() ? "" : absl::StrCat("to next hop ", behind->second, " "),
        "through ", link);
  }
  const std::string to = chosen.next_hop().empty() ? absl::StrCat("host ", facts.destination)
                                                   : absl::StrCat("next hop ", chosen.next_hop());
  std::string out = absl::StrCat("to ", to, " over ", link);
  if (!reply.adjacency().mac().empty()) return absl::StrCat(out, ", MAC ", reply.adjacency().mac());
  absl::StrAppend(&out, reply.neighbor_state() == "failed" ? ", which does not answer" : ", not resolved yet",
                  ": the packet is held while it is asked for, then dropped");
  return out;
}

// How the packets of the tunnels get to their far ends.
void AddWays(const std::set<std::string>& far_ends, const LookupFacts& facts,
             v1::LookupRouteResponse& response) {
  for (const std::string& far_end : far_ends) {
    const auto ways = facts.ways.find(far_end);
    if (ways == facts.ways.end() || ways->second.empty()) {
      response.add_explanation(absl::StrCat("underlay: no route to ", far_end));
      continue;
    }
    for (const std::string& way : ways->second)
      response.add_explanation(absl::StrCat("underlay: to ", far_end, " by ", way));
  }
}

}  // namespace

v1::LookupRouteResponse LookupAnswer(const dp::LookupRouteReply& reply, const AdjacencyTable& adjacencies,
                                     LinkOf link_of, const LookupFacts& facts) {
  v1::LookupRouteResponse response;
  response.set_prefix(reply.prefix());
  dp::Adjacency chosen;
  std::set<std::string> far_ends;
  for (int i = 0; i < reply.members_size(); ++i) {
    const dp::GroupMemberState& member = reply.members(i);
    const auto at = adjacencies.find(member.adjacency());
    const dp::Adjacency adjacency = at == adjacencies.end() ? dp::Adjacency() : at->second;
    const bool is_chosen = reply.chosen() == static_cast<uint32_t>(i);
    if (is_chosen) chosen = adjacency;
    // A drop or one of our own addresses has no next hop to show.
    if (adjacency.kind() == "neighbor" || adjacency.kind() == "glean" || adjacency.kind() == "tunnel")
      AddMember(adjacency, member, is_chosen && reply.drop_reason().empty(), link_of, facts, response);
    if (adjacency.kind() == "tunnel") far_ends.insert(adjacency.next_hop());
  }
  const bool local = reply.adjacency().kind() == "local" || chosen.kind() == "local";
  response.set_drop_reason(reply.drop_reason());
  if (!reply.drop_reason().empty()) {
    response.set_verdict("drop");
    response.add_explanation(DropSentence(reply, chosen, link_of, facts));
  } else if (local) {
    response.set_verdict("local");
    response.add_explanation(facts.owner.empty() ? "an address of ours" : facts.owner);
  } else {
    response.set_verdict("forward");
    response.add_explanation(ForwardSentence(reply, chosen, link_of, facts));
  }
  AddWays(far_ends, facts, response);
  return response;
}

}  // namespace sluice::api
