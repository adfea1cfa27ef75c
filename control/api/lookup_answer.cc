// Sentences about a lookup.
#include "control/api/lookup_answer.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;
namespace dp = ::sluice::dataplane::v1;

std::string LinkWords(const NameTable::Link* link) {
  if (link == nullptr) return "an interface that is not configured any more";
  return absl::StrCat("connection ", link->connection, " (", PlaceText(*link), ")");
}

std::string SinceText(uint64_t down_ms, int64_t now_us) {
  const absl::Time since = absl::FromUnixMicros(now_us) - absl::Milliseconds(static_cast<int64_t>(down_ms));
  return absl::StrCat(absl::FormatTime("%Y-%m-%d %H:%M:%S", since, absl::UTCTimeZone()), " UTC");
}

void AddMember(const dp::Adjacency& adjacency, const dp::GroupMemberState& member, bool chosen,
               LinkOf link_of, v1::LookupRouteResponse& response) {
  auto& hop = *response.add_next_hops();
  hop.set_address(adjacency.next_hop());
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
  if (reason == "blackhole") return "the route says to drop";
  if (reason == "martian_destination") return absl::StrCat("directed broadcast of ", over);
  if (chosen.kind().empty()) return "no next hop of the route is left";
  return absl::StrCat(chosen.next_hop().empty() ? "" : absl::StrCat("next hop ", chosen.next_hop(), " over "),
                      over, " is down since ", SinceText(chosen.down_ms(), facts.now_us), ": ",
                      chosen.down_reason());
}

std::string ForwardSentence(const dp::LookupRouteReply& reply, const dp::Adjacency& chosen, LinkOf link_of,
                            const LookupFacts& facts) {
  // Its next hop is the far end, which the link's words name.
  if (chosen.kind() == "tunnel") return absl::StrCat("through ", LinkWords(link_of(chosen.interface())));
  const std::string to = chosen.next_hop().empty() ? absl::StrCat("host ", facts.destination)
                                                   : absl::StrCat("next hop ", chosen.next_hop());
  std::string out = absl::StrCat("to ", to, " over ", LinkWords(link_of(chosen.interface())));
  if (!reply.adjacency().mac().empty()) return absl::StrCat(out, ", MAC ", reply.adjacency().mac());
  absl::StrAppend(&out, reply.neighbor_state() == "failed" ? ", which does not answer" : ", not resolved yet",
                  ": the packet is held while it is asked for, then dropped");
  return out;
}

}  // namespace

v1::LookupRouteResponse LookupAnswer(const dp::LookupRouteReply& reply, const AdjacencyTable& adjacencies,
                                     LinkOf link_of, const LookupFacts& facts) {
  v1::LookupRouteResponse response;
  response.set_prefix(reply.prefix());
  dp::Adjacency chosen;
  for (int i = 0; i < reply.members_size(); ++i) {
    const dp::GroupMemberState& member = reply.members(i);
    const auto at = adjacencies.find(member.adjacency());
    const dp::Adjacency adjacency = at == adjacencies.end() ? dp::Adjacency() : at->second;
    const bool is_chosen = reply.chosen() == static_cast<uint32_t>(i);
    if (is_chosen) chosen = adjacency;
    // A drop or one of our own addresses has no next hop to show.
    if (adjacency.kind() == "neighbor" || adjacency.kind() == "glean" || adjacency.kind() == "tunnel")
      AddMember(adjacency, member, is_chosen && reply.drop_reason().empty(), link_of, response);
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
  return response;
}

}  // namespace sluice::api
