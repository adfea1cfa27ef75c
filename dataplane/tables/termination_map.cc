// The writer's side of the termination map.
#include "dataplane/tables/termination_map.h"

#include <algorithm>
#include <bit>

#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

constexpr uint32_t kFirstBuckets = 64;
// On average per bucket: then one entry in fifteen or so lies in the next one.
constexpr double kFill = 1.25;

}  // namespace

template <class Key>
TerminationMap<Key>::TerminationMap(uint32_t entries_max, Retirement& retirement)
    : limit_(entries_max), retirement_(retirement), owned_(NewTable(kFirstBuckets)) {
  table_.store(owned_.get(), std::memory_order_release);
}

template <class Key>
TerminationMap<Key>::~TerminationMap() = default;

template <class Key>
std::unique_ptr<typename TerminationMap<Key>::Table> TerminationMap<Key>::NewTable(uint32_t buckets) {
  auto table = std::make_unique<Table>();
  table->mask = buckets - 1;
  table->buckets.reset(new Bucket[buckets]);
  return table;
}

template <class Key>
unsigned TerminationMap<Key>::Bucket::SlotOf(const Key* key) const {
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    const bool taken = interface[slot].load(std::memory_order_relaxed) != kNoInterface;
    if (taken != (key != nullptr)) continue;
    if (key == nullptr) return slot;
    bool same = true;
    for (unsigned word = 0; word < Key::kWords; ++word)
      same &= words[slot][word].load(std::memory_order_relaxed) == key->words[word];
    if (same) return slot;
  }
  return kSlots;
}

template <class Key>
void TerminationMap<Key>::Bucket::Write(unsigned slot, const Key& key, InterfaceId value) {
  const uint32_t before = version.load(std::memory_order_relaxed);
  version.store(before + 1, std::memory_order_relaxed);
  for (unsigned word = 0; word < Key::kWords; ++word)
    words[slot][word].store(key.words[word], std::memory_order_release);
  interface[slot].store(value, std::memory_order_release);
  version.store(before + 2, std::memory_order_release);
}

template <class Key>
void TerminationMap<Key>::Bucket::PassBy(int by) {
  passed_by.store(static_cast<uint16_t>(passed_by.load(std::memory_order_relaxed) + by),
                  std::memory_order_release);
}

template <class Key>
void TerminationMap<Key>::Insert(Table& table, const Key& key, InterfaceId interface) {
  uint32_t at = Hash(key) & table.mask;
  unsigned slot;
  // A reader goes on to the next bucket only once it is said that it must.
  for (; (slot = table.buckets[at].SlotOf(nullptr)) == kSlots; at = (at + 1) & table.mask)
    table.buckets[at].PassBy(1);
  table.buckets[at].Write(slot, key, interface);
}

template <class Key>
void TerminationMap<Key>::Grow() {
  std::unique_ptr<Table> larger = NewTable(2 * (owned_->mask + 1));
  for (uint32_t at = 0; at <= owned_->mask; ++at) {
    const Bucket& bucket = owned_->buckets[at];
    for (unsigned slot = 0; slot < kSlots; ++slot) {
      const InterfaceId interface = bucket.interface[slot].load(std::memory_order_relaxed);
      if (interface == kNoInterface) continue;
      Key key;
      for (unsigned word = 0; word < Key::kWords; ++word)
        key.words[word] = bucket.words[slot][word].load(std::memory_order_relaxed);
      Insert(*larger, key, interface);
    }
  }
  table_.store(larger.get(), std::memory_order_release);
  const Table* smaller = owned_.release();
  owned_ = std::move(larger);
  retirement_.Retire([smaller] { delete smaller; });
}

template <class Key>
WriteResult TerminationMap<Key>::Check(const Key& key, InterfaceId interface, InterfaceId gives_way) const {
  const InterfaceId holder = Find(key);
  if (holder == interface) return WriteResult::Accepted();
  if (holder == kNoInterface && used_ >= limit_)
    return WriteResult::AtLimit(channel::Limit::kTunnelTerminations, limit_);
  if (holder != kNoInterface && holder != gives_way)
    return WriteResult::Refused(channel::RefusalReason::kConflict, holder);
  return WriteResult::Accepted();
}

template <class Key>
WriteResult TerminationMap<Key>::Add(const Key& key, InterfaceId interface) {
  SLUICE_CHECK(interface != kNoInterface);
  if (const WriteResult checked = Check(key, interface); !checked.ok()) return checked;
  if (Find(key) == interface) return WriteResult::Accepted();
  if (used_ >= kFill * (owned_->mask + 1.0)) Grow();
  Insert(*owned_, key, interface);
  ++used_;
  return WriteResult::Accepted();
}

template <class Key>
WriteResult TerminationMap<Key>::Remove(const Key& key) {
  if (Find(key) == kNoInterface) return WriteResult::Refused(channel::RefusalReason::kNotFound);
  uint32_t at = Hash(key) & owned_->mask;
  unsigned slot;
  for (; (slot = owned_->buckets[at].SlotOf(&key)) == kSlots; at = (at + 1) & owned_->mask)
    owned_->buckets[at].PassBy(-1);
  owned_->buckets[at].Write(slot, Key{}, kNoInterface);
  --used_;
  return WriteResult::Accepted();
}

template class TerminationMap<TerminationKey4>;
template class TerminationMap<TerminationKey6>;

}  // namespace sluice::dataplane
