// Mapped memfds: made and sealed by the dataplane, checked and mapped by control.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "proto/channel/file_descriptor.h"
#include "proto/channel/layout.h"

namespace sluice::channel {

// A mapping that ends with the object.
class Mapping {
 public:
  Mapping() = default;
  Mapping(std::byte* start, uint64_t bytes) : start_(start), bytes_(bytes) {}
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  std::byte* start() const { return start_; }
  uint64_t bytes() const { return bytes_; }

 private:
  std::byte* start_ = nullptr;
  uint64_t bytes_ = 0;
};

// The dataplane's side. Zeroed, sealed against shrinking and growing, excluded
// from core dumps (records may carry keys). The counters are a memfd of their own,
// sealed against every writer but this mapping: whoever gets the descriptor reads.
class ChannelMemory {
 public:
  // `instance` goes into the header. Internal when the system refuses.
  static absl::StatusOr<ChannelMemory> Create(const ChannelSizes& sizes, uint64_t instance);

  // Of what both processes write, and of the counters.
  int fd() const { return fd_.get(); }
  int counters_fd() const { return counters_fd_.get(); }
  const LayoutHeader& layout() const { return layout_; }
  RingMemory Ring(SectionIndex section) const { return RingAt(layout_, section, mapping_.start()); }
  Progress& progress() const { return ProgressAt(layout_, mapping_.start()); }
  CounterLayout counter_layout() const { return CounterLayout(layout_.counters); }
  // First byte of the counter section, for the workers.
  std::byte* counter_section() const { return counters_.start(); }
  CounterReader counters() const { return CounterReader(counter_layout(), counter_section()); }

  // Empties a ring for a new attachment. Neither end may be in use in this process.
  void ResetRing(SectionIndex section) const;

 private:
  struct Area {
    FileDescriptor fd;
    Mapping mapping;
  };
  static absl::StatusOr<Area> CreateArea(const char* name, uint64_t bytes, int seals);
  ChannelMemory(Area rings, Area counters, const LayoutHeader& layout)
      : fd_(std::move(rings.fd)),
        counters_fd_(std::move(counters.fd)),
        mapping_(std::move(rings.mapping)),
        counters_(std::move(counters.mapping)),
        layout_(layout) {}

  FileDescriptor fd_, counters_fd_;
  Mapping mapping_, counters_;
  LayoutHeader layout_;  // our own; the shared copy is for control only
};

// Control's side: rings writable, counters read-only.
class AttachedMemory {
 public:
  // Refuses memory that is not sealed or whose header does not add up.
  static absl::StatusOr<AttachedMemory> Map(const FileDescriptor& fd, const FileDescriptor& counters_fd);

  const LayoutHeader& layout() const { return layout_; }
  RingMemory Ring(SectionIndex section) const { return RingAt(layout_, section, rings_.start()); }
  Progress& progress() const { return ProgressAt(layout_, rings_.start()); }
  CounterReader counters() const { return CounterReader(CounterLayout(layout_.counters), counters_.start()); }

 private:
  AttachedMemory(Mapping rings, Mapping counters, const LayoutHeader& layout)
      : rings_(std::move(rings)), counters_(std::move(counters)), layout_(layout) {}

  Mapping rings_;  // everything in front of the counters
  Mapping counters_;
  LayoutHeader layout_;
};

}  // namespace sluice::channel
