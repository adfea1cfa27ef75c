// The arena under random allocation: blocks never overlap, and all comes back.
#include "dataplane/tables/fib/block_arena.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

#include "tests/lib/route_set.h"

namespace sluice::dataplane::fib {
namespace {

constexpr uint64_t kNoLimit = ~uint64_t{0};

struct Held {
  BlockRef ref;
  uint32_t bytes;
  uint8_t mark;
};

bool Untouched(const BlockArena& arena, const Held& held) {
  const auto* bytes = arena.At<uint8_t>(held.ref);
  return std::all_of(bytes, bytes + held.bytes, [&](uint8_t byte) { return byte == held.mark; });
}

TEST_CASE("blocks of all sizes keep their bytes while others come and go") {
  BlockArena arena(16 << 20);
  testing::Random random(1);
  std::vector<Held> held;
  for (int step = 0; step < 40'000; ++step) {
    if (!held.empty() && random.Below(600) < held.size()) {
      const size_t at = random.Below(held.size());
      REQUIRE(Untouched(arena, held[at]));
      arena.Free(held[at].ref);
      held[at] = held.back();
      held.pop_back();
      continue;
    }
    const auto bytes = static_cast<uint32_t>(1 + random.Below(random.Below(20) == 0 ? 20'000 : 1100));
    const BlockRef ref = arena.Allocate(bytes, kNoLimit);
    REQUIRE(ref != 0);
    REQUIRE(arena.CapacityBytes(ref) >= bytes);
    held.push_back({ref, arena.CapacityBytes(ref), static_cast<uint8_t>(step)});
    std::memset(arena.At<uint8_t>(ref), held.back().mark, held.back().bytes);
  }
  for (const Held& one : held) {
    REQUIRE(Untouched(arena, one));
    arena.Free(one.ref);
  }
  CHECK(arena.block_bytes() == 8);
  CHECK(arena.span_bytes() == BlockArena::kSpanBytes);
}

TEST_CASE("every size up to a block class wastes at most an eighth") {
  BlockArena arena(16 << 20);
  for (uint32_t bytes = 1; bytes <= 1024; ++bytes) {
    const BlockRef ref = arena.Allocate(bytes, kNoLimit);
    const uint32_t capacity = arena.CapacityBytes(ref);
    CHECK(capacity >= bytes);
    CHECK(capacity <= std::max(bytes + 7, bytes * 9 / 8));
    arena.Free(ref);
  }
}

TEST_CASE("spans freed in any order join to whole megabytes again") {
  BlockArena arena(8 << 20);
  std::vector<BlockRef> spans;
  while (const BlockRef ref = arena.Allocate(BlockArena::kSpanBytes, kNoLimit)) spans.push_back(ref);
  CHECK(spans.size() == (8 << 20) / BlockArena::kSpanBytes - 1);
  CHECK(arena.Allocate(BlockArena::kLargestBlockBytes, kNoLimit) == 0);
  testing::Random random(2);
  for (size_t i = spans.size(); i > 1; --i) std::swap(spans[i - 1], spans[random.Below(i)]);
  for (const BlockRef ref : spans) arena.Free(ref);
  unsigned megabytes = 0;
  while (arena.Allocate(BlockArena::kLargestBlockBytes, kNoLimit) != 0) ++megabytes;
  CHECK(megabytes == 7);
}

TEST_CASE("the limit refuses before the reserve is used up") {
  BlockArena arena(8 << 20);
  CHECK(arena.Allocate(BlockArena::kLargestBlockBytes, 1 << 20) == 0);
  CHECK(arena.Allocate(BlockArena::kLargestBlockBytes, 2 << 20) != 0);
}

}  // namespace
}  // namespace sluice::dataplane::fib
