// "Where does this packet go": the dataplane's answer with an operator's names, as one plain
// sentence and the next hops behind it.
#pragma once

#include <map>
#include <string>

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
};

// Adjacencies of the tenant by their numbers.
using AdjacencyTable = std::map<uint32_t, dataplane::v1::Adjacency>;

gateway::v1::LookupRouteResponse LookupAnswer(const dataplane::v1::LookupRouteReply& reply,
                                              const AdjacencyTable& adjacencies, LinkOf link_of,
                                              const LookupFacts& facts);

}  // namespace sluice::api
