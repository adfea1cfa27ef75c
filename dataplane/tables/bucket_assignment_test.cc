// Next-hop buckets: weights are met, and flows move only where they must.
#include "dataplane/tables/bucket_assignment.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <vector>

#include "dataplane/tables/bucket_pool.h"

namespace sluice::dataplane {
namespace {

std::map<AdjacencyId, int> CountOwners(const std::vector<AdjacencyId>& buckets) {
  std::map<AdjacencyId, int> counts;
  for (const AdjacencyId owner : buckets) ++counts[owner];
  return counts;
}

std::vector<AdjacencyId> Fresh(const std::vector<BucketMember>& members) {
  std::vector<AdjacencyId> buckets(BucketCount(members));
  AssignBuckets(members, buckets);
  return buckets;
}

TEST_CASE("buckets are shared by weight") {
  const std::vector<BucketMember> members = {{1, 1}, {2, 3}};
  const auto counts = CountOwners(Fresh(members));
  CHECK(counts.at(1) == 8);
  CHECK(counts.at(2) == 24);
}

TEST_CASE("the lightest member beside the heaviest still gets a bucket") {
  const auto counts = CountOwners(Fresh({{1, 1}, {2, 256}}));
  CHECK(counts.at(1) >= 1);
  CHECK(counts.at(2) > 200 * counts.at(1));
}

TEST_CASE("when a member goes only its buckets are reassigned") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<BucketMember> members;
    for (AdjacencyId id = 1; id <= 2 + random() % 15; ++id)
      members.push_back({id, static_cast<uint16_t>(1 + random() % 256)});
    const auto before = Fresh(members);
    const size_t gone = random() % members.size();
    members[gone].live = false;
    auto after = before;
    AssignBuckets(members, after);
    size_t moved = 0, owned = 0;
    for (size_t i = 0; i < before.size(); ++i) {
      owned += before[i] == members[gone].adjacency;
      moved += before[i] != after[i];
      CHECK(after[i] != members[gone].adjacency);
    }
    CHECK(moved == owned);

    // It takes back no more than its share when it returns.
    members[gone].live = true;
    auto again = after;
    AssignBuckets(members, again);
    for (size_t i = 0; i < after.size(); ++i)
      if (after[i] != again[i]) CHECK(again[i] == members[gone].adjacency);
  }
}

TEST_CASE("nothing changes while no member is live") {
  std::vector<BucketMember> members = {{1, 1}, {2, 1}};
  auto buckets = Fresh(members);
  const auto before = buckets;
  members[0].live = members[1].live = false;
  AssignBuckets(members, buckets);
  CHECK(buckets == before);
}

TEST_CASE("a bucket pool hands out aligned runs and joins what it gets back") {
  BucketPool pool(64 + 32);
  std::vector<uint32_t> taken;
  while (const auto offset = pool.Take(16)) {
    CHECK(*offset % 16 == 0);
    taken.push_back(*offset);
  }
  CHECK(taken.size() == 6);
  CHECK(pool.used() == 96);
  for (const uint32_t offset : taken) pool.Give(offset, 16);
  CHECK(pool.used() == 0);
  CHECK(pool.Take(64).has_value());
  CHECK(pool.Take(32).has_value());
  CHECK_FALSE(pool.Take(1).has_value());
}

}  // namespace
}  // namespace sluice::dataplane
