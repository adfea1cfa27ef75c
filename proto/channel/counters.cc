// Layout of a counter block, the sums over all of them and where these begin.
#include "proto/channel/counters.h"

#include "proto/net/check.h"

namespace sluice::channel {
namespace {

constexpr uint64_t kLine = 64;
constexpr uint64_t kPage = 4096;
constexpr uint32_t kWorkersMax = 1024;
constexpr uint32_t kObjectsMax = 1 << 24;
constexpr uint32_t kDropReasonsMax = 1024;

template <class Counters>
constexpr uint64_t kWordsOf = sizeof(Counters) / sizeof(uint64_t);

uint64_t RoundUp(uint64_t value, uint64_t to) {
  return (value + to - 1) / to * to;
}

}  // namespace

bool CounterLayout::Plausible(const CounterGeometry& geometry) {
  return geometry.workers <= kWorkersMax && geometry.interfaces <= kObjectsMax &&
         geometry.adjacencies <= kObjectsMax && geometry.vrfs <= kObjectsMax &&
         geometry.drop_reasons <= kDropReasonsMax && geometry.policers <= kObjectsMax &&
         geometry.nodes <= kObjectsMax && geometry.reserved == 0;
}

CounterLayout::CounterLayout(const CounterGeometry& geometry) : geometry_(geometry) {
  SLUICE_CHECK(Plausible(geometry));
  uint64_t at = sizeof(WorkerCounters);
  const auto place = [&at](uint64_t count, uint64_t bytes) {
    const uint64_t offset = at;
    at = RoundUp(at + count * bytes, kLine);
    return offset;
  };
  nodes_ = place(geometry.nodes, sizeof(NodeCounters));
  interface_rx_ = place(geometry.interfaces, sizeof(PacketsAndBytes));
  interface_tx_ = place(geometry.interfaces, sizeof(PacketsAndBytes));
  adjacency_tx_ = place(geometry.adjacencies, sizeof(PacketsAndBytes));
  policer_dropped_ = place(geometry.policers, sizeof(PacketsAndBytes));
  drops_ = place(uint64_t{geometry.vrfs} * geometry.drop_reasons, sizeof(uint64_t));
  probes_ = place(geometry.interfaces, sizeof(ProbeCounters));
  block_bytes_ = RoundUp(at, kPage);
}

void CounterOrigin::Restart(uint64_t offset, uint64_t words) const {
  if (section_ == nullptr) return;
  for (uint64_t word = 0; word < words; ++word) {
    const auto at = [&](uint32_t block) {
      return reinterpret_cast<uint64_t*>(section_ + block * layout_.block_bytes() + offset) + word;
    };
    uint64_t counted = 0;
    for (uint32_t block = 0; block < layout_.geometry().workers; ++block)
      if (block != block_) counted += __atomic_load_n(at(block), __ATOMIC_RELAXED);
    __atomic_store_n(at(block_), uint64_t{0} - counted, __ATOMIC_RELEASE);
  }
}

void CounterOrigin::RestartInterface(uint32_t interface) const {
  if (interface >= layout_.geometry().interfaces) return;
  Restart(layout_.interface_rx_offset() + interface * sizeof(PacketsAndBytes), kWordsOf<PacketsAndBytes>);
  Restart(layout_.interface_tx_offset() + interface * sizeof(PacketsAndBytes), kWordsOf<PacketsAndBytes>);
  Restart(layout_.probes_offset() + interface * sizeof(ProbeCounters), kWordsOf<ProbeCounters>);
}

void CounterOrigin::RestartAdjacency(uint32_t adjacency) const {
  if (adjacency >= layout_.geometry().adjacencies) return;
  Restart(layout_.adjacency_tx_offset() + adjacency * sizeof(PacketsAndBytes), kWordsOf<PacketsAndBytes>);
}

void CounterOrigin::RestartPolicer(uint32_t policer) const {
  if (policer >= layout_.geometry().policers) return;
  Restart(layout_.policer_dropped_offset() + policer * sizeof(PacketsAndBytes), kWordsOf<PacketsAndBytes>);
}

void CounterOrigin::RestartDrops(uint32_t vrf) const {
  if (vrf >= layout_.geometry().vrfs) return;
  const uint64_t reasons = layout_.geometry().drop_reasons;
  Restart(layout_.drops_offset() + vrf * reasons * sizeof(uint64_t), reasons);
}

// All counter structures are arrays of uint64_t; each is loaded once, as workers
// add to them while we read. Acquire, because of Sum().
template <class T>
void CounterReader::Add(T* sum, uint32_t worker, uint64_t offset) const {
  const auto* from = reinterpret_cast<const uint64_t*>(section_ + worker * layout_.block_bytes() + offset);
  auto* to = reinterpret_cast<uint64_t*>(sum);
  for (size_t i = 0; i < kWordsOf<T>; ++i) to[i] += __atomic_load_n(from + i, __ATOMIC_ACQUIRE);
}

// The agent's block, the last, first: what it subtracts was counted before, so the
// others' counters, read later, are at least that and no sum falls below zero.

template <class T>
T CounterReader::Sum(uint64_t offset, uint64_t index) const {
  T sum{};
  for (uint32_t block = geometry().workers; block > 0; --block)
    Add(&sum, block - 1, offset + index * sizeof(T));
  return sum;
}

PacketsAndBytes CounterReader::InterfaceRx(uint32_t interface) const {
  if (interface >= geometry().interfaces) return {};
  return Sum<PacketsAndBytes>(layout_.interface_rx_offset(), interface);
}

PacketsAndBytes CounterReader::InterfaceTx(uint32_t interface) const {
  if (interface >= geometry().interfaces) return {};
  return Sum<PacketsAndBytes>(layout_.interface_tx_offset(), interface);
}

PacketsAndBytes CounterReader::AdjacencyTx(uint32_t adjacency) const {
  if (adjacency >= geometry().adjacencies) return {};
  return Sum<PacketsAndBytes>(layout_.adjacency_tx_offset(), adjacency);
}

PacketsAndBytes CounterReader::PolicerDropped(uint32_t policer) const {
  if (policer >= geometry().policers) return {};
  return Sum<PacketsAndBytes>(layout_.policer_dropped_offset(), policer);
}

uint64_t CounterReader::Drops(uint32_t vrf, uint32_t reason) const {
  if (vrf >= geometry().vrfs || reason >= geometry().drop_reasons) return 0;
  return Sum<uint64_t>(layout_.drops_offset(), uint64_t{vrf} * geometry().drop_reasons + reason);
}

ProbeCounters CounterReader::Probes(uint32_t interface) const {
  if (interface >= geometry().interfaces) return {};
  return Sum<ProbeCounters>(layout_.probes_offset(), interface);
}

WorkerCounters CounterReader::Worker(uint32_t worker) const {
  WorkerCounters counters{};
  if (worker < geometry().workers) Add(&counters, worker, 0);
  return counters;
}

NodeCounters CounterReader::Node(uint32_t worker, uint32_t node) const {
  NodeCounters counters{};
  if (worker < geometry().workers && node < geometry().nodes)
    Add(&counters, worker, layout_.nodes_offset() + node * sizeof(NodeCounters));
  return counters;
}

}  // namespace sluice::channel
