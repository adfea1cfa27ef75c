// What is known of the attached dataplane without asking it: ports, neighbours
// and adjacencies as its stream of changes told, counters as shared memory shows
// them. Survives the dataplane: totals go on where they were.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "control/api/dataplane_state.h"
#include "control/programming/objects.h"
#include "control/programming/sender.h"
#include "proto/channel/channel_client.h"
#include "sluice/dataplane/v1/dataplane.pb.h"

namespace sluice::io {

// Core thread only.
class LiveState : public api::DataplaneState {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  // `sender` says which interfaces and policers there are; outlives this.
  explicit LiveState(const programming::Sender& sender) : sender_(sender) {}

  void Attached(const dataplane::v1::AttachReply& reply,
                std::shared_ptr<const channel::ChannelClient> channel);
  // The memory of the dataplane, which may be dead, is read a last time; until the
  // next attachment answers are what it said, of objects that existed then.
  void Detached();
  void SnapshotBegins();
  void Changed(const dataplane::v1::StateChange& change);
  // About once a second: rates, and what deleted connections and tenants had
  // counted is forgotten, long before their numbers, which rest, are another's.
  void Sample(Instant now);
  // Tests read the counters of memory of their own.
  void SetCounters(std::optional<channel::CounterReader> counters) { counters_ = counters; }

  bool attached() const override { return attached_; }
  std::string instance() const override { return instance_; }
  std::optional<std::vector<api::PortState>> Ports() const override;
  api::NeighborLiveness Liveness(uint32_t interface, const net::Address& address) const override;
  std::vector<net::Address> FailedNeighbors(uint32_t interface) const override;
  std::vector<api::TunnelPath> TunnelPaths(uint32_t interface) const override;
  api::TunnelReach Reach(uint32_t interface) const override;
  std::optional<int64_t> SilentSince(uint32_t interface) const override;
  uint64_t Limit(std::string_view name) const override;
  std::vector<api::StuckWorker> StuckWorkers() const override { return stuck_; }
  api::InterfaceCounters Counters(uint32_t interface) const override;
  std::vector<api::DropCount> Drops() const override;

  // For metrics.
  const absl::flat_hash_map<uint32_t, dataplane::v1::PortState>& ports() const { return ports_; }
  // By state name ("reachable"); neighbours of the current snapshot.
  absl::flat_hash_map<std::string, uint64_t> NeighborStates(uint32_t vrf) const;
  uint64_t duplicate_addresses() const { return duplicate_addresses_; }
  const std::optional<channel::CounterReader>& counters() const { return counters_; }
  uint32_t workers() const { return workers_; }
  uint64_t attachments() const { return attachments_; }

 private:
  struct Totals {
    channel::PacketsAndBytes rx{};
    channel::PacketsAndBytes tx{};
    uint64_t policed_in = 0;  // packets
    uint64_t policed_out = 0;
    channel::ProbeCounters probes{};
  };
  struct Rate {
    uint64_t rx_bytes = 0;  // at the last sample
    uint64_t tx_bytes = 0;
    uint64_t rx_kbps = 0;
    uint64_t tx_kbps = 0;
  };
  using NeighborKey = std::pair<uint32_t, net::Address>;
  struct NeighborHash {
    size_t operator()(const NeighborKey& key) const;
  };
  struct Neighbor {
    uint32_t vrf = 0;
    std::string state;
  };

  void NoteStuck(const dataplane::v1::StuckWorkers& stuck);
  void NotePeer(const dataplane::v1::PeerState& peer);
  void NoteAdjacency(const dataplane::v1::Adjacency& adjacency);
  void NoteNeighbor(const NeighborKey& key, const dataplane::v1::Neighbor& neighbor);
  const programming::InterfaceObject* InterfaceOf(uint32_t interface) const;
  Totals Read(const programming::InterfaceObject& interface) const;
  void ForgetDeleted();

  const programming::Sender& sender_;
  bool attached_ = false;
  uint64_t attachments_ = 0;
  std::string instance_;
  uint32_t workers_ = 0;
  std::shared_ptr<const channel::ChannelClient> channel_;
  std::optional<channel::CounterReader> counters_;     // while attached
  absl::flat_hash_map<std::string, uint64_t> limits_;  // of the last attachment
  bool ports_known_ = false;
  absl::flat_hash_map<uint32_t, dataplane::v1::PortState> ports_;  // by number
  absl::flat_hash_map<NeighborKey, Neighbor, NeighborHash> neighbors_;
  absl::flat_hash_map<uint32_t, std::set<net::Address>> failed_;  // by interface; none is empty
  // Adjacencies through tunnels by their number, and by the tunnel's interface.
  absl::flat_hash_map<uint32_t, std::pair<uint32_t, api::TunnelPath>> tunnel_paths_;
  struct PathsOfTunnel {
    std::set<uint32_t> all;
    std::set<uint32_t> down;
    std::set<std::pair<uint16_t, uint32_t>> narrow;  // path MTU and number
  };
  absl::flat_hash_map<uint32_t, PathsOfTunnel> paths_of_;
  absl::flat_hash_map<uint32_t, int64_t> silent_since_us_;  // tunnels whose far end is silent
  uint64_t duplicate_addresses_ = 0;
  std::vector<api::StuckWorker> stuck_;
  // What interfaces had counted in former dataplanes.
  absl::flat_hash_map<uint32_t, Totals> carried_;
  // Since Detached(), of what existed then. An object that is made while there is no
  // dataplane must not read what its number counted before.
  absl::flat_hash_map<uint32_t, Totals> last_totals_;
  std::vector<api::DropCount> last_drops_;
  absl::flat_hash_map<uint32_t, Rate> rates_;
  Instant sampled_{};
};

}  // namespace sluice::io
