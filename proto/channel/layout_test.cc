// The memory's layout: what is made is accepted, what was tampered with is not.
#include "proto/channel/layout.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <catch2/catch.hpp>
#include <functional>
#include <string>

#include "proto/channel/shared_memory.h"

namespace sluice::channel {
namespace {

const ChannelSizes kSizes{.counters = {.workers = 2,
                                       .interfaces = 10,
                                       .adjacencies = 20,
                                       .vrfs = 5,
                                       .drop_reasons = 7,
                                       .policers = 3,
                                       .nodes = 11}};

TEST_CASE("a layout of ours passes its own check") {
  const LayoutHeader header = MakeLayout(kSizes, 42);
  CHECK(CheckLayout(header, header.bytes).ok());
  CHECK(header.instance == 42);
  CHECK(header.sections[kCounters].bytes == CounterLayout(kSizes.counters).total_bytes());
}

TEST_CASE("a header that was tampered with is refused") {
  struct Row {
    const char* what;
    std::function<void(LayoutHeader&)> tamper;
  };
  const Row rows[] = {
      {"magic", [](LayoutHeader& h) { ++h.magic; }},
      {"layout version", [](LayoutHeader& h) { ++h.layout_version; }},
      {"record version", [](LayoutHeader& h) { --h.record_version; }},
      {"size", [](LayoutHeader& h) { h.bytes += 4096; }},
      {"a section before its place", [](LayoutHeader& h) { h.sections[kPuntRing].offset -= 4096; }},
      {"a section longer than the rest",
       [](LayoutHeader& h) { h.sections[kInjectRing].bytes = ~uint64_t{4095}; }},
      {"a ring that is no power of two",
       [](LayoutHeader& h) {
         h.sections[kUpdateRing].bytes -= 4096;
         h.sections[kRefusalRing].offset -= 4096;
         h.sections[kRefusalRing].bytes += 4096;
       }},
      {"more counters than the section holds", [](LayoutHeader& h) { h.counters.interfaces = 1 << 20; }},
      {"counters beyond any bound", [](LayoutHeader& h) { h.counters.vrfs = ~0u; }},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      LayoutHeader header = MakeLayout(kSizes, 42);
      const uint64_t bytes = header.bytes;
      row.tamper(header);
      CHECK_FALSE(CheckLayout(header, bytes).ok());
    }
  }
}

TEST_CASE("the memory cannot change its size and control sees the workers' counters") {
  auto memory = ChannelMemory::Create(kSizes, 7);
  REQUIRE(memory.ok());
  for (const int fd : {memory->fd(), memory->counters_fd()}) {
    CHECK(ftruncate(fd, 0) != 0);
    CHECK(ftruncate(fd, static_cast<off_t>(memory->layout().bytes) + 4096) != 0);
  }
  const FileDescriptor handed(dup(memory->fd())), counters(dup(memory->counters_fd()));
  const auto attached = AttachedMemory::Map(handed, counters);
  REQUIRE(attached.ok());
  const CounterLayout layout = memory->counter_layout();
  for (uint32_t worker = 0; worker < 2; ++worker) {
    layout.InterfaceTx(memory->counter_section(), worker)[9].bytes = 100 + worker;
    layout.Drops(memory->counter_section(), worker)[4 * 7 + 6] = 1;
    layout.Worker(memory->counter_section(), worker)->walks = worker;
  }
  const CounterReader reader = attached->counters();
  CHECK(reader.InterfaceTx(9).bytes == 201);
  CHECK(reader.InterfaceTx(10).bytes == 0);
  CHECK(reader.Drops(4, 6) == 2);
  CHECK(reader.Drops(5, 0) == 0);
  CHECK(reader.Worker(1).walks == 1);
}

TEST_CASE("nobody who is handed the counters can write them") {
  const auto memory = ChannelMemory::Create(kSizes, 7);
  REQUIRE(memory.ok());
  const auto map = [](int fd) { return mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); };
  const std::string path = "/proc/self/fd/" + std::to_string(memory->counters_fd());
  const FileDescriptor handed(dup(memory->counters_fd())), again(open(path.c_str(), O_RDWR | O_CLOEXEC));
  for (const int fd : {handed.get(), again.get()}) {
    CHECK(map(fd) == MAP_FAILED);
    CHECK(pwrite(fd, "x", 1, 0) == -1);
    CHECK(fcntl(fd, F_ADD_SEALS, 0) == -1);
  }
  void* read_only = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, handed.get(), 0);
  REQUIRE(read_only != MAP_FAILED);
  CHECK(mprotect(read_only, 4096, PROT_READ | PROT_WRITE) == -1);
  munmap(read_only, 4096);
}

TEST_CASE("memory that is not sealed, or not what its header says, is not mapped") {
  const FileDescriptor fd(memfd_create("unsealed", MFD_CLOEXEC));
  REQUIRE(ftruncate(fd.get(), 1 << 20) == 0);
  const auto memory = ChannelMemory::Create(kSizes, 7);
  REQUIRE(memory.ok());
  const FileDescriptor rings(dup(memory->fd())), counters(dup(memory->counters_fd()));
  CHECK(AttachedMemory::Map(rings, counters).ok());
  CHECK_FALSE(AttachedMemory::Map(fd, counters).ok());
  CHECK_FALSE(AttachedMemory::Map(rings, fd).ok());
  CHECK_FALSE(AttachedMemory::Map(counters, rings).ok());
  CHECK_FALSE(AttachedMemory::Map(rings, rings).ok());
}

}  // namespace
}  // namespace sluice::channel
