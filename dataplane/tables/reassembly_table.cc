// Reassembly: fragments are copied to their place as they come, and a sorted list
// of what is there finds the overlaps.
#include "dataplane/tables/reassembly_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

constexpr uint8_t kEcnNotCapable = 0, kEcnCongestion = 3;

// Folded multiplication: every bit of both factors reaches every bit of the result.
uint64_t Mix(uint64_t a, uint64_t b) {
  __extension__ using Product = unsigned __int128;
  const Product product = static_cast<Product>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t HashBytes(const uint8_t* bytes, size_t words, uint64_t seed) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
  uint64_t hash = seed ^ kOdd;
  for (size_t i = 0; i < words; ++i) {
    uint64_t word;
    std::memcpy(&word, bytes + i * sizeof word, sizeof word);
    hash = Mix(hash ^ word, kOdd ^ (seed << 1 | 1));
  }
  return Mix(hash, kOdd);
}

}  // namespace

ReassemblyTable::ReassemblyTable(const ReassemblyOptions& options)
    : options_(options),
      datagrams_(options.datagrams),
      ranges_(size_t{options.datagrams} * options.fragments_per_datagram),
      chains_(std::bit_ceil(options.datagrams), kNone),
      tenants_(options.vrfs),
      sources_(std::bit_ceil(options.datagrams)) {
  SLUICE_CHECK(options.datagrams >= 1 && options.fragments_per_datagram >= 1);
  SLUICE_CHECK(options.datagrams_per_tenant >= 1 && options.datagrams_per_source >= 1);
  SLUICE_CHECK(options.datagram_bytes <= 65535 && options.fragments_per_datagram <= 65535);
  for (uint32_t index = options.datagrams; index-- > 0;) {
    datagrams_[index].chain_next = free_;
    free_ = index;
  }
}

uint64_t ReassemblyTable::Hash(const FragmentKey& key) const {
  uint8_t bytes[48] = {};
  std::memcpy(bytes, &key, sizeof key);
  return HashBytes(bytes, sizeof bytes / 8, options_.seed);
}

ReassemblyTable::List& ReassemblyTable::SourceOf(const FragmentKey& key) {
  uint8_t bytes[24] = {};
  std::memcpy(bytes, key.source.data(), key.source.size());
  std::memcpy(bytes + key.source.size(), &key.vrf, sizeof key.vrf);
  return sources_[HashBytes(bytes, sizeof bytes / 8, ~options_.seed) & (sources_.size() - 1)];
}

void ReassemblyTable::Append(List& list, Links Datagram::*links, uint32_t index) {
  datagrams_[index].*links = {list.tail, kNone};
  (list.tail == kNone ? list.head : (datagrams_[list.tail].*links).next) = index;
  list.tail = index;
  ++list.count;
}

void ReassemblyTable::Unlink(List& list, Links Datagram::*links, uint32_t index) {
  const Links own = datagrams_[index].*links;
  (own.previous == kNone ? list.head : (datagrams_[own.previous].*links).next) = own.next;
  (own.next == kNone ? list.tail : (datagrams_[own.next].*links).previous) = own.previous;
  --list.count;
}

uint32_t ReassemblyTable::Find(const FragmentKey& key, uint64_t hash) const {
  uint32_t index = chains_[hash & (chains_.size() - 1)];
  while (index != kNone && !(datagrams_[index].hash == hash && datagrams_[index].key == key))
    index = datagrams_[index].chain_next;
  return index;
}

uint32_t ReassemblyTable::Begin(const FragmentKey& key, uint64_t hash, uint64_t now, Buffer buffer) {
  const uint32_t index = free_;
  SLUICE_CHECK(index != kNone);  // MakeRoom saw to it
  Datagram& datagram = datagrams_[index];
  free_ = datagram.chain_next;
  uint32_t& chain = chains_[hash & (chains_.size() - 1)];
  datagram = {.key = key,
              .hash = hash,
              .expires_at = now + options_.timeout_ticks,
              .buffer = buffer,
              .by_age = {},
              .by_tenant = {},
              .by_source = {},
              .chain_next = chain,
              .fragments = 0,
              .header_bytes = 0,
              .first_bytes = 0,
              .payload_bytes = 0,
              .total_bytes = 0,
              .ecn_seen = 0,
              .condemned = DropReason::kNone};
  chain = index;
  Append(by_age_, &Datagram::by_age, index);
  Append(TenantOf(key), &Datagram::by_tenant, index);
  Append(SourceOf(key), &Datagram::by_source, index);
  held_.store(by_age_.count, std::memory_order_relaxed);
  return index;
}

void ReassemblyTable::Remove(uint32_t index) {
  Datagram& datagram = datagrams_[index];
  uint32_t* link = &chains_[datagram.hash & (chains_.size() - 1)];
  while (*link != index) link = &datagrams_[*link].chain_next;
  *link = datagram.chain_next;
  Unlink(by_age_, &Datagram::by_age, index);
  Unlink(TenantOf(datagram.key), &Datagram::by_tenant, index);
  Unlink(SourceOf(datagram.key), &Datagram::by_source, index);
  held_.store(by_age_.count, std::memory_order_relaxed);
  datagram.chain_next = free_;
  free_ = index;
}

// Takes its buffer and its fragments from a datagram, which stays in the table.
ReassemblyTable::Discarded ReassemblyTable::Release(Datagram& datagram, DropReason reason) {
  Discarded discarded{.key = datagram.key,
                      .reason = datagram.buffer.owner == nullptr ? DropReason::kNone : reason,
                      .fragments = datagram.fragments,
                      .buffer = datagram.buffer,
                      .header_bytes = datagram.header_bytes,
                      .payload_bytes = datagram.first_bytes};
  datagram.buffer = {};
  datagram.fragments = 0;
  return discarded;
}

ReassemblyTable::Discarded ReassemblyTable::Evict(uint32_t index, DropReason reason) {
  const Discarded discarded = Release(datagrams_[index], reason);
  Remove(index);
  return discarded;
}

ReassemblyTable::Discarded ReassemblyTable::MakeRoom(const FragmentKey& key) {
  const List &source = SourceOf(key), &tenant = TenantOf(key);
  if (source.count >= options_.datagrams_per_source)
    return Evict(source.head, DropReason::kReassemblyPerSource);
  if (tenant.count >= options_.datagrams_per_tenant)
    return Evict(tenant.head, DropReason::kReassemblyPerTenant);
  if (by_age_.count >= options_.datagrams) return Evict(by_age_.head, DropReason::kReassemblyDatagrams);
  return {};
}

// Why the fragment does not go with the others of its datagram, or kNone and the
// place that it takes among them.
DropReason ReassemblyTable::Misfit(uint32_t index, const Fragment& fragment, uint32_t* place) {
  const Datagram& datagram = datagrams_[index];
  const Range* const ranges = RangesOf(index);
  const uint32_t begin = fragment.offset, end = begin + fragment.payload_bytes;
  // Mostly they come in order.
  uint32_t at = datagram.fragments;
  while (at > 0 && ranges[at - 1].begin >= begin) --at;
  const bool duplicate =
      at < datagram.fragments && ranges[at].begin == begin && ranges[at].end == end &&
      std::memcmp(datagram.buffer.payload + begin, fragment.payload, fragment.payload_bytes) == 0 &&
      fragment.more == (datagram.total_bytes == 0 || end < datagram.total_bytes);
  // RFC 5722 section 4, RFC 8200 section 4.5: an exact duplicate may be ignored.
  if (duplicate) return DropReason::kFragmentDuplicate;
  if (at > 0 && ranges[at - 1].end > begin) return DropReason::kFragmentOverlap;
  if (at < datagram.fragments && ranges[at].begin < end) return DropReason::kFragmentOverlap;
  // There is one end, and nothing is behind it.
  const bool behind = datagram.total_bytes != 0 && (!fragment.more || end > datagram.total_bytes);
  if (behind || (!fragment.more && at < datagram.fragments)) return DropReason::kFragmentOverlap;
  if (datagram.fragments >= options_.fragments_per_datagram) return DropReason::kReassemblyFragments;
  *place = at;
  return DropReason::kNone;
}

void ReassemblyTable::Insert(uint32_t index, uint32_t place, const Fragment& fragment) {
  Datagram& datagram = datagrams_[index];
  Range* const ranges = RangesOf(index);
  std::copy_backward(ranges + place, ranges + datagram.fragments, ranges + datagram.fragments + 1);
  const auto end = static_cast<uint16_t>(fragment.offset + fragment.payload_bytes);
  ranges[place] = {fragment.offset, end};
  ++datagram.fragments;
  std::memcpy(datagram.buffer.payload + fragment.offset, fragment.payload, fragment.payload_bytes);
  datagram.payload_bytes = static_cast<uint16_t>(datagram.payload_bytes + fragment.payload_bytes);
  datagram.ecn_seen |= static_cast<uint8_t>(1 << (fragment.ecn & 3));
  if (!fragment.more) datagram.total_bytes = end;
  if (fragment.offset != 0) return;
  std::memcpy(datagram.buffer.payload - fragment.header_bytes, fragment.header, fragment.header_bytes);
  datagram.header_bytes = fragment.header_bytes;
  datagram.first_bytes = fragment.payload_bytes;
}

// Every byte is there: without overlaps the sum says so.
void ReassemblyTable::Finish(uint32_t index, Outcome& outcome) {
  Datagram& datagram = datagrams_[index];
  DropReason wrong = DropReason::kNone;
  if (uint32_t{datagram.header_bytes} + datagram.payload_bytes > options_.datagram_bytes)
    wrong = DropReason::kFragmentTooLong;
  const bool congestion = (datagram.ecn_seen & 1 << kEcnCongestion) != 0;
  // RFC 3168 section 5.3: congestion must not be told to who cannot understand it,
  // and must not be hidden.
  if (congestion && (datagram.ecn_seen & 1 << kEcnNotCapable) != 0) wrong = DropReason::kTunnelEcn;
  if (wrong != DropReason::kNone) {
    outcome.verdict = Verdict::kRefused;
    outcome.reason = wrong;
    // The fragment just refused is counted by itself.
    --datagram.fragments;
    outcome.discarded = Evict(index, wrong);
    return;
  }
  outcome.verdict = Verdict::kComplete;
  outcome.header_bytes = datagram.header_bytes;
  outcome.payload_bytes = datagram.payload_bytes;
  outcome.congestion = congestion;
  Remove(index);
}

ReassemblyTable::Outcome ReassemblyTable::Offer(const Fragment& fragment, uint64_t hash, uint64_t now,
                                                Buffer buffer) {
  Outcome outcome;
  const auto refuse = [&](DropReason reason) -> Outcome& {
    outcome.verdict = Verdict::kRefused;
    outcome.reason = reason;
    return outcome;
  };
  const uint32_t bytes = uint32_t{fragment.header_bytes} + fragment.offset + fragment.payload_bytes;
  const bool too_long = bytes > options_.datagram_bytes || fragment.header_bytes > kFragmentHeaderBytesMax;
  uint32_t index = Find(fragment.key, hash);
  if (index == kNone) {
    if (too_long) return refuse(DropReason::kFragmentTooLong);
    if (buffer.owner == nullptr) {
      outcome.verdict = Verdict::kNeedsBuffer;
      return outcome;
    }
    outcome.discarded = MakeRoom(fragment.key);
    index = Begin(fragment.key, hash, now, buffer);
  }
  Datagram& datagram = datagrams_[index];
  if (datagram.condemned != DropReason::kNone) return refuse(datagram.condemned);
  uint32_t place = 0;
  const DropReason misfit = too_long ? DropReason::kFragmentTooLong : Misfit(index, fragment, &place);
  if (misfit == DropReason::kFragmentDuplicate) return refuse(misfit);
  if (misfit != DropReason::kNone) {
    datagram.condemned = misfit;
    outcome.discarded = Release(datagram, misfit);
    return refuse(misfit);
  }
  Insert(index, place, fragment);
  outcome.buffer = datagram.buffer;
  if (datagram.payload_bytes == datagram.total_bytes) Finish(index, outcome);
  return outcome;
}

std::optional<ReassemblyTable::Discarded> ReassemblyTable::Expire(uint64_t now) {
  const uint32_t oldest = by_age_.head;
  if (oldest == kNone || now < datagrams_[oldest].expires_at) return std::nullopt;
  return Evict(oldest, DropReason::kReassemblyTimeout);
}

}  // namespace sluice::dataplane
