// "Where would this packet go, and why": the answer of the tables that workers
// read, in words.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "dataplane/agent/agent.h"
#include "dataplane/agent/qsbr_reclaimer.h"
#include "dataplane/tables/tables.h"
#include "proto/channel/counters.h"
#include "sluice/dataplane/v1/dataplane.pb.h"

namespace sluice::dataplane {

// The packet that is asked about.
struct LookupFlow {
  VrfId vrf = 0;
  net::Address destination;
  std::optional<net::Address> source;  // of the same family
  uint8_t protocol = 0;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
};

// InvalidArgument naming the field of the request.
absl::StatusOr<LookupFlow> ParseLookup(const v1::LookupRouteRequest& request, uint32_t vrfs);

// What a worker would do with the flow's packets: group, adjacency, and for a
// connected prefix the neighbour.
struct WorkerDecision {
  GroupId group = kNoGroup;
  AdjacencyId chosen = kNoAdjacency;     // out of the group
  AdjacencyId adjacency = kNoAdjacency;  // after glean; kNoAdjacency: unresolved
};

// Reads as a worker does. The caller is a reader of the tables (TableReader).
WorkerDecision DecideAsWorker(const Tables& tables, const LookupFlow& flow);

// The whole answer. Agent's thread. `decision` was taken from the live tables a
// moment before.
v1::LookupRouteReply ExplainDecision(TableWriter& writer, const LookupFlow& flow,
                                     const WorkerDecision& decision, const channel::CounterReader& counters,
                                     Instant now);

}  // namespace sluice::dataplane
