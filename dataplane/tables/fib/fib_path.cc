// Reading the RIB and the buckets: where a prefix is, the longest match, dumps.
#include <algorithm>

#include "dataplane/tables/fib/fib.h"

namespace sluice::dataplane {

using fib::BlockRef;
using fib::kStride;
using fib::RibNode;
using fib::Word;

template <class Family>
typename Fib<Family>::Path Fib<Family>::Descend(const Address& address, uint8_t length) const {
  Path path;
  path.target = (length - 1u) / kStride;
  path.length = length - path.target * kStride;
  path.slot = Family::Slot(address, path.target * kStride);
  path.known = 0;
  path.words[0] = root_word_;
  path.inherited[0] = 0;
  path.cover = 0;
  path.group = 0;
  path.tag = 0;
  for (BlockRef ref = rib_; ref != 0;) {
    const unsigned level = path.known++;
    path.nodes[level] = ref;
    auto* node = pool_.rib_.template At<RibNode>(ref);
    if (level == path.target) {
      node->Longest(path.slot, path.length - 1, &path.cover);
      if (const uint32_t* word = node->Find(path.length, path.slot)) {
        path.group = fib::GroupOf(*word);
        path.tag = fib::TagOf(*word);
      }
      return path;
    }
    const unsigned slot = Family::Slot(address, level * kStride);
    node->Longest(slot, kStride, &path.cover);
    ref = node->HasChild(slot) ? node->Child(slot) : 0;
    path.words[path.known] = SlotWord(pool_.lookup_, path.words[level], slot);
    path.inherited[path.known] = path.cover;
  }
  if (fib::IsBucket(path.words[path.known])) FindInBucket(address, length, &path);
  return path;
}

template <class Family>
void Fib<Family>::FindInBucket(const Address& address, uint8_t length, Path* path) const {
  const Bucket& bucket = *BucketAt(path->words[path->known]);
  const unsigned depth = path->known * kStride;
  const unsigned count = bucket.count();
  for (unsigned i = 0; i < count; ++i) {
    if (depth + Bucket::kRestBits - static_cast<unsigned>(bucket.shifts[i]) != length) continue;
    if (bucket.keys(count)[i] != Family::RestAt(address, depth)) continue;
    path->bucket_route = i;
    path->group = fib::GroupOf(bucket.words()[i]);
    path->tag = fib::TagOf(bucket.words()[i]);
  }
}

template <class Family>
NextHopGroupId Fib<Family>::Find(const Address& address, uint8_t length) const {
  if (length > Family::kBits || Family::Masked(address, length) != address) return 0;
  if (length == 0) return view_.default_group.load(std::memory_order_relaxed);
  return Descend(address, length).group;
}

template <class Family>
RouteValue Fib<Family>::FindValue(const Address& address, uint8_t length) const {
  if (length > Family::kBits || Family::Masked(address, length) != address) return {};
  if (length == 0) return {view_.default_group.load(std::memory_order_relaxed), default_tag_};
  const Path path = Descend(address, length);
  return {path.group, path.tag};
}

template <class Family>
std::optional<Route<Family>> Fib<Family>::LongestMatch(const Address& address) const {
  Route<Family> best{{}, 0, view_.default_group.load(std::memory_order_relaxed)};
  Word word = root_word_;
  unsigned depth = 0;
  for (BlockRef ref = rib_; ref != 0; depth += kStride) {
    const auto* node = pool_.rib_.template At<RibNode>(ref);
    const unsigned slot = Family::Slot(address, depth);
    if (const unsigned length = node->Longest(slot, kStride, &best.group); length != 0)
      best.length = static_cast<uint8_t>(depth + length);
    ref = node->HasChild(slot) ? node->Child(slot) : 0;
    word = SlotWord(pool_.lookup_, word, slot);
  }
  if (fib::IsBucket(word)) {
    const Bucket& bucket = *BucketAt(word);
    const Word* answer = bucket.Match(Family::RestAt(address, depth));
    if (answer != &bucket.cover) {
      const auto shift = static_cast<unsigned>(bucket.shifts[answer - bucket.words()]);
      best.length = static_cast<uint8_t>(depth + Bucket::kRestBits - shift);
      best.group = fib::GroupOf(*answer);
    }
  }
  if (best.group == 0) return std::nullopt;
  best.address = Family::Masked(address, best.length);
  return best;
}

template <class Family>
bool Fib<Family>::VisitBucket(Word word, unsigned depth, const Address& base, const Route<Family>& first,
                              Visitor visitor) const {
  Routes routes;
  routes.InsertAll(*BucketAt(word), base, depth);
  // By length they are sorted already.
  std::array<Route<Family>, fib::kBucketRoutes> sorted;
  unsigned count = 0;
  for (const auto& route : routes) {
    unsigned at = count++;
    for (; at > 0 && sorted[at - 1].address > route.address; --at) sorted[at] = sorted[at - 1];
    sorted[at] = {route.address, static_cast<uint8_t>(route.length), fib::GroupOf(route.word),
                  fib::TagOf(route.word)};
  }
  for (unsigned i = 0; i < count; ++i) {
    if (std::pair(sorted[i].address, sorted[i].length) < std::pair(first.address, first.length)) continue;
    if (!visitor(sorted[i])) return false;
  }
  return true;
}

template <class Family>
bool Fib<Family>::VisitNode(BlockRef ref, Word word, unsigned depth, const Address& base,
                            const Route<Family>& first, Visitor visitor) const {
  auto* node = pool_.rib_.template At<RibNode>(ref);
  fib::Slots slots;
  Expand(pool_.lookup_, word, &slots);
  const unsigned below = std::min(depth + kStride, Family::kBits);
  for (unsigned slot = 0; slot < fib::kSlots; ++slot) {
    const Address here = Family::WithSlot(base, depth, slot);
    // All that is left of this slot and below sorts before `first`.
    if (Family::Masked(first.address, below) > here) continue;
    for (unsigned length = 1; length <= kStride; ++length) {
      if ((slot & (fib::kSlots - 1) >> length) != 0) continue;
      const uint32_t* route = node->Find(length, slot);
      if (route == nullptr) continue;
      const auto bits = static_cast<uint8_t>(depth + length);
      if (std::pair(here, bits) < std::pair(first.address, first.length)) continue;
      if (!visitor({here, bits, fib::GroupOf(*route), fib::TagOf(*route)})) return false;
    }
    if (node->HasChild(slot)) {
      if (!VisitNode(node->Child(slot), slots[slot], below, here, first, visitor)) return false;
    } else if (fib::IsBucket(slots[slot]) && !VisitBucket(slots[slot], below, here, first, visitor)) {
      return false;
    }
  }
  return true;
}

template <class Family>
void Fib<Family>::VisitFrom(const Address& first, uint8_t first_length, Visitor visitor) const {
  const NextHopGroupId fallback = view_.default_group.load(std::memory_order_relaxed);
  if (fallback != 0 && first_length == 0 && first == Address{} && !visitor({{}, 0, fallback, default_tag_}))
    return;
  const Route<Family> from{first, first_length, 0, 0};
  if (rib_ != 0) VisitNode(rib_, root_word_, 0, {}, from, visitor);
  if (fib::IsBucket(root_word_)) VisitBucket(root_word_, 0, {}, from, visitor);
}

template class Fib<fib::Ipv4>;
template class Fib<fib::Ipv6>;

}  // namespace sluice::dataplane
