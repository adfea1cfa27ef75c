// The whole packet graph in one process: tables are written through their
// writer's functions, frames are pushed into ports, and what comes out, or was
// dropped and why, is collected. Ports are rings; no root, no NIC.
#pragma once

#include <rte_rcu_qsbr.h>

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/graph/fragment_rings.h"
#include "dataplane/graph/handover_rings.h"
#include "dataplane/graph/worker.h"
#include "dataplane/packet/esp_crypto.h"
#include "dataplane/tables/tables.h"
#include "dataplane/tables/test_limits.h"
#include "proto/channel/counters.h"
#include "tests/graph/ring_port.h"
#include "tests/lib/packet.h"

namespace sluice::testing {

// What stands on the slow path's side of the punt ring.
struct Punted {
  dataplane::PacketMetadata meta;
  Bytes bytes;
};

inline constexpr dataplane::PuntRates kUnlimitedPunts = [] {
  dataplane::PuntRates rates{};
  for (dataplane::PuntRate& rate : rates) rate = {1'000'000, 1'000'000};
  return rates;
}();

struct HarnessOptions {
  uint16_t ports = 2;
  uint16_t workers = 1;
  uint16_t burst = 32;
  uint32_t mbufs = 4096;
  uint16_t data_room = 10240;  // with headroom
  uint32_t reassembly_mbufs = 256;
  uint32_t ring_depth = 1024;
  uint32_t punt_depth = 256;  // of each queue
  // Above what tests send, but for those about budgets.
  dataplane::PuntRates punt = kUnlimitedPunts;
  dataplane::TableLimits limits = kHundredsOfTenants;
  dataplane::IcmpRates icmp{.errors_per_second = 100'000, .echo_replies_per_second = 100'000};

  // Somebody else's grace periods, with the workers as readers 0 and on; they must
  // outlive the harness. Null: its own.
  rte_rcu_qsbr* qsbr = nullptr;
  dataplane::Reclaimer* reclaimer = nullptr;
  // Frames are recognised without vector instructions.
  bool one_by_one = false;
  // Hand-overs that the thread sanitizer sees: DPDK's libraries are built without it.
#if defined(__SANITIZE_THREAD__) || defined(_GLIBCXX_TSAN)
  bool visible = true;
#else
  bool visible = false;
#endif
};

// Free it with std::free.
rte_rcu_qsbr* CreateQsbr(uint32_t threads);
// With thread 0 registered, for who hands things out and must wait for it.
rte_rcu_qsbr* OneReader();

// A grace period over the harness's workers.
class QsbrReclaimer : public dataplane::Reclaimer {
 public:
  explicit QsbrReclaimer(rte_rcu_qsbr& qsbr) : qsbr_(qsbr) {}
  uint64_t Token() override { return rte_rcu_qsbr_start(&qsbr_); }
  bool Passed(uint64_t token) override { return rte_rcu_qsbr_check(&qsbr_, token, false) == 1; }

 private:
  rte_rcu_qsbr& qsbr_;
};

class GraphHarness {
 public:
  explicit GraphHarness(const HarnessOptions& options = {});
  ~GraphHarness();
  GraphHarness(const GraphHarness&) = delete;
  GraphHarness& operator=(const GraphHarness&) = delete;

  dataplane::Tables& tables() { return *tables_; }
  RingPort& port(uint16_t index) { return *ports_[index]; }
  dataplane::Worker& worker(uint16_t index) { return *workers_[index]; }
  uint16_t workers() const { return static_cast<uint16_t>(workers_.size()); }
  rte_mempool& pool() { return *pool_; }
  // A worker's, to expand keys and to play the far end with while it does not run.
  dataplane::EspCrypto& esp_crypto(uint16_t index = 0) { return esp_crypto_[index]; }

  // Configuration in a line each; they die when the tables refuse. Ids are the
  // caller's; the MAC is the port's; addresses are "10.1.0.254/24".
  void AddVrf(dataplane::VrfId vrf);
  void AddInterface(dataplane::Interface interface, const std::vector<std::string>& addresses = {});
  // A resolved next hop on the interface, and a group of it alone with the same id.
  void AddNextHop(uint32_t id, dataplane::InterfaceId interface, const net::MacAddress& mac);
  void AddAdjacency(uint32_t id, dataplane::AdjacencyKind kind, dataplane::InterfaceId interface = 0);
  void AddRoute(dataplane::VrfId vrf, const std::string& prefix, uint32_t group);
  // A host that answers on the interface's link.
  void AddNeighbor(dataplane::InterfaceId interface, const std::string& address, const net::MacAddress& mac);
  // An adjacency as the interface makes it.
  dataplane::Adjacency OnInterface(dataplane::AdjacencyKind kind, dataplane::InterfaceId interface) const;

  // What a slow path beside the workers needs: rings of a worker, its own counters.
  const dataplane::PuntRings& punt_rings(uint16_t worker) { return punt_[worker]; }
  rte_ring* inject_ring(uint16_t worker) { return inject_[worker]; }
  dataplane::CounterBlock slow_path_counters() {
    return dataplane::CounterBlock::Of(layout_, section_.data(), workers());
  }
  // The highest number of a port plus one.
  uint32_t port_numbers() const;

  // One frame on a receive queue of the port, then Settle(). Unless told which, the
  // frames go to the workers in turn.
  void Push(uint16_t port, const Bytes& frame, uint16_t queue);
  // In two buffers, of which the first has `split` bytes.
  void PushChained(uint16_t port, const Bytes& frame, size_t split);
  void Push(uint16_t port, const Bytes& frame) { Push(port, frame, next_queue_++ % options_.workers); }
  // Walks all workers on this thread until nothing arrives any more; or, with
  // StartWorkers(), waits until they have done so.
  void Settle();
  // Runs the workers on threads of their own, with the sleep policy, until
  // StopWorkers().
  void StartWorkers();
  void StopWorkers();

  // Takes what the port sent so far.
  std::vector<Bytes> Sent(uint16_t port) { return ports_[port]->Collect(); }
  // What was punted so far, by all workers.
  std::vector<Punted> TakePunted();
  // A packet as the slow path injects it, into a worker; metadata as given.
  void Inject(const dataplane::PacketMetadata& meta, const Bytes& bytes, uint16_t worker = 0);

  uint64_t Drops(dataplane::VrfId vrf, dataplane::DropReason reason) const;
  // All drop counters that are not zero, as "vrf 1 no_route": count.
  std::map<std::string, uint64_t> AllDrops() const;
  const channel::CounterReader& counters() const { return reader_; }
  // Packets taken out of the pool and not returned; 0 when nothing leaked.
  uint32_t mbufs_in_use() const { return rte_mempool_in_use_count(pool_); }
  // The same of the pool for datagrams that came in fragments, which those have that
  // are not complete.
  uint32_t reassembly_mbufs_in_use() const { return rte_mempool_in_use_count(reassembly_pool_); }
  uint32_t datagrams_held() const;

 private:
  bool Quiet() const;
  void CreateWorker(uint16_t index);

  HarnessOptions options_;
  uint16_t next_queue_ = 0;
  rte_mempool* pool_ = nullptr;
  rte_mempool* reassembly_pool_ = nullptr;
  std::vector<std::unique_ptr<RingPort>> ports_;
  std::unique_ptr<rte_rcu_qsbr, void (*)(void*)> qsbr_;
  QsbrReclaimer reclaimer_;
  std::unique_ptr<dataplane::Tables> tables_;
  channel::CounterLayout layout_;
  std::vector<std::byte> section_;
  channel::CounterReader reader_;
  std::vector<dataplane::PuntRings> punt_;
  std::vector<rte_ring*> inject_;
  std::unique_ptr<dataplane::FragmentRings> fragment_rings_;
  std::unique_ptr<dataplane::HandoverRings> handover_rings_;
  std::vector<dataplane::EspCrypto> esp_crypto_;
  std::vector<std::unique_ptr<dataplane::Worker>> workers_;
  std::vector<std::thread> threads_;
};

}  // namespace sluice::testing
