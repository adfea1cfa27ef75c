// Whose tunnel a packet belongs to: (kind, local, remote, key) -> interface. One
// load of a cache line decides an IPv4 packet, at a hundred tunnels as at ten
// thousand; what is not in here is nobody's and is dropped.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/tables/ids.h"
#include "dataplane/tables/retirement.h"
#include "dataplane/tables/table_limits.h"
#include "dataplane/tables/write_result.h"
#include "proto/channel/records.h"
#include "proto/net/address.h"

namespace sluice::dataplane {

using channel::TunnelKind;

// What tells tunnels of one kind apart beside addresses and key.
struct TunnelSelector {
  TunnelKind kind = TunnelKind::kGre;
  bool has_key = false;   // kGre; the others always have one
  uint16_t udp_port = 0;  // kVxlan: destination port, host byte order

  uint32_t Word() const {
    return static_cast<uint32_t>(kind) | uint32_t{has_key} << 8 | uint32_t{udp_port} << 16;
  }
};

// As seen by the receiver, in host byte order. `key` is the GRE key, VNI or VSID.
struct TerminationKey4 {
  static constexpr unsigned kWords = 2;
  uint64_t words[kWords];

  static TerminationKey4 Of(uint32_t local, uint32_t remote, TunnelSelector selector, uint32_t key) {
    return {{uint64_t{remote} << 32 | local, uint64_t{selector.Word()} << 32 | key}};
  }
};
struct TerminationKey6 {
  static constexpr unsigned kWords = 5;
  uint64_t words[kWords];

  static TerminationKey6 Of(const net::Ipv6Address& local, const net::Ipv6Address& remote,
                            TunnelSelector selector, uint32_t key) {
    return {{local.High(), local.Low(), remote.High(), remote.Low(), uint64_t{selector.Word()} << 32 | key}};
  }
};

template <class Key>
class TerminationMap {
  static constexpr unsigned kSlots = Key::kWords == 2 ? 3 : 2;

 public:
  // `retirement` must outlive the map. Grows to `entries_max`.
  TerminationMap(uint32_t entries_max, Retirement& retirement);
  // No reader may be left.
  ~TerminationMap();
  TerminationMap(const TerminationMap&) = delete;
  TerminationMap& operator=(const TerminationMap&) = delete;

  // --- Readers ---
  static uint32_t Hash(const Key& key) {
    uint64_t hash = 0;
    for (const uint64_t word : key.words) hash = (hash ^ hash >> 32 ^ word) * 0x9e3779b97f4a7c15u;
    return static_cast<uint32_t>(hash >> 32);
  }
  void Prefetch(uint32_t hash) const {
    const Table& table = *table_.load(std::memory_order_acquire);
    __builtin_prefetch(&table.buckets[hash & table.mask]);
  }
  // kNoInterface: nobody's.
  InterfaceId Find(const Key& key, uint32_t hash) const {
    const Table& table = *table_.load(std::memory_order_acquire);
    for (uint32_t at = hash & table.mask;; at = (at + 1) & table.mask) {
      bool passed_by = false;
      const InterfaceId found = table.buckets[at].Read(key, &passed_by);
      if (__builtin_expect(found != kNoInterface || !passed_by, 1)) return found;
    }
  }
  InterfaceId Find(const Key& key) const { return Find(key, Hash(key)); }

  // --- The writer ---
  // kConflict when another interface has the key; kLimit.
  WriteResult Add(const Key& key, InterfaceId interface);
  // What Add would say after `gives_way` is gone; nothing changes.
  WriteResult Check(const Key& key, InterfaceId interface, InterfaceId gives_way = kNoInterface) const;
  WriteResult Remove(const Key& key);
  uint32_t used() const { return used_; }

 private:
  // The writer changes a bucket in place; `version` is odd meanwhile. Each store is
  // ordered after that (release), each load before the second look (acquire).
  struct alignas(64) Bucket {
    std::atomic<uint32_t> version{0};
    std::atomic<uint16_t> passed_by{0};  // entries that found it full, or went by
    std::atomic<InterfaceId> interface[kSlots] {};
    std::atomic<uint64_t> words[kSlots][Key::kWords]{};

    InterfaceId Read(const Key& key, bool* went_by) const;
    // kSlots when it is not there; with kNoInterface a free slot.
    unsigned SlotOf(const Key* key) const;
    void Write(unsigned slot, const Key& key, InterfaceId value);
    void PassBy(int by);
  };
  static_assert(sizeof(Bucket) == (Key::kWords == 2 ? 64 : 128));
  struct Table {
    uint32_t mask = 0;
    std::unique_ptr<Bucket[]> buckets;
  };

  static std::unique_ptr<Table> NewTable(uint32_t buckets);
  static void Insert(Table& table, const Key& key, InterfaceId interface);
  void Grow();

  const uint32_t limit_;
  uint32_t used_ = 0;
  Retirement& retirement_;
  std::atomic<const Table*> table_;
  std::unique_ptr<Table> owned_;  // what table_ points to
};

template <class Key>
inline InterfaceId TerminationMap<Key>::Bucket::Read(const Key& key, bool* went_by) const {
  while (true) {
    const uint32_t before = version.load(std::memory_order_acquire);
    InterfaceId found = kNoInterface;
    for (unsigned slot = 0; slot < kSlots; ++slot) {
      const InterfaceId value = interface[slot].load(std::memory_order_acquire);
      uint64_t differs = 0;
      for (unsigned word = 0; word < Key::kWords; ++word)
        differs |= words[slot][word].load(std::memory_order_acquire) ^ key.words[word];
      if (differs == 0 && value != kNoInterface) found = value;
    }
    *went_by = passed_by.load(std::memory_order_acquire) != 0;
    if (__builtin_expect((before & 1) == 0 && version.load(std::memory_order_relaxed) == before, 1))
      return found;
  }
}

using TerminationMap4 = TerminationMap<TerminationKey4>;
using TerminationMap6 = TerminationMap<TerminationKey6>;
extern template class TerminationMap<TerminationKey4>;
extern template class TerminationMap<TerminationKey6>;

}  // namespace sluice::dataplane
