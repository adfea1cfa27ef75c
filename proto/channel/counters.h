// Where each counter lies in the channel's counter section: one block per writing
// thread, written by that thread alone, summed by whoever reads. The workers' blocks
// are the first, then the slow path's, and the last is the agent's (CounterOrigin).
// Every counter is a uint64_t in host byte order; blocks live as long as the
// dataplane and are not reset by an attachment.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::channel {

// How many of each there are; ids index the arrays directly, so `interfaces` is
// the highest id plus one, and so on.
struct CounterGeometry {
  uint32_t workers = 0;  // blocks, those behind the workers' included
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
// Of a tunnel, packets.
struct ProbeCounters {
  uint64_t sent;
  uint64_t answered;
  uint64_t returned;  // the far end's own keepalives, sent back to it
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
static_assert(sizeof(PacketsAndBytes) == 16 && sizeof(ProbeCounters) == 24 && sizeof(NodeCounters) == 32 &&
              sizeof(WorkerCounters) == 64);

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

  // By interface, like InterfaceRx.
  ProbeCounters* Probes(std::byte* section, uint32_t worker) const {
    return At<ProbeCounters>(section, worker, probes_);
  }

  // Byte offsets from the start of a block, for readers.
  uint64_t nodes_offset() const { return nodes_; }
  uint64_t interface_rx_offset() const { return interface_rx_; }
  uint64_t interface_tx_offset() const { return interface_tx_; }
  uint64_t adjacency_tx_offset() const { return adjacency_tx_; }
  uint64_t policer_dropped_offset() const { return policer_dropped_; }
  uint64_t drops_offset() const { return drops_; }
  uint64_t probes_offset() const { return probes_; }

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
  uint64_t probes_ = 0;
  uint64_t block_bytes_ = 0;
};

// Lets the counters of a number begin at zero when it becomes another object's. The
// blocks of the others are not touched: a worker adds without an atomic instruction,
// and storing a zero between its load and its store would bring the old value back.
// Instead the agent's own block, which every sum includes, gets what the others
// counted so far, negated; sums are modulo 2^64, so the number reads zero. What a
// worker adds meanwhile, or a moment later because it still held the old object, is
// neither lost nor doubled: it is counted for the new object, and that is the whole
// error. There is none once the grace period after the old object's removal has
// passed, which a number that rested (control) or was released (learned
// neighbours) has behind it. The agent's thread only.
class CounterOrigin {
 public:
  // Without counters, for who has none: the functions do nothing.
  CounterOrigin() = default;
  // `block` is written by nobody else. `section` outlives this.
  CounterOrigin(const CounterLayout& layout, std::byte* section, uint32_t block)
      : layout_(layout), section_(section), block_(block) {}

  // Before the object is published. Ids beyond the geometry are ignored.
  void RestartInterface(uint32_t interface) const;
  void RestartAdjacency(uint32_t adjacency) const;
  void RestartPolicer(uint32_t policer) const;
  void RestartDrops(uint32_t vrf) const;

 private:
  void Restart(uint64_t offset, uint64_t words) const;

  CounterLayout layout_;
  std::byte* section_ = nullptr;
  uint32_t block_ = 0;
};

// Sums over all blocks, for any thread of either process. Values of one answer
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
  ProbeCounters Probes(uint32_t interface) const;
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
