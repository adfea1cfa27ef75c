// Dumps and the watch stream of the dataplane's gRPC service. Each asks the agent
// for a piece at a time, so that a dump of a million routes delays no update.
#include <algorithm>
#include <type_traits>
#include <utility>

#include "absl/strings/str_format.h"
#include "dataplane/agent/dataplane_service.h"
#include "dataplane/agent/state_messages.h"
#include "dataplane/eal/monotonic_clock.h"

namespace sluice::dataplane {
namespace {

using namespace std::chrono_literals;

// Objects per piece: tens of microseconds of the agent's time.
constexpr size_t kPiece = 512;
// How long a watcher without news goes before it looks whether anybody listens.
constexpr auto kListening = 200ms;

net::Prefix PrefixOf(const Route4& route) {
  return net::Prefix(net::Ipv4Address{route.address}, route.length);
}
net::Prefix PrefixOf(const Route6& route) {
  return net::Prefix(net::Ipv6Address::FromHalves(route.address.high, route.address.low), route.length);
}

const Fib4* RoutesOf(const Tables& tables, VrfId vrf, fib::Ipv4) {
  return tables.Ipv4Routes(vrf);
}
const Fib6* RoutesOf(const Tables& tables, VrfId vrf, fib::Ipv6) {
  return tables.Ipv6Routes(vrf);
}

std::vector<NeighborKey> AllNeighbors(const TableWriter& writer) {
  std::vector<NeighborKey> keys;
  for (const auto& [key, neighbor] : writer.resolver().neighbors()) keys.push_back(key);
  return keys;
}

std::vector<AdjacencyId> AllAdjacencies(const TableWriter& writer) {
  std::vector<AdjacencyId> ids;
  for (AdjacencyId id = 1; id < writer.tables().adjacencies.size(); ++id)
    if (writer.tables().adjacencies.Describe(id) != nullptr) ids.push_back(id);
  return ids;
}

std::vector<InterfaceId> AllTunnels(const TableWriter& writer) {
  std::vector<InterfaceId> ids;
  for (uint32_t id = 1; id < writer.tables().interfaces.size(); ++id)
    if (writer.tables().tunnels.Find(static_cast<InterfaceId>(id)) != nullptr)
      ids.push_back(static_cast<InterfaceId>(id));
  return ids;
}

}  // namespace

grpc::Status DataplaneService::ListNeighbors(grpc::ServerContext*, const v1::ListNeighborsRequest* request,
                                             grpc::ServerWriter<v1::Neighbor>* stream) {
  std::vector<NeighborKey> keys;
  grpc::Status status = Ask([&](TableWriter& writer) { keys = AllNeighbors(writer); });
  for (size_t at = 0; status.ok() && at < keys.size(); at += kPiece) {
    std::vector<v1::Neighbor> piece;
    status = Ask([&](TableWriter& writer) {
      const size_t end = std::min(keys.size(), at + kPiece);
      for (size_t i = at; i < end; ++i) piece.push_back(NeighborMessage(writer, keys[i], MonotonicNow()));
    });
    for (const v1::Neighbor& neighbor : piece) {
      if (neighbor.state() == "removed") continue;
      if (request->has_vrf() && neighbor.vrf() != request->vrf()) continue;
      if (!stream->Write(neighbor)) return grpc::Status::CANCELLED;
    }
  }
  return status;
}

grpc::Status DataplaneService::ListAdjacencies(grpc::ServerContext*,
                                               const v1::ListAdjacenciesRequest* request,
                                               grpc::ServerWriter<v1::Adjacency>* stream) {
  std::vector<AdjacencyId> ids;
  grpc::Status status = Ask([&](TableWriter& writer) { ids = AllAdjacencies(writer); });
  for (size_t at = 0; status.ok() && at < ids.size(); at += kPiece) {
    std::vector<v1::Adjacency> piece;
    status = Ask([&](TableWriter& writer) {
      const size_t end = std::min(ids.size(), at + kPiece);
      for (size_t i = at; i < end; ++i) {
        if (request->has_vrf() && writer.resolver().LivenessOf(ids[i]).vrf != request->vrf()) continue;
        piece.push_back(AdjacencyMessage(writer, ids[i], parts_.memory.counters(), MonotonicNow()));
      }
    });
    for (const v1::Adjacency& adjacency : piece) {
      if (adjacency.kind() == "removed") continue;
      if (!stream->Write(adjacency)) return grpc::Status::CANCELLED;
    }
  }
  return status;
}

grpc::Status DataplaneService::ListTunnels(grpc::ServerContext*, const v1::ListTunnelsRequest* request,
                                           grpc::ServerWriter<v1::Tunnel>* stream) {
  std::vector<InterfaceId> ids;
  grpc::Status status = Ask([&](TableWriter& writer) { ids = AllTunnels(writer); });
  for (size_t at = 0; status.ok() && at < ids.size(); at += kPiece) {
    std::vector<v1::Tunnel> piece;
    status = Ask([&](TableWriter& writer) {
      const size_t end = std::min(ids.size(), at + kPiece);
      for (size_t i = at; i < end; ++i) piece.push_back(TunnelMessage(writer, ids[i]));
    });
    for (const v1::Tunnel& tunnel : piece) {
      if (tunnel.kind() == "removed") continue;
      if (request->has_vrf() && tunnel.vrf() != request->vrf()) continue;
      if (!stream->Write(tunnel)) return grpc::Status::CANCELLED;
    }
  }
  return status;
}

template <class Family>
grpc::Status DataplaneService::StreamRoutes(VrfId vrf, grpc::ServerWriter<v1::Route>* stream) const {
  Route<Family> first{{}, 0, kNoGroup};
  bool more = true;
  while (more) {
    more = false;
    std::vector<Route<Family>> piece;
    const grpc::Status status = Ask([&](TableWriter& writer) {
      const auto* routes = RoutesOf(writer.tables(), vrf, Family());
      if (routes == nullptr) return;  // the VRF went meanwhile
      const auto visit = [&](const Route<Family>& route) {
        if (piece.size() == kPiece) {
          first = route;
          more = true;
          return false;
        }
        piece.push_back(route);
        return true;
      };
      routes->VisitFrom(first.address, first.length, visit);
    });
    if (!status.ok()) return status;
    for (const Route<Family>& route : piece) {
      v1::Route message;
      message.set_prefix(PrefixOf(route).ToString());
      message.set_group(route.group);
      if (!stream->Write(message)) return grpc::Status::CANCELLED;
    }
  }
  return grpc::Status::OK;
}

grpc::Status DataplaneService::ListRoutes(grpc::ServerContext*, const v1::ListRoutesRequest* request,
                                          grpc::ServerWriter<v1::Route>* stream) {
  bool exists = false;
  const grpc::Status asked = Ask([&](TableWriter& writer) {
    exists = request->vrf() < writer.tables().vrfs.size() &&
             writer.tables().Exists(static_cast<VrfId>(request->vrf()));
  });
  if (!asked.ok()) return asked;
  if (!exists) return {grpc::StatusCode::NOT_FOUND, absl::StrFormat("vrf %u does not exist", request->vrf())};
  const auto vrf = static_cast<VrfId>(request->vrf());
  switch (request->family()) {
    case 4:
      return StreamRoutes<fib::Ipv4>(vrf, stream);
    case 6:
      return StreamRoutes<fib::Ipv6>(vrf, stream);
    default:
      return {grpc::StatusCode::INVALID_ARGUMENT, absl::StrFormat("family %u: 4 or 6", request->family())};
  }
}

grpc::Status DataplaneService::StreamChanges(const ChangedState& changed,
                                             grpc::ServerWriter<v1::StateChange>* stream) const {
  std::vector<v1::StateChange> changes;
  const std::vector<NeighborKey> neighbors(changed.neighbors.begin(), changed.neighbors.end());
  const std::vector<AdjacencyId> adjacencies(changed.adjacencies.begin(), changed.adjacencies.end());
  const size_t longest = std::max(neighbors.size(), adjacencies.size());
  for (size_t at = 0; at < longest; at += kPiece) {
    const grpc::Status asked = Ask([&](TableWriter& writer) {
      for (size_t i = at; i < std::min(neighbors.size(), at + kPiece); ++i)
        *changes.emplace_back().mutable_neighbor() = NeighborMessage(writer, neighbors[i], MonotonicNow());
      for (size_t i = at; i < std::min(adjacencies.size(), at + kPiece); ++i)
        *changes.emplace_back().mutable_adjacency() =
            AdjacencyMessage(writer, adjacencies[i], parts_.memory.counters(), MonotonicNow());
    });
    if (!asked.ok()) return asked;
  }
  const std::vector<InterfaceId> peers(changed.peers.begin(), changed.peers.end());
  for (size_t at = 0; at < peers.size(); at += kPiece) {
    const grpc::Status asked = Ask([&](TableWriter& writer) {
      for (size_t i = at; i < std::min(peers.size(), at + kPiece); ++i)
        *changes.emplace_back().mutable_peer() = PeerMessage(writer, peers[i], MonotonicNow());
    });
    if (!asked.ok()) return asked;
  }
  if (!changed.ports.empty()) {
    v1::ListPortsReply ports;
    if (const grpc::Status asked = FillPorts(ports.mutable_ports()); !asked.ok()) return asked;
    for (v1::PortState& port : *ports.mutable_ports())
      if (changed.ports.contains(static_cast<PortId>(port.number())))
        *changes.emplace_back().mutable_port() = std::move(port);
  }
  for (const DuplicateAddressReport& report : changed.duplicates) {
    v1::DuplicateAddress& duplicate = *changes.emplace_back().mutable_duplicate_address();
    duplicate.set_interface(report.interface);
    duplicate.set_address(report.address.ToString());
    duplicate.set_mac(report.other.ToString());
  }
  for (const v1::StateChange& change : changes)
    if (!stream->Write(change)) return grpc::Status::CANCELLED;
  return grpc::Status::OK;
}

// Everything that exists, told as if it had just changed.
grpc::Status DataplaneService::Snapshot(grpc::ServerWriter<v1::StateChange>* stream) const {
  ChangedState all;
  const grpc::Status asked = Ask([&](TableWriter& writer) {
    for (const NeighborKey& key : AllNeighbors(writer)) all.neighbors.insert(key);
    for (const AdjacencyId id : AllAdjacencies(writer)) all.adjacencies.insert(id);
    // Who watches begins with none silent.
    for (const InterfaceId id : AllTunnels(writer))
      if (writer.resolver().SilentSince(id)) all.peers.insert(id);
  });
  if (!asked.ok()) return asked;
  for (const Port* port : parts_.ports) all.ports.insert(port->id());
  if (const grpc::Status told = StreamChanges(all, stream); !told.ok()) return told;
  v1::StateChange complete;
  complete.set_snapshot_complete(true);
  return stream->Write(complete) ? grpc::Status::OK : grpc::Status::CANCELLED;
}

v1::StateChange DataplaneService::StuckWorkers() const {
  v1::StateChange change;
  v1::StuckWorkers& stuck = *change.mutable_stuck_workers();
  for (WorkerIndex worker = 0; worker < parts_.worker_cores.size(); ++worker) {
    if (!parts_.reclaimer.IsStuck(worker)) continue;
    v1::StuckWorker& each = *stuck.add_workers();
    each.set_index(worker);
    each.set_core(parts_.worker_cores[worker]);
  }
  return change;
}

grpc::Status DataplaneService::WatchState(grpc::ServerContext* context, const v1::WatchStateRequest*,
                                          grpc::ServerWriter<v1::StateChange>* stream) {
  // Watching starts before the snapshot: what changes in between is told twice.
  const auto watcher = parts_.feed.Watch();
  if (watcher == nullptr) return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many watchers"};
  grpc::Status status = Snapshot(stream);
  // A watcher begins with none.
  std::string told;
  while (status.ok() && !context->IsCancelled()) {
    const v1::StateChange stuck = StuckWorkers();
    const std::string now = stuck.stuck_workers().SerializeAsString();
    if (now != std::exchange(told, now) && !stream->Write(stuck)) break;
    const ChangedState changed = watcher->Take(kListening);
    if (!changed.empty()) status = StreamChanges(changed, stream);
  }
  return status.ok() ? grpc::Status::CANCELLED : status;
}

}  // namespace sluice::dataplane
