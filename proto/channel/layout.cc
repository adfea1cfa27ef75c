// Division of the shared memory and the check of somebody else's division.
#include "proto/channel/layout.h"

#include <bit>
#include <new>

#include "absl/strings/str_format.h"
#include "proto/channel/records.h"
#include "proto/net/check.h"

namespace sluice::channel {
namespace {

// The indices have a page of their own in front of a ring's bytes.
constexpr uint64_t kRingBytesMin = 32 << 10;
constexpr uint64_t kRingBytesMax = uint64_t{1} << 30;

bool IsRingSize(uint64_t bytes) {
  return std::has_single_bit(bytes) && bytes >= kRingBytesMin && bytes <= kRingBytesMax;
}

uint64_t RingSectionBytes(uint64_t capacity) {
  SLUICE_CHECK(IsRingSize(capacity));
  return kSectionAlignment + capacity;
}

absl::Status Bad(const char* what) {
  return absl::InvalidArgumentError(absl::StrFormat("channel memory: %s", what));
}

}  // namespace

LayoutHeader MakeLayout(const ChannelSizes& sizes, uint64_t instance) {
  LayoutHeader header{};
  header.magic = kLayoutMagic;
  header.layout_version = kLayoutVersion;
  header.record_version = kRecordVersion;
  header.instance = instance;
  header.counters = sizes.counters;
  const uint64_t bytes[kSectionCount] = {
      RingSectionBytes(sizes.update_ring_bytes),
      RingSectionBytes(sizes.refusal_ring_bytes),
      RingSectionBytes(sizes.punt_ring_bytes),
      RingSectionBytes(sizes.inject_ring_bytes),
      kSectionAlignment,
      CounterLayout(sizes.counters).total_bytes(),
  };
  uint64_t at = kSectionAlignment;
  for (uint32_t i = 0; i < kSectionCount; ++i) {
    header.sections[i] = {at, bytes[i]};
    at += bytes[i];
  }
  header.bytes = at;
  return header;
}

absl::Status CheckLayout(const LayoutHeader& header, uint64_t memory_bytes) {
  if (header.magic != kLayoutMagic) return Bad("no header of ours");
  if (header.layout_version != kLayoutVersion || header.record_version != kRecordVersion)
    return absl::FailedPreconditionError(
        absl::StrFormat("the dataplane speaks channel layout %u and records %u, this program %u and %u",
                        header.layout_version, header.record_version, kLayoutVersion, kRecordVersion));
  if (header.bytes != memory_bytes) return Bad("size differs from its header's");
  uint64_t at = kSectionAlignment;
  for (const Section& section : header.sections) {
    // In order, without gaps and inside: then none overlaps another.
    if (section.offset != at || section.bytes > memory_bytes - at || section.bytes % kSectionAlignment != 0)
      return Bad("sections do not fit");
    at += section.bytes;
  }
  if (at != memory_bytes) return Bad("sections do not fill it");
  for (const SectionIndex ring : {kUpdateRing, kRefusalRing, kPuntRing, kInjectRing}) {
    if (header.sections[ring].bytes < kSectionAlignment ||
        !IsRingSize(header.sections[ring].bytes - kSectionAlignment))
      return Bad("ring size");
  }
  if (header.sections[kProgress].bytes < sizeof(Progress)) return Bad("progress section");
  if (!CounterLayout::Plausible(header.counters) ||
      CounterLayout(header.counters).total_bytes() != header.sections[kCounters].bytes)
    return Bad("counter section");
  return absl::OkStatus();
}

RingMemory RingAt(const LayoutHeader& header, SectionIndex section, std::byte* base) {
  std::byte* start = base + header.sections[section].offset;
  return {std::launder(reinterpret_cast<RingIndices*>(start)), start + kSectionAlignment,
          header.sections[section].bytes - kSectionAlignment};
}

Progress& ProgressAt(const LayoutHeader& header, std::byte* base) {
  return *std::launder(reinterpret_cast<Progress*>(base + header.sections[kProgress].offset));
}

}  // namespace sluice::channel
