// The partitioned map against std::map, in every order of insertion.
#include "control/rib/ordered_partitions.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>

namespace sluice::rib {
namespace {

using Partitions = OrderedPartitions<uint64_t, uint32_t>;

void CheckSame(const Partitions& partitions, const std::map<uint64_t, uint32_t>& model) {
  REQUIRE(partitions.size() == model.size());
  auto expected = model.begin();
  const auto refused = partitions.InOrder(0, [&](uint64_t key) {
    REQUIRE(expected != model.end());
    REQUIRE(key == expected->first);
    REQUIRE(partitions.Find(key)->second == expected->second);
    ++expected;
    return true;
  });
  REQUIRE_FALSE(refused.has_value());
  REQUIRE(expected == model.end());
  size_t visited = 0;
  partitions.ForEach([&](uint64_t key, const uint32_t& value) {
    ++visited;
    REQUIRE(model.at(key) == value);
  });
  REQUIRE(visited == model.size());
}

}  // namespace

TEST_CASE("ordered partitions hold what a map holds, ascending, descending and at random") {
  constexpr uint32_t kCount = 5 * Partitions::kRangeMax;
  const int order = GENERATE(0, 1, 2);
  std::mt19937_64 random(7);
  Partitions partitions;
  std::map<uint64_t, uint32_t> model;
  for (uint32_t i = 0; i < kCount; ++i) {
    const uint64_t key = order == 0 ? i : order == 1 ? kCount - i : random() % (2 * kCount);
    const auto [value, is_new] = partitions.FindOrAdd(key);
    REQUIRE(is_new == !model.contains(key));
    value = model[key] = i;
  }
  CheckSame(partitions, model);
  for (uint32_t i = 0; i < 2 * kCount; ++i) {
    const uint64_t key = random() % (2 * kCount);
    partitions.Erase(key);
    model.erase(key);
  }
  CheckSame(partitions, model);
  while (!model.empty()) {
    partitions.Erase(model.begin()->first);
    model.erase(model.begin());
  }
  CheckSame(partitions, model);
  partitions.FindOrAdd(5).first = 1;
  CHECK(partitions.Find(5)->second == 1);
  CHECK(partitions.Find(4) == nullptr);
}

TEST_CASE("reading in order goes on where it stopped, across ranges and erased keys") {
  Partitions partitions;
  for (uint32_t i = 0; i < 3 * Partitions::kRangeMax; ++i) partitions.FindOrAdd(2 * uint64_t{i});
  std::vector<uint64_t> seen;
  std::optional<uint64_t> from = 0;
  while (from) {
    const size_t end = seen.size() + 1000;
    const auto next = partitions.InOrder(*from, [&](uint64_t key) {
      if (seen.size() == end) return false;
      seen.push_back(key);
      return true;
    });
    // The key that comes next may be gone by then.
    if (next) partitions.Erase(*next);
    from = next;
  }
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(seen.size() == partitions.size());
}

}  // namespace sluice::rib
