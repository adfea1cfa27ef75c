// Reachability of next hops over connected subnets and peer addresses.
#include "control/tenant/next_hop_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/tenant/text_fields.h"

namespace sluice::tenant {

bool Reaches(const Connection& connection, const net::Address& address) {
  return std::any_of(connection.addresses.begin(), connection.addresses.end(),
                     [&](const net::InterfaceAddress& own) { return own.Subnet().Contains(address); }) ||
         std::find(connection.peer_addresses.begin(), connection.peer_addresses.end(), address) !=
             connection.peer_addresses.end();
}

std::string NeighborComplaint(const Connection& connection, const net::Address& address) {
  for (const net::InterfaceAddress& own : connection.addresses) {
    if (own.address == address)
      return absl::StrCat(address.ToString(), " is our own address; accepted: that of the other side");
    if (!own.Subnet().Contains(address)) continue;
    if (std::string why = HostComplaint({address, own.length}); !why.empty()) return why;
  }
  return {};
}

NextHopCheck::NextHopCheck(const std::vector<Connection>& connections, Words words)
    : connections_(connections), words_(std::move(words)) {
  for (const Connection& connection : connections)
    for (const net::InterfaceAddress& own : connection.addresses) own_.push_back(own.address);
  std::sort(own_.begin(), own_.end());
}

std::string NextHopCheck::ComplaintAbout(const net::Prefix& prefix) const {
  if (!prefix.is_host() || !std::binary_search(own_.begin(), own_.end(), prefix.address())) return {};
  return absl::StrCat(prefix.ToString(), " is our own address; accepted: a prefix of others");
}

const Connection* NextHopCheck::Carrier(const std::vector<Connection>& connections,
                                        const net::Address& address) {
  const auto found = std::find_if(connections.begin(), connections.end(),
                                  [&](const Connection& each) { return Reaches(each, address); });
  return found == connections.end() ? nullptr : &*found;
}

const std::string& NextHopCheck::Complaint(const NextHop& hop) {
  return AnswerTo(hop).always;
}

const std::string& NextHopCheck::Complaint(const NextHop& hop, const net::Prefix& prefix) {
  const Answer& answer = AnswerTo(hop);
  return !answer.always.empty() || prefix.is_host() ? answer.always : answer.unless_host_route;
}

const NextHopCheck::Answer& NextHopCheck::AnswerTo(const NextHop& hop) {
  // The text of an address is unique to it; weight does not matter here.
  std::string key = absl::StrCat(hop.address ? hop.address->ToString() : "", "%", hop.connection);
  const auto known = answers_.find(key);
  if (known != answers_.end()) return known->second;
  return answers_.emplace(std::move(key), Answer{Examine(hop), hop.address ? ExamineOwn(*hop.address) : ""})
      .first->second;
}

std::string NextHopCheck::Examine(const NextHop& hop) const {
  if (hop.connection.empty()) {
    if (const Connection* carrier = Carrier(connections_, *hop.address)) return ExamineHost(hop, *carrier);
    return absl::StrCat("next hop ", hop.address->ToString(), " is on no connected prefix of ", words_.owner,
                        "; accepted: ", Subnets(hop.address->family()));
  }
  const auto named = std::find_if(connections_.begin(), connections_.end(),
                                  [&](const Connection& each) { return each.name == hop.connection; });
  const std::string next_hop =
      hop.address ? absl::StrCat("next hop ", hop.address->ToString()) : "the next hop";
  if (named == connections_.end())
    return absl::StrCat(next_hop, " names ", words_.link, " \"", hop.connection, "\", which ", words_.owner,
                        " does not have");
  if (!hop.address)
    return named->gre ? ""
                      : absl::StrCat("a next hop without an address must be a tunnel, and ", hop.connection,
                                     " is none; accepted: an address in a subnet of it");
  if (Reaches(*named, *hop.address)) return ExamineHost(hop, *named);
  return absl::StrCat(next_hop, " is neither in a subnet nor a peer address of ", words_.link, " ",
                      hop.connection);
}

std::string NextHopCheck::ExamineHost(const NextHop& hop, const Connection& carrier) const {
  // Our own address is a matter of the prefix.
  if (std::binary_search(own_.begin(), own_.end(), *hop.address)) return {};
  const std::string why = NeighborComplaint(carrier, *hop.address);
  return why.empty() ? why : absl::StrCat("next hop ", why);
}

std::string NextHopCheck::ExamineOwn(const net::Address& address) const {
  for (const Connection& connection : connections_)
    for (const net::InterfaceAddress& own : connection.addresses)
      if (own.address == address)
        return absl::StrCat("next hop ", address.ToString(), " is our own address on ", words_.link, " ",
                            connection.name, "; accepted: another address in ", own.Subnet().ToString(),
                            ", or our own for a host route, which then is on the link");
  return {};
}

std::string NextHopCheck::Subnets(net::Family family) const {
  constexpr size_t kShownMax = 8;
  std::vector<std::string> shown;
  for (const Connection& connection : connections_)
    for (const net::InterfaceAddress& own : connection.addresses)
      if (own.address.family() == family && shown.size() < kShownMax)
        shown.push_back(absl::StrCat("an address in ", own.Subnet().ToString(), " (", connection.name, ")"));
  if (shown.empty())
    return family == net::Family::kIpv4 ? "none, there is no IPv4 subnet" : "none, there is no IPv6 subnet";
  return absl::StrJoin(shown, ", ");
}

}  // namespace sluice::tenant
