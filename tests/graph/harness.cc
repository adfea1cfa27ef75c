// The packet graph between ring ports.
#include "tests/graph/harness.h"

#include <rte_cycles.h>
#include <rte_lcore.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "dataplane/nodes/nodes.h"
#include "dataplane/packet/ethernet.h"
#include "proto/net/check.h"
#include "tests/graph/eal_for_tests.h"

namespace sluice::testing {
namespace {

using namespace dataplane;  // NOLINT: the harness speaks of nothing else

// EAL objects are named; several harnesses may follow one another in a program.
std::string Unique(const std::string& name) {
  static int count = 0;
  return name + std::to_string(++count);
}

rte_mempool* PoolOf(const HarnessOptions& options) {
  StartEal();
  return CreatePool(Unique("pool").c_str(), options.mbufs, 0, options.data_room,
                    options.visible ? PoolLock::kVisible : PoolLock::kDpdk);
}

rte_mempool* ReassemblyPoolOf(const HarnessOptions& options) {
  return CreatePool(Unique("pool").c_str(), options.reassembly_mbufs, 0, options.data_room,
                    options.visible ? PoolLock::kVisible : PoolLock::kDpdk);
}

}  // namespace

rte_rcu_qsbr* CreateQsbr(uint32_t threads) {
  const size_t bytes = rte_rcu_qsbr_get_memsize(threads);
  auto* qsbr = static_cast<rte_rcu_qsbr*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
  SLUICE_CHECK(rte_rcu_qsbr_init(qsbr, threads) == 0);
  return qsbr;
}

rte_rcu_qsbr* OneReader() {
  rte_rcu_qsbr* qsbr = CreateQsbr(1);
  SLUICE_CHECK(rte_rcu_qsbr_thread_register(qsbr, 0) == 0);
  return qsbr;
}

GraphHarness::GraphHarness(const HarnessOptions& options)
    : options_(options),
      pool_(PoolOf(options)),
      reassembly_pool_(ReassemblyPoolOf(options)),
      qsbr_(options.qsbr != nullptr ? options.qsbr : CreateQsbr(options.workers),
            options.qsbr != nullptr ? [](void*) {} : std::free),
      reclaimer_(*qsbr_) {
  for (uint16_t i = 0; i < options.ports; ++i)
    ports_.push_back(std::make_unique<RingPort>(Unique("net_ring"), options.workers, options.ring_depth));
  if (options.visible)
    for (const auto& port : ports_) port->MakeVisible();
  tables_ = std::make_unique<Tables>(TablesOptions{.limits = options.limits,
                                                   .ports = port_numbers(),
                                                   .workers = options.workers,
                                                   .ticks_per_second = rte_get_tsc_hz(),
                                                   .icmp = options.icmp,
                                                   .punt = options.punt},
                                     options.reclaimer != nullptr ? *options.reclaimer : reclaimer_);
  layout_ = channel::CounterLayout({.workers = options.workers + 1u,  // and the slow path
                                    .interfaces = options.limits.interfaces + 1,
                                    .adjacencies = tables_->adjacencies.size(),
                                    .vrfs = options.limits.vrfs,
                                    .drop_reasons = kDropReasonsMax,
                                    .policers = options.limits.policers + 1,
                                    .nodes = static_cast<uint32_t>(AllNodes().size())});
  section_.resize(layout_.total_bytes());
  reader_ = channel::CounterReader(layout_, section_.data());
  if (options.workers > 1) fragment_rings_ = std::make_unique<FragmentRings>(options.workers);
  if (options.workers > 1) handover_rings_ = std::make_unique<HandoverRings>(options.workers);
  esp_crypto_.reserve(options.workers);
  for (uint16_t i = 0; i < options.workers; ++i) esp_crypto_.push_back(*EspCrypto::Create());
  for (uint16_t i = 0; i < options.workers; ++i) CreateWorker(i);
}

uint32_t GraphHarness::port_numbers() const {
  uint32_t numbers = 0;
  for (const auto& port : ports_) numbers = std::max<uint32_t>(numbers, port->id() + 1u);
  return numbers;
}

void GraphHarness::CreateWorker(uint16_t index) {
  WorkerContext context;
  context.tables = tables_.get();
  context.counters = CounterBlock::Of(layout_, section_.data(), index);
  context.index = index;
  context.burst = options_.burst;
  context.one_by_one = options_.one_by_one;
  context.packets = pool_;
  context.reassembly_pool = reassembly_pool_;
  context.fragment_rings = fragment_rings_.get();
  context.handover_rings = handover_rings_.get();
  context.esp_crypto = &esp_crypto_[index];
  for (const auto& port : ports_) {
    context.receive_queues.push_back({port->id(), index});
    context.transmit[port->id()] = {true, index, MacBits(port->mac().bytes.data())};
  }
  constexpr unsigned kOneToOne = RING_F_SP_ENQ | RING_F_SC_DEQ;
  for (rte_ring*& ring : context.punt) {
    ring = rte_ring_create(Unique("punt").c_str(), options_.punt_depth, SOCKET_ID_ANY, kOneToOne);
    SLUICE_CHECK(ring != nullptr);
  }
  context.inject = rte_ring_create(Unique("inject").c_str(), 256, SOCKET_ID_ANY, kOneToOne);
  SLUICE_CHECK(context.inject != nullptr);
  punt_.push_back(context.punt);
  inject_.push_back(context.inject);
  auto worker = Worker::Create(Unique("graph"), std::move(context), *qsbr_, IdlePolicy::kSleep);
  SLUICE_CHECK(worker.ok());
  workers_.push_back(std::move(*worker));
}

GraphHarness::~GraphHarness() {
  StopWorkers();
  TakePunted();
  for (const auto& worker : workers_) SLUICE_CHECK(worker->graph().StreamsAreAsMade());
  workers_.clear();
  fragment_rings_.reset();
  handover_rings_.reset();
  ports_.clear();
  // Only datagrams that are not complete have buffers there.
  SLUICE_CHECK(reassembly_mbufs_in_use() <= datagrams_held());
  SLUICE_CHECK(mbufs_in_use() == 0);
  for (const PuntRings& rings : punt_)
    for (rte_ring* ring : rings) rte_ring_free(ring);
  for (rte_ring* ring : inject_) rte_ring_free(ring);
  rte_mempool_free(pool_);
  rte_mempool_free(reassembly_pool_);
}

void GraphHarness::AddVrf(VrfId vrf) {
  SLUICE_CHECK(tables_->PutVrf({.id = vrf}).ok());
}

void GraphHarness::AddInterface(Interface interface, const std::vector<std::string>& addresses) {
  interface.port = ports_[interface.port]->id();
  interface.mac = {};
  for (const std::string& text : addresses) {
    const auto address = net::InterfaceAddress::Parse(text);
    SLUICE_CHECK(address.has_value());
    interface.addresses.push_back(*address);
    const bool on_link_only = !address->address.is_v4() && address->address.v6().IsLinkLocal();
    if (!on_link_only) SLUICE_CHECK(tables_->AddLocalAddress(interface.vrf, address->address).ok());
  }
  SLUICE_CHECK(tables_->PutInterface(interface).ok());
}

Adjacency GraphHarness::OnInterface(AdjacencyKind kind, InterfaceId id) const {
  const Interface* interface = tables_->interfaces.Find(id);
  SLUICE_CHECK(interface != nullptr);
  Adjacency adjacency;
  adjacency.kind = kind;
  adjacency.interface = id;
  adjacency.port = interface->port;
  adjacency.vlan = interface->vlan;
  adjacency.mtu = interface->mtu;
  adjacency.policer_out = interface->policer_out;
  adjacency.clamp_mss = interface->clamp_mss;
  for (const auto& port : ports_)
    if (port->id() == interface->port) adjacency.source_mac = port->mac();
  adjacency.live = interface->up;
  adjacency.resolvable = interface->up;
  return adjacency;
}

void GraphHarness::AddNextHop(uint32_t id, InterfaceId interface, const net::MacAddress& mac) {
  Adjacency adjacency = OnInterface(AdjacencyKind::kNeighbor, interface);
  adjacency.neighbor_mac = mac;
  SLUICE_CHECK(tables_->PutAdjacency(id, adjacency).ok());
  const GroupMember member{id};
  SLUICE_CHECK(tables_->groups.Put(id, std::span(&member, 1)).ok());
}

void GraphHarness::AddAdjacency(uint32_t id, AdjacencyKind kind, InterfaceId interface) {
  const Adjacency adjacency = interface == 0 ? Adjacency{.kind = kind} : OnInterface(kind, interface);
  SLUICE_CHECK(tables_->PutAdjacency(id, adjacency).ok());
  const GroupMember member{id};
  SLUICE_CHECK(tables_->groups.Put(id, std::span(&member, 1)).ok());
}

void GraphHarness::AddRoute(VrfId vrf, const std::string& prefix, uint32_t group) {
  SLUICE_CHECK(tables_->AddRoute(vrf, *net::Prefix::Parse(prefix), group).ok());
}

void GraphHarness::AddNeighbor(InterfaceId interface, const std::string& address,
                               const net::MacAddress& mac) {
  const AdjacencyId id = tables_->adjacencies.Allocate();
  SLUICE_CHECK(id != kNoAdjacency);
  Adjacency adjacency = OnInterface(AdjacencyKind::kNeighbor, interface);
  adjacency.neighbor_mac = mac;
  SLUICE_CHECK(tables_->PutAdjacency(id, adjacency).ok());
  SLUICE_CHECK(tables_->neighbors.Put(NeighborKey::Of(interface, Ip(address)), id).ok());
}

void GraphHarness::PushChained(uint16_t port, const Bytes& frame, size_t split) {
  ports_[port]->Push(next_queue_++ % options_.workers, frame, *pool_, split);
}

void GraphHarness::Push(uint16_t port, const Bytes& frame, uint16_t queue) {
  ports_[port]->Push(queue, frame, *pool_);
}

bool GraphHarness::Quiet() const {
  return std::all_of(ports_.begin(), ports_.end(), [](const auto& port) { return port->Quiet(); }) &&
         std::all_of(inject_.begin(), inject_.end(), [](rte_ring* ring) { return IsEmpty(*ring); }) &&
         (fragment_rings_ == nullptr || fragment_rings_->empty()) &&
         (handover_rings_ == nullptr || handover_rings_->empty());
}

uint32_t GraphHarness::datagrams_held() const {
  uint32_t held = 0;
  for (const auto& of_worker : tables_->reassembly) held += of_worker->held();
  return held;
}

void GraphHarness::Settle() {
  if (threads_.empty()) {
    // One worker's packets may become another's.
    uint32_t arrived = 0;
    do {
      arrived = 0;
      for (const auto& worker : workers_) {
        worker->Enter();
        while (const uint32_t in_walk = worker->WalkOnce()) arrived += in_walk;
        worker->Leave();
      }
    } while (arrived != 0);
    return;
  }
  // What was taken from the rings is through when every worker passed a quiescent
  // point, and then it may be in another worker's ring.
  do {
    while (!Quiet()) std::this_thread::yield();
    const uint64_t token = reclaimer_.Token();
    while (!reclaimer_.Passed(token)) std::this_thread::yield();
  } while (!Quiet());
}

void GraphHarness::StartWorkers() {
  for (const auto& worker : workers_)
    threads_.emplace_back([&worker] {
      SLUICE_CHECK(rte_thread_register() == 0);
      worker->Run();
      rte_thread_unregister();
    });
  // A worker that is not registered yet would not be waited for.
  for (uint16_t i = 0; i < workers(); ++i)
    while (reader_.Worker(i).walks == 0) std::this_thread::yield();
}

void GraphHarness::StopWorkers() {
  for (const auto& worker : workers_) worker->RequestStop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::vector<Punted> GraphHarness::TakePunted() {
  std::vector<Punted> punted;
  const auto take = [&](rte_ring* ring) {
    void* object;
    while (rte_ring_dequeue(ring, &object) == 0) {
      auto* mbuf = static_cast<rte_mbuf*>(object);
      const uint8_t* data = DataOf(*mbuf);
      punted.push_back({MetaOf(*mbuf), Bytes(data, data + mbuf->data_len)});
      rte_pktmbuf_free(mbuf);
    }
  };
  for (const PuntRings& rings : punt_)
    for (rte_ring* ring : rings) take(ring);
  return punted;
}

void GraphHarness::Inject(const PacketMetadata& meta, const Bytes& bytes, uint16_t worker) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
  SLUICE_CHECK(mbuf != nullptr);
  auto* data = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(mbuf, static_cast<uint16_t>(bytes.size())));
  SLUICE_CHECK(data != nullptr);
  std::copy(bytes.begin(), bytes.end(), data);
  MetaOf(*mbuf) = meta;
  SLUICE_CHECK(rte_ring_enqueue(inject_[worker], mbuf) == 0);
}

uint64_t GraphHarness::Drops(VrfId vrf, DropReason reason) const {
  return reader_.Drops(vrf, static_cast<uint32_t>(reason));
}

std::map<std::string, uint64_t> GraphHarness::AllDrops() const {
  std::map<std::string, uint64_t> drops;
  for (uint32_t vrf = 0; vrf < options_.limits.vrfs; ++vrf)
    for (const DropReasonName& row : kDropReasons)
      if (const uint64_t count = Drops(static_cast<VrfId>(vrf), row.reason); count != 0)
        drops["vrf " + std::to_string(vrf) + " " + row.name] = count;
  return drops;
}

}  // namespace sluice::testing
