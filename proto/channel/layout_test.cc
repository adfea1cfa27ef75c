// The memory's layout: what is made is accepted, what was tampered with is not.
#include "proto/channel/layout.h"

#include <sys/mman.h>

#include <catch2/catch.hpp>
#include <functional>

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
  CHECK(ftruncate(memory->fd(), 0) != 0);
  CHECK(ftruncate(memory->fd(), static_cast<off_t>(memory->layout().bytes) + 4096) != 0);

  const FileDescriptor handed(dup(memory->fd()));
  const auto attached = AttachedMemory::Map(handed);
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

TEST_CASE("memory that is not sealed is not mapped") {
  const FileDescriptor fd(memfd_create("unsealed", MFD_CLOEXEC));
  REQUIRE(ftruncate(fd.get(), 1 << 20) == 0);
  CHECK_FALSE(AttachedMemory::Map(fd).ok());
}

}  // namespace
}  // namespace sluice::channel
