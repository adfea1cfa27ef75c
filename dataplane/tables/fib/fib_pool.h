// The memory that the FIBs of all VRFs of one address family share, and its
// limits: lookup blocks read by workers, and the updater's record of routes.
#pragma once

#include <cstdint>

#include "dataplane/tables/fib/block_arena.h"
#include "dataplane/tables/fib/key.h"
#include "dataplane/tables/fib/retire_queue.h"
#include "dataplane/tables/fib/trie_change.h"
#include "dataplane/tables/reclaimer.h"

namespace sluice::dataplane {

// At a limit a new route is refused with ResourceExhausted and the limit's name:
// fib.ipv4.routes_max and so on (fib.ipv6. for the other family).
struct FibLimits {
  uint64_t routes_max = 12'000'000;
  // 4 KiB spans in use for lookups, including blocks that wait for readers.
  // Removals may go above it for a grace period, never above twice of it.
  uint64_t lookup_bytes_max = uint64_t{512} << 20;
  // The same for the updater's record; about 10 to 40 bytes a route.
  uint64_t rib_bytes_max = uint64_t{512} << 20;
};

template <class Family>
class Fib;
template <class Family>
class FibViews;

// All calls belong to the one writer's thread. Must outlive its Fib and FibViews
// objects; the reclaimer must outlive the pool.
template <class Family>
class FibPool {
 public:
  FibPool(const FibLimits& limits, Reclaimer& reclaimer);

  // Frees what readers no longer hold; never waits. Updates do this in passing;
  // the agent calls it when idle.
  void Reclaim() { retired_.ReclaimAll(); }

  uint64_t route_count() const { return route_count_; }
  // 4 KiB spans in use for lookups, including what waits for readers.
  uint64_t lookup_bytes() const { return lookup_.span_bytes(); }
  // The share of it in blocks handed out; the rest is room inside spans.
  uint64_t lookup_block_bytes() const { return lookup_.block_bytes(); }
  // High-water mark of the lookup memory the kernel may have committed.
  uint64_t lookup_touched_bytes() const { return lookup_.touched_bytes(); }
  // What the updater keeps beside the lookup structure, with all bookkeeping.
  uint64_t rib_bytes() const {
    return rib_.span_bytes() + rib_.bookkeeping_bytes() + lookup_.bookkeeping_bytes();
  }
  // Can so many host routes be removed, or replaced, whatever readers hold?
  bool HasReserveFor(uint64_t removals) const {
    constexpr uint64_t kNodesMax = Family::kBits / fib::kStride + 2;  // each may need a span
    return lookup_.span_bytes() + removals * kNodesMax * fib::BlockArena::kSpanBytes <=
           2 * limits_.lookup_bytes_max;
  }
  uint64_t waiting_blocks() const { return retired_.waiting_blocks(); }
  uint64_t waiting_bytes() const { return retired_.waiting_bytes(); }
  const FibLimits& limits() const { return limits_; }

 private:
  friend class Fib<Family>;
  friend class FibViews<Family>;

  FibLimits limits_;
  fib::BlockArena lookup_;
  fib::BlockArena rib_;
  fib::RetireQueue retired_;
  fib::TrieChange change_;  // scratch of the update under way
  uint64_t route_count_ = 0;
};

using FibPool4 = FibPool<fib::Ipv4>;
using FibPool6 = FibPool<fib::Ipv6>;

}  // namespace sluice::dataplane
