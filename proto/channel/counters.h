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

struct InterfaceCounters {
  uint64_t rx_packets;
  uint64_t rx_bytes;  // IP bytes, as tx_bytes
  uint64_t tx_packets;
  uint64_t tx_bytes;
};
struct AdjacencyCounters {
  uint64_t tx_packets;
  uint64_t tx_bytes;  // IP bytes
};
struct PolicerCounters {
  uint64_t conform_packets;
  uint64_t conform_bytes;
  uint64_t exceed_packets;
  uint64_t exceed_bytes;
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
static_assert(sizeof(InterfaceCounters) == 32 && sizeof(AdjacencyCounters) == 16);
static_assert(sizeof(PolicerCounters) == 32 && sizeof(NodeCounters) == 32 && sizeof(WorkerCounters) == 64);

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
  InterfaceCounters* Interfaces(std::byte* section, uint32_t worker) const {
    return At<InterfaceCounters>(section, worker, interfaces_);
  }
  AdjacencyCounters* Adjacencies(std::byte* section, uint32_t worker) const {
    return At<AdjacencyCounters>(section, worker, adjacencies_);
  }
  PolicerCounters* Policers(std::byte* section, uint32_t worker) const {
    return At<PolicerCounters>(section, worker, policers_);
  }
  // drops[vrf * geometry().drop_reasons + reason], packets.
  uint64_t* Drops(std::byte* section, uint32_t worker) const { return At<uint64_t>(section, worker, drops_); }

  // Byte offsets from the start of a block, for readers.
  uint64_t nodes_offset() const { return nodes_; }
  uint64_t interfaces_offset() const { return interfaces_; }
  uint64_t adjacencies_offset() const { return adjacencies_; }
  uint64_t policers_offset() const { return policers_; }
  uint64_t drops_offset() const { return drops_; }

 private:
  template <class T>
  T* At(std::byte* section, uint32_t worker, uint64_t offset) const {
    return reinterpret_cast<T*>(section + worker * block_bytes_ + offset);
  }

  CounterGeometry geometry_;
  uint64_t nodes_ = 0;
  uint64_t interfaces_ = 0;
  uint64_t adjacencies_ = 0;
  uint64_t policers_ = 0;
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
  InterfaceCounters Interface(uint32_t interface) const;
  AdjacencyCounters Adjacency(uint32_t adjacency) const;
  PolicerCounters Policer(uint32_t policer) const;
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
