// Shares by largest remainder, then as few moves as reach them.
#include "dataplane/tables/bucket_assignment.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <unordered_map>
#include <vector>

namespace sluice::dataplane {
namespace {

constexpr uint32_t kBucketsMin = 32;
constexpr uint32_t kBucketsMax = 4096;
constexpr uint32_t kBucketsPerMember = 16;

// What each member is due and what it has.
struct Share {
  AdjacencyId adjacency;
  int64_t due;
  int64_t has = 0;

  int64_t missing() const { return due - has; }
};

std::vector<Share> Shares(std::span<const BucketMember> members, uint64_t buckets) {
  uint64_t total = 0;
  for (const BucketMember& member : members) total += member.live ? member.weight : 0;
  if (total == 0) return {};

  std::vector<Share> shares;
  std::vector<std::pair<uint64_t, size_t>> remainders;
  uint64_t given = 0;
  for (const BucketMember& member : members) {
    if (!member.live) continue;
    const uint64_t exact = buckets * member.weight;
    remainders.emplace_back(exact % total, shares.size());
    shares.push_back({member.adjacency, static_cast<int64_t>(exact / total)});
    given += exact / total;
  }
  std::stable_sort(remainders.begin(), remainders.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (size_t i = 0; given < buckets; ++i, ++given) ++shares[remainders[i].second].due;
  return shares;
}

Share& NeediestOf(std::vector<Share>& shares) {
  return *std::max_element(shares.begin(), shares.end(),
                           [](const Share& a, const Share& b) { return a.missing() < b.missing(); });
}

bool Starves(const Share& share) {
  return share.missing() > 1 || (share.has == 0 && share.due > 0);
}

}  // namespace

uint32_t BucketCount(std::span<const BucketMember> members) {
  uint32_t total = 0, divisor = 0;
  for (const BucketMember& member : members) {
    total += member.weight;
    divisor = std::gcd(divisor, uint32_t{member.weight});
  }
  const uint32_t units = divisor == 0 ? 0 : total / divisor;
  const uint32_t wanted = std::max<uint32_t>(kBucketsPerMember * members.size(), 2 * units);
  return std::bit_ceil(std::clamp(wanted, kBucketsMin, kBucketsMax));
}

void AssignBuckets(std::span<const BucketMember> members, std::span<AdjacencyId> buckets) {
  std::vector<Share> shares = Shares(members, buckets.size());
  if (shares.empty()) return;
  std::unordered_map<AdjacencyId, size_t> index;
  for (size_t i = 0; i < shares.size(); ++i) index[shares[i].adjacency] = i;

  std::vector<size_t> orphans;
  for (size_t i = 0; i < buckets.size(); ++i) {
    const auto owner = index.find(buckets[i]);
    if (owner == index.end()) {
      orphans.push_back(i);
    } else {
      ++shares[owner->second].has;
    }
  }
  for (const size_t orphan : orphans) {
    Share& heir = NeediestOf(shares);
    buckets[orphan] = heir.adjacency;
    ++heir.has;
  }
  // Only a member that came, or a change of weights, leaves somebody starving now.
  for (size_t i = 0; i < buckets.size(); ++i) {
    Share& heir = NeediestOf(shares);
    if (!Starves(heir)) return;
    Share& owner = shares[index.at(buckets[i])];
    if (owner.missing() >= 0) continue;
    buckets[i] = heir.adjacency;
    --owner.has;
    ++heir.has;
  }
}

}  // namespace sluice::dataplane
