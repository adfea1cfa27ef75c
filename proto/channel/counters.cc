// Layout of a worker's counter block and the sums over all of them.
#include "proto/channel/counters.h"

#include "proto/net/check.h"

namespace sluice::channel {
namespace {

constexpr uint64_t kLine = 64;
constexpr uint64_t kPage = 4096;
constexpr uint32_t kWorkersMax = 1024;
constexpr uint32_t kObjectsMax = 1 << 24;
constexpr uint32_t kDropReasonsMax = 1024;

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
  block_bytes_ = RoundUp(at, kPage);
}

// All counter structures are arrays of uint64_t; each is loaded once, as workers
// add to them while we read.
template <class T>
void CounterReader::Add(T* sum, uint32_t worker, uint64_t offset) const {
  const auto* from = reinterpret_cast<const uint64_t*>(section_ + worker * layout_.block_bytes() + offset);
  auto* to = reinterpret_cast<uint64_t*>(sum);
  for (size_t i = 0; i < sizeof(T) / sizeof(uint64_t); ++i)
    to[i] += __atomic_load_n(from + i, __ATOMIC_RELAXED);
}

template <class T>
T CounterReader::Sum(uint64_t offset, uint64_t index) const {
  T sum{};
  for (uint32_t worker = 0; worker < geometry().workers; ++worker)
    Add(&sum, worker, offset + index * sizeof(T));
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
