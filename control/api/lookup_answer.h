// "Where does this packet go": the dataplane's answer with an operator's names, as one plain
// sentence and the next hops behind it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/api/name_table.h"
#include "sluice/dataplane/v1/dataplane.pb.h"
#include "sluice/gateway/v1/routes.pb.h"

namespace sluice::api {

struct LookupFacts {
  std::string destination;
  std::string tenant;
  // Whose address the destination is when it is ours: "address of connection la".
  std::string owner;
  int64_t now_us = 0;  // UNIX time
  // The virtual subnet that the destination is in: "subnet web of virtual network inside".
  std::string subnet = {};
  // Next hops that routes name behind a tunnel, by its interface.
  std::map<uint32_t, std::string> behind_tunnels = {};
  // Ways through the underlay to a far end: "next hop 192.0.2.1 over tor-a (edge, VLAN 300)".
  std::map<std::string, std::vector<std::string>> ways = {};
};

// Adjacencies of the tenant by their numbers.
using AdjacencyTable = std::map<uint32_t, dataplane::v1::Adjacency>;

gateway::v1::LookupRouteResponse LookupAnswer(const dataplane::v1::LookupRouteReply& reply,
                                              const AdjacencyTable& adjacencies, LinkOf link_of,
                                              const LookupFacts& facts);

}  // namespace sluice::api
