// memfd: creation, seals, mapping.
#include "proto/channel/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "absl/strings/str_format.h"
#include "proto/net/check.h"

namespace sluice::channel {
namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW;

absl::Status SystemRefused(const char* call) {
  return absl::InternalError(absl::StrFormat("channel memory: %s: %s", call, std::strerror(errno)));
}

absl::StatusOr<Mapping> MapShared(int fd, uint64_t bytes, int protection) {
  if (bytes == 0) return Mapping();
  void* start = mmap(nullptr, bytes, protection, MAP_SHARED, fd, 0);
  if (start == MAP_FAILED) return SystemRefused("mmap");
  Mapping mapping(static_cast<std::byte*>(start), bytes);
  if (madvise(start, bytes, MADV_DONTDUMP) != 0) return SystemRefused("madvise");
  return mapping;
}

absl::StatusOr<uint64_t> SealedSize(const FileDescriptor& fd) {
  const int seals = fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals)
    return absl::InvalidArgumentError("channel memory: not sealed against a change of size");
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return SystemRefused("fstat");
  return static_cast<uint64_t>(status.st_size);
}

}  // namespace

Mapping::Mapping(Mapping&& other) noexcept
    : start_(std::exchange(other.start_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(start_, other.start_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Mapping::~Mapping() {
  if (start_ != nullptr) munmap(start_, bytes_);
}

absl::StatusOr<ChannelMemory> ChannelMemory::Create(const ChannelSizes& sizes, uint64_t instance) {
  const LayoutHeader layout = MakeLayout(sizes, instance);
  const Section& counted = layout.sections[kCounters];
  auto rings = CreateArea("sluice-channel", counted.offset, kSeals);
  if (!rings.ok()) return rings.status();
  auto counters = CreateArea("sluice-counters", counted.bytes, kSeals | F_SEAL_FUTURE_WRITE);
  if (!counters.ok()) return counters.status();
  std::memcpy(rings->mapping.start(), &layout, sizeof layout);
  ChannelMemory memory(*std::move(rings), *std::move(counters), layout);
  for (const SectionIndex ring : {kUpdateRing, kRefusalRing, kPuntRing, kInjectRing}) memory.ResetRing(ring);
  new (memory.mapping_.start() + layout.sections[kProgress].offset) Progress{};
  return memory;
}

// Mapped before it is sealed: that may end all ways to write but this one.
absl::StatusOr<ChannelMemory::Area> ChannelMemory::CreateArea(const char* name, uint64_t bytes, int seals) {
  FileDescriptor fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return SystemRefused("memfd_create");
  if (ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) return SystemRefused("ftruncate");
  auto mapping = MapShared(fd.get(), bytes, PROT_READ | PROT_WRITE);
  if (!mapping.ok()) return mapping.status();
  if (fcntl(fd.get(), F_ADD_SEALS, seals | F_SEAL_SEAL) != 0) return SystemRefused("seals");
  return Area{std::move(fd), *std::move(mapping)};
}

void ChannelMemory::ResetRing(SectionIndex section) const {
  SLUICE_CHECK(section <= kInjectRing);
  new (mapping_.start() + layout_.sections[section].offset) RingIndices{};
}

absl::StatusOr<AttachedMemory> AttachedMemory::Map(const FileDescriptor& fd,
                                                   const FileDescriptor& counters_fd) {
  const auto ring_bytes = SealedSize(fd);
  if (!ring_bytes.ok()) return ring_bytes.status();
  const auto counter_bytes = SealedSize(counters_fd);
  if (!counter_bytes.ok()) return counter_bytes.status();
  if (*ring_bytes < kSectionAlignment) return absl::InvalidArgumentError("channel memory: too small");

  LayoutHeader layout;
  if (pread(fd.get(), &layout, sizeof layout, 0) != static_cast<ssize_t>(sizeof layout))
    return SystemRefused("read of the header");
  if (absl::Status status = CheckLayout(layout, *ring_bytes + *counter_bytes); !status.ok()) return status;
  const Section& counters = layout.sections[kCounters];
  if (counters.offset != *ring_bytes || counters.bytes != *counter_bytes)
    return absl::InvalidArgumentError("channel memory: its areas differ from its header's");
  auto rings = MapShared(fd.get(), *ring_bytes, PROT_READ | PROT_WRITE);
  if (!rings.ok()) return rings.status();
  auto counter_mapping = MapShared(counters_fd.get(), *counter_bytes, PROT_READ);
  if (!counter_mapping.ok()) return counter_mapping.status();
  return AttachedMemory(*std::move(rings), *std::move(counter_mapping), layout);
}

}  // namespace sluice::channel
