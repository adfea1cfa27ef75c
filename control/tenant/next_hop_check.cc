// Reachability of next hops over connected subnets and peer addresses.
#include "control/tenant/next_hop_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/tenant/text_fields.h"

namespace sluice::tenant {

bool Reaches(const L3Connection& connection, const net::Address& address) {
  return std::any_of(connection.addresses.begin(), connection.addresses.end(),
                     [&](const net::InterfaceAddress& own) { return own.Subnet().Contains(address); }) ||
         std::find(connection.peer_addresses.begin(), connection.peer_addresses.end(), address) !=
             connection.peer_addresses.end();
}

std::string NeighborComplaint(const L3Connection& connection, const net::Address& address) {
  for (const net::InterfaceAddress& own : connection.addresses) {
    if (own.address == address)
      return absl::StrCat(address.ToString(), " is our own address; accepted: that of the other side");
    if (!own.Subnet().Contains(address)) continue;
    if (std::string why = HostComplaint({address, own.length}); !why.empty()) return why;
  }
  return {};
}

NextHopCheck::NextHopCheck(const std::vector<L3Connection>& connections) : connections_(connections) {
  for (const L3Connection& connection : connections)
    for (const net::InterfaceAddress& own : connection.addresses) own_.push_back(own.address);
  std::sort(own_.begin(), own_.end());
}

std::string NextHopCheck::ComplaintAbout(const net::Prefix& prefix) const {
  if (!prefix.is_host() || !std::binary_search(own_.begin(), own_.end(), prefix.address())) return {};
  return absl::StrCat(prefix.ToString(), " is our own address; accepted: a prefix of others");
}

const L3Connection* NextHopCheck::Carrier(const std::vector<L3Connection>& connections,
                                          const net::Address& address) {
  const auto found = std::find_if(connections.begin(), connections.end(),
                                  [&](const L3Connection& each) { return Reaches(each, address); });
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
  std::string key = absl::StrCat(hop.address.ToString(), "%", hop.connection);
  const auto known = answers_.find(key);
  if (known != answers_.end()) return known->second;
  return answers_.emplace(std::move(key), Answer{Examine(hop), ExamineOwn(hop.address)}).first->second;
}

std::string NextHopCheck::Examine(const NextHop& hop) const {
  if (hop.connection.empty()) {
    if (const L3Connection* carrier = Carrier(connections_, hop.address)) return ExamineHost(hop, *carrier);
    return absl::StrCat(
        "next hop ", hop.address.ToString(),
        " is on no connected prefix of the tenant; accepted: ", Subnets(hop.address.family()));
  }
  const auto named = std::find_if(connections_.begin(), connections_.end(),
                                  [&](const L3Connection& each) { return each.name == hop.connection; });
  if (named == connections_.end())
    return absl::StrCat("next hop ", hop.address.ToString(), " names connection \"", hop.connection,
                        "\", which the tenant does not have");
  if (Reaches(*named, hop.address)) return ExamineHost(hop, *named);
  return absl::StrCat("next hop ", hop.address.ToString(),
                      " is neither in a subnet nor a peer address of connection ", hop.connection);
}

std::string NextHopCheck::ExamineHost(const NextHop& hop, const L3Connection& carrier) const {
  // Our own address is a matter of the prefix.
  if (std::binary_search(own_.begin(), own_.end(), hop.address)) return {};
  const std::string why = NeighborComplaint(carrier, hop.address);
  return why.empty() ? why : absl::StrCat("next hop ", why);
}

std::string NextHopCheck::ExamineOwn(const net::Address& address) const {
  for (const L3Connection& connection : connections_)
    for (const net::InterfaceAddress& own : connection.addresses)
      if (own.address == address)
        return absl::StrCat("next hop ", address.ToString(), " is our own address on connection ",
                            connection.name, "; accepted: another address in ", own.Subnet().ToString(),
                            ", or our own for a host route, which then is on the link");
  return {};
}

std::string NextHopCheck::Subnets(net::Family family) const {
  constexpr size_t kShownMax = 8;
  std::vector<std::string> shown;
  for (const L3Connection& connection : connections_)
    for (const net::InterfaceAddress& own : connection.addresses)
      if (own.address.family() == family && shown.size() < kShownMax)
        shown.push_back(absl::StrCat("an address in ", own.Subnet().ToString(), " (", connection.name, ")"));
  if (shown.empty())
    return family == net::Family::kIpv4 ? "none, there is no IPv4 subnet" : "none, there is no IPv6 subnet";
  return absl::StrJoin(shown, ", ");
}

}  // namespace sluice::tenant
