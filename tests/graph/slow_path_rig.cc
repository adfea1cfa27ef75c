// Rings, buffers and tables around a slow path that the test turns by hand.
#include "tests/graph/slow_path_rig.h"

#include <cstdlib>
#include <cstring>

#include "proto/net/check.h"
#include "tests/graph/eal_for_tests.h"

namespace sluice::testing {
namespace {

using namespace dataplane;  // NOLINT: the rig speaks of nothing else

constexpr uint32_t kWorkerBuffers = 1024;

std::string Unique(const char* name) {
  static int count = 0;
  return name + std::to_string(++count);
}

rte_mempool* PoolOf(const char* name, uint32_t buffers) {
  StartEal();
  return CreatePool(Unique(name).c_str(), buffers, 0, 2048);
}

TablesOptions TablesOf() {
  TablesOptions options;
  options.limits = kHundredsOfTenants;
  options.limits.vrfs = 4;
  options.ports = 1;
  return options;
}

channel::ChannelSizes SizesOf(const Tables& tables) {
  channel::ChannelSizes sizes;
  sizes.counters = {.workers = 1,
                    .interfaces = tables.interfaces.size(),
                    .adjacencies = tables.adjacencies.size(),
                    .vrfs = tables.vrfs.size(),
                    .drop_reasons = kDropReasonsMax,
                    .policers = tables.policers.size(),
                    .nodes = 1};
  return sizes;
}

PuntQueue QueueFor(PuntClass punt_class) {
  switch (punt_class) {
    case PuntClass::kArp:
      return PuntQueue::kArp;
    case PuntClass::kNeighborDiscovery:
      return PuntQueue::kNeighborDiscovery;
    case PuntClass::kUnresolved:
      return PuntQueue::kUnresolved;
    case PuntClass::kLocal:
    case PuntClass::kPathMtu:
      break;
  }
  return PuntQueue::kStrangers;
}

}  // namespace

SlowPathRig::SlowPathRig(const SlowPathRigOptions& options)
    : worker_pool_(PoolOf("workers", kWorkerBuffers)),
      own_pool_(PoolOf("slow", options.buffers)),
      rings_{{}, CreateRing("inject", options.ring_slots)},
      tables_(TablesOf(), reclaimer_),
      memory_(*channel::ChannelMemory::Create(SizesOf(tables_), 1)),
      control_(memory_),
      qsbr_(OneReader(), std::free) {
  for (rte_ring*& ring : rings_.punt) ring = CreateRing("punt", 1024);
  SlowPathOptions slow;
  slow.neighbors = options.neighbors;
  slow.workers = {rings_};
  slow.pool = own_pool_;
  slow.counters = CounterBlock::Of(memory_.counter_layout(), memory_.counter_section(), 0);
  slow_path_ = std::make_unique<SlowPath>(slow, tables_, *qsbr_, 0, requests_, agent_, control_);
  AddTenant(1);
  TakeInjected();
  drops_before_ = Drops();
}

void SlowPathRig::AddTenant(VrfId tenant) {
  InterfaceChange change;
  change.interface = tenant;
  change.vrf = tenant;
  change.vlan = static_cast<uint16_t>(tenant * 10);
  change.mac = Mac("02:00:00:00:00:fe");
  change.addresses = {*net::InterfaceAddress::Parse("10.1.0.254/24"),
                      *net::InterfaceAddress::Parse("2001:db8:1::fe/64")};
  requests_.Push(change);
  Turn();
  Pass(std::chrono::seconds(10));  // announced
  Pass(std::chrono::seconds(10));
}

SlowPathRig::~SlowPathRig() {
  slow_path_.reset();
  TakeInjected();
  for (rte_mbuf* packet : taken_) rte_pktmbuf_free(packet);
  for (rte_ring* ring : rings_.punt) rte_ring_free(ring);
  rte_ring_free(rings_.inject);
  for (rte_mempool* pool : {worker_pool_, own_pool_}) rte_mempool_free(pool);
}

rte_ring* SlowPathRig::CreateRing(const char* name, uint32_t slots) {
  constexpr unsigned kFlags = RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ;
  rte_ring* ring = rte_ring_create(Unique(name).c_str(), slots, SOCKET_ID_ANY, kFlags);
  SLUICE_CHECK(ring != nullptr);
  return ring;
}

void SlowPathRig::AttachControl() {
  int pair[2];
  SLUICE_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0);
  bell_ = channel::FileDescriptor(pair[1]);
  control_.Attach(channel::FileDescriptor(pair[0]));
  injects_ = channel::RingProducer(memory_.Ring(channel::kInjectRing));
}

void SlowPathRig::ControlInjects(const channel::InjectRecord& record, const Bytes& packet) {
  SLUICE_CHECK(injects_.Push(std::as_bytes(std::span(&record, 1)), std::as_bytes(std::span(packet))) ==
               channel::RingProducer::Result::kPushed);
  (void)injects_.Publish();
}

void SlowPathRig::Punt(PuntClass punt_class, const Bytes& bytes, const std::string& next_hop,
                       InterfaceId interface, std::optional<VrfId> tenant) {
  rte_mbuf* packet = rte_pktmbuf_alloc(worker_pool_);
  SLUICE_CHECK(packet != nullptr);
  std::memcpy(rte_pktmbuf_append(packet, static_cast<uint16_t>(bytes.size())), bytes.data(), bytes.size());
  PacketMetadata& meta = MetaOf(*packet);
  std::memset(static_cast<void*>(&meta), 0, sizeof meta);
  meta.interface = meta.egress_interface = interface;
  meta.vrf = tenant.value_or(interface);
  meta.punt_class = punt_class;
  if (!next_hop.empty()) {
    const uint32_t address = Ip(next_hop).v4().value;
    for (int i = 0; i < 4; ++i) meta.next_hop[i] = static_cast<uint8_t>(address >> (24 - 8 * i));
  }
  SLUICE_CHECK(rte_ring_sp_enqueue(rings_.punt[static_cast<size_t>(QueueFor(punt_class))], packet) == 0);
  Turn();
}

std::vector<Punted> SlowPathRig::TakeInjected() {
  std::vector<Punted> injected;
  void* object = nullptr;
  while (rte_ring_sc_dequeue(rings_.inject, &object) == 0) {
    rte_mbuf& packet = *static_cast<rte_mbuf*>(object);
    injected.push_back({MetaOf(packet), Bytes(DataOf(packet), DataOf(packet) + packet.data_len)});
    rte_pktmbuf_free(&packet);
  }
  return injected;
}

std::map<std::string, uint64_t> SlowPathRig::Drops() const {
  std::map<std::string, uint64_t> drops;
  const channel::CounterReader reader = memory_.counters();
  for (uint32_t vrf = 0; vrf < tables_.vrfs.size(); ++vrf) {
    for (const DropReasonName& reason : kDropReasons) {
      const std::string name = "vrf " + std::to_string(vrf) + " " + reason.name;
      const auto before = drops_before_.find(name);
      const uint64_t count = reader.Drops(vrf, static_cast<uint32_t>(reason.reason)) -
                             (before == drops_before_.end() ? 0 : before->second);
      if (count != 0) drops[name] = count;
    }
  }
  return drops;
}

void SlowPathRig::TakeAllBuffers() {
  while (rte_mbuf* const packet = rte_pktmbuf_alloc(own_pool_)) taken_.push_back(packet);
}

}  // namespace sluice::testing
