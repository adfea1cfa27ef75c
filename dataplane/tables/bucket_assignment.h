// Resilient spreading of hash buckets over the members of a next-hop group.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/tables/ids.h"

namespace sluice::dataplane {

struct BucketMember {
  AdjacencyId adjacency = kNoAdjacency;
  uint16_t weight = 1;  // 1..256
  bool live = true;

  friend bool operator==(const BucketMember&, const BucketMember&) = default;
};

// How many buckets (a power of two) give these members their weights well.
uint32_t BucketCount(std::span<const BucketMember> members);

// Changes the owners in `buckets` so that live members have their shares. Only
// buckets of members that went are reassigned, and a member that came takes no
// more than its share from those that have too much: a member may stay one
// bucket off its share rather than move a flow. Nothing changes when no member
// is live. New buckets are kNoAdjacency. Members must not repeat an adjacency.
void AssignBuckets(std::span<const BucketMember> members, std::span<AdjacencyId> buckets);

}  // namespace sluice::dataplane
