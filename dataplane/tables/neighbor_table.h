// (interface, address) -> adjacency of a resolved neighbour: where packets to a
// connected prefix (glean) go. An entry that is present is resolved.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/tables/ids.h"
#include "dataplane/tables/retirement.h"
#include "dataplane/tables/table_limits.h"
#include "dataplane/tables/write_result.h"
#include "proto/net/address.h"

namespace sluice::dataplane {

// What a worker looks a neighbour up by. An IPv4 address is (kIpv4High, address).
struct NeighborKey {
  // ::ffff:0:0/96 is on no wire (RFC 4291 section 2.5.5.2), so the families do not meet.
  static constexpr uint64_t kIpv4Low = 0x0000'ffff'0000'0000;

  uint64_t high = 0, low = 0;  // host byte order
  InterfaceId interface = kNoInterface;

  static NeighborKey Ipv4(InterfaceId interface, uint32_t address) {
    return {0, kIpv4Low | address, interface};
  }
  static NeighborKey Ipv6(InterfaceId interface, uint64_t high, uint64_t low) {
    return {high, low, interface};
  }
  static NeighborKey Of(InterfaceId interface, const net::Address& address);

  uint32_t Hash() const {
    uint64_t hash = (high ^ interface) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ hash >> 32 ^ low) * 0x9e3779b97f4a7c15u;
    return static_cast<uint32_t>(hash >> 32);
  }
  friend bool operator==(const NeighborKey&, const NeighborKey&) = default;
};

// Chained hash table in fixed memory: readers take no lock, entries are
// immutable but for their links and come back after a grace period.
class NeighborTable {
 public:
  NeighborTable(const TableLimits& limits, Retirement& retirement);

  // Any reader. kNoAdjacency when the neighbour is not resolved.
  AdjacencyId Find(const NeighborKey& key) const {
    uint32_t at = heads_[key.Hash() & mask_].load(std::memory_order_acquire);
    while (at != kEnd) {
      const Entry& entry = entries_[at];
      if (entry.key == key) return entry.adjacency;
      at = entry.next.load(std::memory_order_acquire);
    }
    return kNoAdjacency;
  }

  // Writer. Replaces the neighbour's adjacency if it has one.
  WriteResult Put(const NeighborKey& key, AdjacencyId adjacency);
  WriteResult Remove(const NeighborKey& key);
  uint32_t used() const { return used_; }

 private:
  static constexpr uint32_t kEnd = 0xffffffff;

  struct Entry {
    NeighborKey key;
    AdjacencyId adjacency = kNoAdjacency;
    std::atomic<uint32_t> next{kEnd};
  };

  void Unlink(const NeighborKey& key);

  const uint32_t limit_;
  const uint32_t mask_;
  uint32_t used_ = 0;
  Retirement& retirement_;
  std::unique_ptr<std::atomic<uint32_t>[]> heads_;
  std::unique_ptr<Entry[]> entries_;
  std::vector<uint32_t> free_;
};

}  // namespace sluice::dataplane
