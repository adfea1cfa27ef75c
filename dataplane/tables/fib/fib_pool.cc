// Sizes the address space of a pool.
#include "dataplane/tables/fib/fib_pool.h"

#include <algorithm>

namespace sluice::dataplane {
namespace {

using fib::BlockArena;

// Removals may rebuild blocks beyond the limit while readers hold the old ones.
uint64_t LookupReserve(const FibLimits& limits) {
  return std::min(2 * limits.lookup_bytes_max + (uint64_t{4} << 20), BlockArena::kReserveBytesMax);
}

// An update below the limit may open a span for each node on its way.
uint64_t RibReserve(const FibLimits& limits) {
  return std::min(limits.rib_bytes_max + (uint64_t{4} << 20), BlockArena::kReserveBytesMax);
}

}  // namespace

template <class Family>
FibPool<Family>::FibPool(const FibLimits& limits, Reclaimer& reclaimer)
    : limits_(limits),
      lookup_(LookupReserve(limits)),
      rib_(RibReserve(limits)),
      retired_(reclaimer, lookup_),
      change_(lookup_, rib_) {
  // Block 0 is the root table of every empty VRF.
  *lookup_.template At<fib::Word>(0) = fib::Leaf(0);
}

template class FibPool<fib::Ipv4>;
template class FibPool<fib::Ipv6>;

}  // namespace sluice::dataplane
