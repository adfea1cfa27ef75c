// What workers see of the FIBs: one small record per VRF, and the lookups. The
// writer's side is in fib.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/tables/fib/fib_pool.h"
#include "dataplane/tables/fib/key.h"

namespace sluice::dataplane {

// A route's target. 0 = no route; at most kNextHopGroupIdMax.
using NextHopGroupId = uint32_t;
constexpr NextHopGroupId kNextHopGroupIdMax = fib::kGroupMask;

namespace fib {

// A root table as readers load it: its BlockRef, its index bits << 32, and its colour
// << 40, with which the index is XORed: tables are aligned to their size, and tenants
// with the same addresses would otherwise all use the same few sets of the cache.
constexpr uint64_t RootWord(BlockRef table, unsigned bits, uint32_t colour) {
  return table | uint64_t{bits} << 32 | uint64_t{colour} << 40;
}
constexpr BlockRef RootTableOf(uint64_t root) {
  return static_cast<BlockRef>(root);
}
constexpr unsigned RootBitsOf(uint64_t root) {
  return static_cast<unsigned>(root >> 32) & 0x1f;
}
// Where the word of an address stands, whose first RootBitsOf(root) bits are `top`.
constexpr uint64_t RootIndex(uint64_t root, uint64_t top) {
  return top ^ (root >> 40);
}

}  // namespace fib

// One VRF's entry. Zero is an empty VRF. Written by the VRF's Fib only.
struct FibView {
  std::atomic<uint64_t> root;                 // RootWord
  std::atomic<NextHopGroupId> default_group;  // the /0 route, 0 = none
  uint32_t reserved;
};
static_assert(sizeof(FibView) == 16);

// The dense array of views, indexed by VRF id, over one pool. Made once with its
// final size; must outlive the Fib objects that write to it and all readers.
template <class Family>
class FibViews {
 public:
  using Address = typename Family::Address;

  FibViews(FibPool<Family>& pool, uint32_t vrf_count)
      : memory_(pool.lookup_.memory()), vrf_count_(vrf_count), views_(new FibView[vrf_count]()) {}

  uint32_t vrf_count() const { return vrf_count_; }

  // Longest-prefix match for packets of any mix of VRFs: out[i] is the group for
  // address[i] (host byte order) in VRF vrf[i] < vrf_count(). Any number of
  // worker threads, each inside a reader section (no quiescent report between
  // the call and its return).
  void LookupBurst(const uint16_t vrf[], const Address address[], NextHopGroupId out[], unsigned count) const;
  // The same without AVX-512, as on processors that have none; public for tests.
  void LookupBurstScalar(const uint16_t vrf[], const Address address[], NextHopGroupId out[],
                         unsigned count) const;
  NextHopGroupId Lookup(uint16_t vrf, const Address& address) const;

 private:
  friend class Fib<Family>;

  void LookupChunk(const uint16_t vrf[], const Address address[], NextHopGroupId out[], unsigned count) const;

  const std::byte* memory_;
  uint32_t vrf_count_;
  std::unique_ptr<FibView[]> views_;
};

using Fib4View = FibView;
using Fib6View = FibView;
using Fib4Views = FibViews<fib::Ipv4>;
using Fib6Views = FibViews<fib::Ipv6>;

}  // namespace sluice::dataplane
