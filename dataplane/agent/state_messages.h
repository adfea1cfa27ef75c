// The dataplane's objects as messages of its gRPC service. Agent's thread, as it
// reads what the writer keeps.
#pragma once

#include <string>
#include <vector>

#include "dataplane/agent/table_writer.h"
#include "proto/channel/counters.h"
#include "sluice/dataplane/v1/dataplane.pb.h"

namespace sluice::dataplane {

// An object that is gone has the state, or kind, "removed" and its key only.
v1::Neighbor NeighborMessage(const TableWriter& writer, const NeighborKey& key, Instant now);
v1::Adjacency AdjacencyMessage(const TableWriter& writer, AdjacencyId id,
                               const channel::CounterReader& counters, Instant now);
v1::PeerState PeerMessage(const TableWriter& writer, InterfaceId tunnel, Instant now);
v1::Tunnel TunnelMessage(const TableWriter& writer, InterfaceId id);
// For sentences: "VXLAN 5000", "GRE key 7".
std::string TunnelName(const Tunnel& tunnel);
// Every limit by its name, with what is used of it.
std::vector<v1::TableFill> TableFills(TableWriter& writer);
// Any thread.
v1::PathMtuEvents EventsMessage(const PathMtuCounters& counted);
std::vector<v1::ScopeState> ScopeStates(const TableWriter& writer);

}  // namespace sluice::dataplane
