// What to do with a packet that matched a route. Workers read one cache line
// per adjacency; the agent changes entries in place and a reader never sees
// half of a change: a packet with the new VLAN on the old port would be in the
// wrong tenant's hands.
#pragma once

#include <immintrin.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/tables/ids.h"
#include "dataplane/tables/retirement.h"
#include "dataplane/tables/table_limits.h"
#include "dataplane/tables/tunnel.h"
#include "dataplane/tables/write_result.h"
#include "proto/net/address.h"
#include "proto/net/mac_address.h"

namespace sluice::dataplane {

using channel::AdjacencyKind;

// An adjacency as its writer describes it.
struct Adjacency {
  AdjacencyKind kind = AdjacencyKind::kDrop;
  InterfaceId interface = kNoInterface;  // kNeighbor, kGlean and kTunnel
  net::Address next_hop;                 // kNeighbor; kTunnel: the far end in the underlay
  RemoteId remote = kNoRemote;           // kTunnel: the same, as a number
  bool esp = false;                      // kTunnel: its packets are encrypted (Tables::PutAdjacency)
  // Copied from the interface.
  PortId port = 0;
  uint16_t vlan = 0;  // 0 = untagged
  uint16_t mtu = 1500;
  PolicerId policer_out = kNoPolicer;
  bool clamp_mss = false;  // of TCP connections, to `mtu`; not kTunnel
  net::MacAddress source_mac;
  // Present while the neighbour is resolved (kNeighbor); kTunnel over an overlay:
  // destination of the inner frame.
  std::optional<net::MacAddress> neighbor_mac;
  // Packets may be sent: port has carrier, interface is up, neighbour resolved.
  // An unresolved neighbour of a healthy interface is not live but `resolvable`:
  // its packets go to the slow path; others are dropped.
  bool live = false;
  bool resolvable = false;

  friend bool operator==(const Adjacency&, const Adjacency&) = default;
};

// One consistent copy of what a worker needs of an adjacency.
class AdjacencySnapshot {
 public:
  // No adjacency at all: there is no route.
  bool none() const { return kind_bits() == 0; }
  AdjacencyKind kind() const { return static_cast<AdjacencyKind>(kind_bits()); }
  // A packet may be sent with Rewrite() as it is.
  bool sendable() const { return (words_[2] & (kKindMask | kLive)) == (kNeighborBits | kLive); }
  // sendable(), and with nothing to do but to send: no policer, no MSS to clamp.
  bool plain() const {
    return (words_[2] & (kKindMask | kLive | kPolicerMask | kClampMss)) == (kNeighborBits | kLive);
  }
  // plain(), and with a tag.
  bool plain_tagged() const {
    constexpr uint64_t kMask = kKindMask | kLive | kTagged | kPolicerMask | kClampMss;
    return (words_[2] & kMask) == (kNeighborBits | kLive | kTagged);
  }
  // Ordinary packets may go into the tunnel: live, without a policer, and in clear.
  bool plain_tunnel() const {
    return (words_[2] & (kKindMask | kLive | kPolicerMask | kEsp)) == (kTunnelBits | kLive);
  }
  // The same of a tunnel whose packets are encrypted.
  bool plain_esp() const {
    return (words_[2] & (kKindMask | kLive | kPolicerMask | kEsp)) == (kTunnelBits | kLive | kEsp);
  }
  // Only of kTunnel.
  bool esp() const { return (words_[2] & kEsp) != 0; }
  bool live() const { return (words_[2] & kLive) != 0; }
  bool resolvable() const { return (words_[2] & kResolvable) != 0; }
  bool clamps_mss() const { return (words_[2] & kClampMss) != 0; }
  bool tagged() const { return (words_[2] & kTagged) != 0; }
  InterfaceId interface() const { return static_cast<InterfaceId>(words_[2]); }
  uint16_t mtu() const { return static_cast<uint16_t>(words_[2] >> 16); }
  PolicerId policer_out() const { return static_cast<uint16_t>(words_[2] >> 32); }
  PortId port() const { return static_cast<uint8_t>(words_[2] >> 48); }
  // 16 bytes: destination MAC, source MAC, 802.1Q tag (not valid unless tagged()).
  // Only of a live adjacency.
  const uint64_t* Rewrite() const { return words_; }
  // 16 bytes, network byte order, IPv4 in the first four: whom to resolve. Only
  // of a resolvable kNeighbor that is not live; it lies where the rewrite will be.
  const uint64_t* NextHop() const { return words_; }
  // Only of kTunnel, live or not.
  TunnelHop Hop() const { return __builtin_bit_cast(TunnelHop, HopWords{words_[0], words_[1]}); }

 private:
  friend class AdjacencyTable;
  static constexpr unsigned kKindShift = 56;
  static constexpr uint64_t kKindMask = uint64_t{0xf} << kKindShift;
  static constexpr uint64_t kNeighborBits = uint64_t{static_cast<uint8_t>(AdjacencyKind::kNeighbor)}
                                            << kKindShift;
  static constexpr uint64_t kTunnelBits = uint64_t{static_cast<uint8_t>(AdjacencyKind::kTunnel)}
                                          << kKindShift;
  static constexpr uint64_t kPolicerMask = uint64_t{0xffff} << 32;
  static constexpr uint64_t kLive = uint64_t{1} << 60;
  static constexpr uint64_t kTagged = uint64_t{1} << 61;
  static constexpr uint64_t kEsp = kTagged;  // of a tunnel, which has no tag of its own
  static constexpr uint64_t kResolvable = uint64_t{1} << 62;
  static constexpr uint64_t kClampMss = uint64_t{1} << 63;

  struct HopWords {
    uint64_t first, second;
  };

  uint64_t kind_bits() const { return words_[2] >> kKindShift & 0xf; }

  uint64_t words_[3];
};

// What ordinary packets need of a tunnel over IPv4, in 16 bytes: a virtual network has
// a hundred thousand of these adjacencies, and a cache line for each is more than the
// last-level cache of a core holds.
class TunnelWay {
 public:
  // Else AdjacencySnapshot knows.
  bool usable() const { return (second_ & kUsable) != 0; }
  InterfaceId interface() const { return static_cast<InterfaceId>(first_ >> 48); }
  uint16_t mtu() const { return static_cast<uint16_t>(second_ >> 32); }
  // The words of a TunnelHop, without the number of the remote.
  uint64_t hop_first() const { return first_; }
  uint64_t hop_second() const { return second_ & 0xffffffff; }

 private:
  friend class AdjacencyTable;
  static constexpr uint64_t kUsable = uint64_t{1} << 48;

  uint64_t first_ = 0;   // destination of the inner frame, interface
  uint64_t second_ = 0;  // far end in network byte order, MTU, kUsable
};

class AdjacencyTable {
 public:
  AdjacencyTable(const TableLimits& limits, Retirement& retirement);

  // Ids that control never uses: the adjacency of our own addresses, and one
  // per learned neighbour.
  AdjacencyId local() const { return local_; }
  uint32_t size() const { return size_; }
  bool IsControls(AdjacencyId id) const { return id != kNoAdjacency && id <= control_max_; }

  // What a worker reads, for the time of a burst: a copy that no store can be
  // suspected of changing.
  class Reader;
  Reader reader() const;
  // Any reader, one by one.
  AdjacencySnapshot Load(AdjacencyId id) const;

  // Writer. Creates the adjacency or changes it in place.
  WriteResult Put(AdjacencyId id, const Adjacency& adjacency);
  // Writer. The id's packets are dropped from now on.
  WriteResult Remove(AdjacencyId id);
  // Writer. An id for a learned neighbour; kNoAdjacency when there is none left.
  // Release() takes it back after a grace period.
  AdjacencyId Allocate();
  void Release(AdjacencyId id);

  // Writer; null when there is no such adjacency.
  const Adjacency* Describe(AdjacencyId id) const;
  uint32_t control_used() const { return control_used_; }

 private:
  struct alignas(64) Entry {
    std::atomic<uint32_t> version{0};  // its lowest bit says which slot holds
    std::atomic<uint64_t> slots[2][3]{};
  };
  static_assert(sizeof(Entry) == 64);

  // Changed and read as a whole: aligned vector moves of 16 bytes are one access on
  // every processor with AVX (AMD64 manual volume 2, 7.3.2; Intel's volume 3, 9.1.1),
  // for which std::atomic would call a library.
  struct alignas(16) WayCell {
    TunnelWay way;

    TunnelWay Load() const {
      __m128i words;
      asm volatile("vmovdqa %1, %0" : "=x"(words) : "m"(*this));
      return __builtin_bit_cast(TunnelWay, words);
    }
    void Store(const TunnelWay& value) {
      const auto words = __builtin_bit_cast(__m128i, value);
      asm volatile("vmovdqa %1, %0" : "=m"(*this) : "x"(words));
    }
  };
  static_assert(sizeof(WayCell) == 16);

  void Store(AdjacencyId id, const AdjacencySnapshot& snapshot);
  static TunnelWay WayOf(const AdjacencySnapshot& snapshot);

  const uint32_t control_max_;
  const uint32_t size_;
  const AdjacencyId local_;
  Retirement& retirement_;
  uint32_t control_used_ = 0;
  std::unique_ptr<Entry[]> entries_;
  std::unique_ptr<WayCell[]> ways_;
  std::vector<std::optional<Adjacency>> described_;
  std::vector<AdjacencyId> free_;
};

class AdjacencyTable::Reader {
 public:
  // `id` must come out of these tables. Lock-free: it starts again only when the
  // writer changed this very entry meanwhile.
  AdjacencySnapshot Load(AdjacencyId id) const {
    const Entry& entry = entries_[id];
    AdjacencySnapshot snapshot;
    uint32_t version = entry.version.load(std::memory_order_acquire);
    while (true) {
      const auto& slot = entry.slots[version & 1];
      // Written out: as a loop it goes through memory.
      snapshot.words_[0] = slot[0].load(std::memory_order_acquire);
      snapshot.words_[1] = slot[1].load(std::memory_order_acquire);
      snapshot.words_[2] = slot[2].load(std::memory_order_acquire);
      const uint32_t now = entry.version.load(std::memory_order_acquire);
      if (__builtin_expect(now == version, 1)) return snapshot;
      version = now;
    }
  }
  void Prefetch(AdjacencyId id) const { __builtin_prefetch(&entries_[id]); }
  TunnelWay LoadWay(AdjacencyId id) const { return ways_[id].Load(); }
  void PrefetchWay(AdjacencyId id) const { __builtin_prefetch(&ways_[id]); }

 private:
  friend class AdjacencyTable;
  Reader(const Entry* entries, const WayCell* ways) : entries_(entries), ways_(ways) {}

  const Entry* entries_;
  const WayCell* ways_;
};

inline AdjacencyTable::Reader AdjacencyTable::reader() const {
  return {entries_.get(), ways_.get()};
}
inline AdjacencySnapshot AdjacencyTable::Load(AdjacencyId id) const {
  return reader().Load(id);
}

}  // namespace sluice::dataplane
