// Where each counter lies in the channel's counter section: one block per worker,
// written by that worker alone, summed by whoever reads. Every counter is a
// uint64_t in host byte order, only ever added to; blocks live as long as the
// dataplane and are not reset by an attachment.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::channel {

// How many of each there are; ids index the arrays directly, so `interfaces` is
// the highest id plus one, and so on.
struct CounterGeometry {
  uint32_t workers = 0;
  uint32_t interfaces = 0;
  uint32_t adjacencies = 0;
  uint32_t vrfs = 0;
  uint32_t drop_reasons = 0;
  uint32_t policers = 0;
  uint32_t nodes = 0;
  uint32_t reserved = 0;

  friend bool operator==(const CounterGeometry&, const CounterGeometry&) = default;
};
static_assert(sizeof(CounterGeometry) == 32);

struct PacketsAndBytes {
  uint64_t packets;
  uint64_t bytes;  // of the IP packet
};
struct NodeCounters {
  uint64_t calls;
  uint64_t packets;
  // Cycles are measured on some calls only; cycles / packets = sampled_cycles / sampled_packets.
  uint64_t sampled_packets;
  uint64_t sampled_cycles;
};
struct WorkerCounters {
  uint64_t busy_cycles;  // TSC cycles of walks that moved packets
  uint64_t idle_cycles;
  uint64_t walks;
  uint64_t sleeps;
  uint64_t reserved[4];
};
static_assert(sizeof(PacketsAndBytes) == 16 && sizeof(NodeCounters) == 32 && sizeof(WorkerCounters) == 64);

// Byte offsets inside a worker's block; each array starts on a cache line.
class CounterLayout {
 public:
  CounterLayout() = default;
  // `geometry` must be Plausible.
  explicit CounterLayout(const CounterGeometry& geometry);

  // Bounds that keep every sum below within 64 bits, whoever wrote the geometry.
  static bool Plausible(const CounterGeometry& geometry);

  const CounterGeometry& geometry() const { return geometry_; }
  uint64_t block_bytes() const { return block_bytes_; }  // a multiple of 4096
  uint64_t total_bytes() const { return block_bytes_ * geometry_.workers; }

  // Pointers into the block of `worker`; `section` is the counter section's
  WorkerCounters* Worker(std::byte* section, uint32_t worker) const {
    return At<WorkerCounters>(section, worker, 0);
  }
  NodeCounters* Nodes(std::byte* section, uint32_t worker) const {
    return At<NodeCounters>(section, worker, nodes_);
  }
  PacketsAndBytes* InterfaceRx(std::byte* section, uint32_t worker) const {
    return At<PacketsAndBytes>(section, worker, interface_rx_);
  }
  PacketsAndBytes* InterfaceTx(std::byte* section, uint32_t worker) const {
    return At<PacketsAndBytes>(section, worker, interface_tx_);
  }
  PacketsAndBytes* AdjacencyTx(std::byte* section, uint32_t worker) const {
    return At<PacketsAndBytes>(section, worker, adjacency_tx_);
  }
  PacketsAndBytes* PolicerDropped(std::byte* section, uint32_t worker) const {
    return At<PacketsAndBytes>(section, worker, policer_dropped_);
  }
  // drops[vrf * geometry().drop_reasons + reason], packets.
  uint64_t* Drops(std::byte* section, uint32_t worker) const { return At<uint64_t>(section, worker, drops_); }

  // Byte offsets from the start of a block, for readers.
  uint64_t nodes_offset() const { return nodes_; }
  uint64_t interface_rx_offset() const { return interface_rx_; }
  uint64_t interface_tx_offset() const { return interface_tx_; }
  uint64_t adjacency_tx_offset() const { return adjacency_tx_; }
  uint64_t policer_dropped_offset() const { return policer_dropped_; }
  uint64_t drops_offset() const { return drops_; }

 private:
  template <class T>
  T* At(std::byte* section, uint32_t worker, uint64_t offset) const {
    return reinterpret_cast<T*>(section + worker * block_bytes_ + offset);
  }

  CounterGeometry geometry_;
  uint64_t nodes_ = 0;
  uint64_t interface_rx_ = 0;
  uint64_t interface_tx_ = 0;
  uint64_t adjacency_tx_ = 0;
  uint64_t policer_dropped_ = 0;
  uint64_t drops_ = 0;
  uint64_t block_bytes_ = 0;
};

// Sums over all workers, for any thread of either process. Values of one answer
// were not all read at the same instant. Ids beyond the geometry give zeros.
class CounterReader {
 public:
  CounterReader() = default;
  // `section` stays mapped as long as the reader is used.
  CounterReader(const CounterLayout& layout, const std::byte* section) : layout_(layout), section_(section) {}

  const CounterGeometry& geometry() const { return layout_.geometry(); }
  PacketsAndBytes InterfaceRx(uint32_t interface) const;
  PacketsAndBytes InterfaceTx(uint32_t interface) const;
  PacketsAndBytes AdjacencyTx(uint32_t adjacency) const;
  // What did not conform.
  PacketsAndBytes PolicerDropped(uint32_t policer) const;
  uint64_t Drops(uint32_t vrf, uint32_t reason) const;
  // Of one worker.
  WorkerCounters Worker(uint32_t worker) const;
  NodeCounters Node(uint32_t worker, uint32_t node) const;

 private:
  template <class T>
  T Sum(uint64_t offset, uint64_t index) const;
  template <class T>
  void Add(T* sum, uint32_t worker, uint64_t offset) const;

  CounterLayout layout_;
  const std::byte* section_ = nullptr;
};

}  // namespace sluice::channel
