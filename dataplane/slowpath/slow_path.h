// The slow path's thread: drains what workers punt, drives
// neighbour resolution and the probes of far ends, relays packets between workers and control, and watches
// the ports' carrier. Never touches a port's queues: what it sends enters a
// worker's graph through a ring.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "dataplane/agent/neighbor_exchange.h"
#include "dataplane/eal/kernel_link_watch.h"
#include "dataplane/eal/port.h"
#include "dataplane/slowpath/inject_budgets.h"
#include "dataplane/slowpath/neighbor_mailbox.h"
#include "dataplane/slowpath/neighbor_resolution.h"
#include "dataplane/slowpath/packet_relay.h"
#include "dataplane/slowpath/peer_probes.h"
#include "dataplane/slowpath/pending_reports.h"
#include "dataplane/slowpath/waiting_packets.h"
#include "dataplane/tables/tables.h"
#include "proto/channel/packet_port.h"

struct rte_rcu_qsbr;

namespace sluice::dataplane {

struct SlowPathOptions {
  NeighborSettings neighbors;
  uint64_t seed = 0;  // for the timers' jitter
  std::vector<WorkerRings> workers;
  rte_mempool* pool = nullptr;     // its own
  CounterBlock counters;           // its own block
  channel::CounterReader counted;  // all blocks
  std::vector<const Port*> ports;
};

class SlowPath {
 public:
  // Everything must outlive the slow path. `reader` is its number in `qsbr`, already
  // registered and offline.
  SlowPath(const SlowPathOptions& options, Tables& tables, rte_rcu_qsbr& qsbr, unsigned reader,
           NeighborMailbox& requests, NeighborSink& agent, channel::PacketPort& control);
  ~SlowPath();
  SlowPath(const SlowPath&) = delete;
  SlowPath& operator=(const SlowPath&) = delete;

  // Starts the thread; it inherits the caller's core.
  absl::Status Start();
  // Waits for the thread to end; workers may still run.
  void Stop();

  // Instead of Start, for tests: one turn of the loop. True: there was work.
  bool Turn(Instant now);

  // Any thread.
  const PuntBudgets& budgets() const { return tables_.punt_budgets; }
  const RelayCounters& relay_counters() const { return relay_.counts(); }
  const NeighborCounters& neighbor_counters() const { return resolution_.counters(); }
  uint64_t neighbors_refused() const { return resolution_.limit_refusals(); }

 private:
  // Whose an interface is, and where operators find it.
  struct Attachment {
    VrfId vrf = 0;
    PortId port = 0;
    uint16_t vlan = 0;
  };

  void Run();
  // Each of these returns whether there was work.
  bool ServeRequests(Instant now);
  bool ServePunted(Instant now);
  bool ServeControl(Instant now);
  bool ServeLinks(Instant now);
  bool ServeTime(Instant now);
  bool ReleaseWaiting(Instant now);
  void FlushReports();
  void LogDuplicate(const DuplicateAddressReport& report) const;
  const char* NameOf(PortId port) const;
  void Idle(int epoll);

  void Punted(Instant now, rte_mbuf& packet);
  void Finish(rte_mbuf& packet, DropReason reason);
  // Of the tenant's packets, those that wait for a neighbour or for its publication.
  size_t HeldOf(VrfId tenant);
  // Drops the oldest packet that the tenant holds; false if it holds none.
  bool DropOldestHeld(VrfId tenant);
  // When buffers are short: whoever holds most gives one up for `tenant`, which may be
  // the tenant itself. False: nobody holds any.
  bool MakeRoomFor(VrfId tenant);
  void PuntedArp(Instant now, rte_mbuf& packet);
  void PuntedNd(Instant now, rte_mbuf& packet);
  void PuntedUnresolved(Instant now, rte_mbuf& packet);
  void PuntedLocal(Instant now, rte_mbuf& packet);
  void PuntedPathMtu(rte_mbuf& packet);
  void NoteLink(Instant now, PortId port, bool up);
  // `asker`: from which host of an overlay came what is answered here, 16 bytes in
  // network byte order.
  using Provider = std::array<uint8_t, 16>;
  void Perform(Instant now, NeighborOutputs& outputs, const Provider& asker = {});
  void Send(const SendFrame& frame, const Provider& asker);
  void Perform(ProbeOutputs& outputs);
  // False: it was not sent, for want of a tunnel, a buffer or room in the ring.
  bool Send(const SendProbe& probe);
  static Provider AskerOf(const PacketMetadata& meta);
  // The adjacency to send a held packet through; kNoAdjacency while there is none.
  AdjacencyId ResolvedAdjacency(rte_mbuf& packet) const;

  Tables& tables_;
  rte_rcu_qsbr& qsbr_;
  unsigned reader_;
  NeighborMailbox& requests_;
  NeighborSink& agent_;
  channel::PacketPort& control_;
  std::vector<const Port*> ports_;
  PacketRelay relay_;
  uint32_t held_per_tenant_;
  NeighborResolution resolution_;
  PeerProbes probes_;
  CounterBlock counters_;
  channel::CounterReader counted_;
  InjectBudgets inject_budgets_;
  std::map<InterfaceId, Attachment> attachments_;
  PendingReports reports_;
  WaitingPackets waiting_;
  std::unique_ptr<KernelLinkWatch> kernel_links_;
  std::map<PortId, bool> link_up_;
  Instant links_polled_at_{};
  std::vector<uint8_t> control_packet_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace sluice::dataplane
