// How the channel's shared memory is divided: one header page, the rings and the
// progress words; then, in an area of their own that nobody but the dataplane can
// write, the counters. The dataplane writes the header once before it hands the
// memory over; the attaching side checks a copy of it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/channel/counters.h"
#include "proto/channel/ring.h"

namespace sluice::channel {

inline constexpr uint64_t kLayoutMagic = 0x314843454349554c;  // "LUICECH1" in memory
inline constexpr uint32_t kLayoutVersion = 3;
inline constexpr uint64_t kSectionAlignment = 4096;

enum SectionIndex : uint32_t {
  kUpdateRing,   // control -> agent: records.h
  kRefusalRing,  // agent -> control: Refusal
  kPuntRing,     // slow path -> control: PuntRecord and packet
  kInjectRing,   // control -> slow path: InjectRecord and packet
  kProgress,     // Progress
  kCounters,     // CounterLayout; all of the second area
  kSectionCount,
};

struct Section {
  uint64_t offset;  // from the start of the first area, in bytes; the second follows it
  uint64_t bytes;
};

struct LayoutHeader {
  uint64_t magic;
  uint32_t layout_version;
  uint32_t record_version;
  uint64_t instance;  // of the dataplane; changes when it restarts
  uint64_t bytes;     // of both areas
  CounterGeometry counters;
  Section sections[kSectionCount];
};
static_assert(offsetof(LayoutHeader, counters) == 32 && offsetof(LayoutHeader, sections) == 64);
static_assert(sizeof(LayoutHeader) == 160);

// The agent's acknowledgement. A record counts as applied when it was either
// published to the workers or refused; its refusal is in the ring before that.
struct Progress {
  alignas(64) std::atomic<uint64_t> applied_sequence;  // by the agent
  // By control: ring my doorbell once this is applied; 0 = I am awake.
  alignas(64) std::atomic<uint64_t> wake_at_sequence;
};
static_assert(sizeof(Progress) == 128);

// Sizes of the rings; powers of two. The update ring is shallow on purpose: an
// urgent record waits for what is ahead of it, about 1 ms of routes.
struct ChannelSizes {
  uint64_t update_ring_bytes = 64 << 10;
  uint64_t refusal_ring_bytes = 64 << 10;
  uint64_t punt_ring_bytes = 1 << 20;
  uint64_t inject_ring_bytes = 1 << 20;
  CounterGeometry counters;
};

// A header for these sizes. Sizes that are not powers of two, or below 32 KiB,
// are a mistake of ours.
LayoutHeader MakeLayout(const ChannelSizes& sizes, uint64_t instance);

// Checks a *copy* of a header against the size of the memory it came from.
// FailedPrecondition for another version, InvalidArgument for nonsense.
absl::Status CheckLayout(const LayoutHeader& header, uint64_t memory_bytes);

// The ring in `section` of a checked layout; `base` is the memory's first byte.
RingMemory RingAt(const LayoutHeader& header, SectionIndex section, std::byte* base);
Progress& ProgressAt(const LayoutHeader& header, std::byte* base);

}  // namespace sluice::channel
