// What routes point to: one adjacency, or several by weight. A change of a
// group, or of the liveness of a member, moves all routes behind it at once.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "dataplane/tables/adjacency_table.h"
#include "dataplane/tables/bucket_assignment.h"
#include "dataplane/tables/bucket_pool.h"
#include "dataplane/tables/ids.h"
#include "dataplane/tables/retirement.h"
#include "dataplane/tables/table_limits.h"
#include "dataplane/tables/write_result.h"

namespace sluice::dataplane {

using GroupId = uint32_t;
inline constexpr GroupId kNoGroup = 0;  // the lookup found no route

struct GroupMember {
  AdjacencyId adjacency = kNoAdjacency;
  uint16_t weight = 1;  // 1..256
};

// A group as a worker loads it. Zero: no group, hence no adjacency. Four bytes, because
// each host of a virtual network has one of its own.
class GroupWord {
 public:
  bool spreads() const { return (word_ & kSpreads) != 0; }
  // The only member is a tunnel over IPv4, or was when the group was made: a worker
  // looks at the adjacency's TunnelWay first.
  bool tunnel() const { return (word_ & (kSpreads | kTunnel)) == kTunnel; }

 private:
  friend class NextHopGroups;
  static constexpr uint32_t kSpreads = uint32_t{1} << 31;
  static constexpr unsigned kOffsetBits = 26;
  // Of one member: 29..0 its adjacency.
  static constexpr uint32_t kTunnel = uint32_t{1} << 30;

  // Of one that spreads: 25..0 where its buckets begin, 30..26 the logarithm of their count.
  static GroupWord Spread(uint32_t offset, uint32_t bucket_count) {
    return GroupWord(kSpreads | static_cast<uint32_t>(std::countr_zero(bucket_count)) << kOffsetBits |
                     offset);
  }
  GroupWord() = default;
  explicit GroupWord(uint32_t word) : word_(word) {}
  AdjacencyId only() const { return word_ & (kTunnel - 1); }
  uint32_t offset() const { return word_ & ((uint32_t{1} << kOffsetBits) - 1); }
  uint32_t bucket_count() const { return uint32_t{1} << (word_ >> kOffsetBits & 0x1f); }

  uint32_t word_ = 0;
};

class NextHopGroups {
 public:
  // `adjacencies` must outlive the groups.
  NextHopGroups(const TableLimits& limits, const AdjacencyTable& adjacencies, Retirement& retirement);

  // The group of our own addresses, which control never names.
  GroupId local() const { return size_ - 1; }
  uint32_t size() const { return size_; }

  // What a worker reads, for the time of a burst: a copy that no store can be
  // suspected of changing.
  class Reader {
   public:
    // `group` must come out of the FIB.
    GroupWord Load(GroupId group) const { return GroupWord(words_[group].load(std::memory_order_acquire)); }
    // Before the reader's next quiescent point. Unless the group spreads(),
    // `flow_hash` does not matter.
    AdjacencyId Choose(GroupWord word, uint32_t flow_hash) const {
      if (__builtin_expect(!word.spreads(), 1)) return word.only();
      return buckets_[word.offset() + (flow_hash & (word.bucket_count() - 1))].load(
          std::memory_order_relaxed);
    }

   private:
    friend class NextHopGroups;
    Reader(const std::atomic<uint32_t>* words, const std::atomic<AdjacencyId>* buckets)
        : words_(words), buckets_(buckets) {}

    const std::atomic<uint32_t>* words_;
    const std::atomic<AdjacencyId>* buckets_;
  };
  Reader reader() const { return {words_.get(), buckets_.get()}; }
  // Any reader, one by one.
  GroupWord Load(GroupId group) const { return reader().Load(group); }
  AdjacencyId Choose(GroupWord word, uint32_t flow_hash) const { return reader().Choose(word, flow_hash); }

  // Any reader: flow hashes 0 .. n - 1 reach every member of the group.
  uint32_t BucketsOf(GroupWord word) const { return word.spreads() ? word.bucket_count() : 1; }

  // Writer. Creates the group or replaces its members, moving as few flows as
  // it can. Members must exist and differ.
  WriteResult Put(GroupId group, std::span<const GroupMember> members);
  WriteResult Remove(GroupId group);
  // Writer: a route was added to, or taken from, a group. A group with routes
  // cannot be removed.
  void AddRoute(GroupId group) { ++records_[group].routes; }
  void RemoveRoute(GroupId group) { --records_[group].routes; }
  // Writer: the liveness of an adjacency changed.
  void SetLive(AdjacencyId adjacency, bool live);

  // Writer.
  bool Exists(GroupId group) const { return group < size_ && !records_[group].members.empty(); }
  std::span<const BucketMember> Members(GroupId group) const { return records_[group].members; }
  bool Uses(AdjacencyId adjacency) const { return users_.contains(adjacency); }
  uint32_t used() const { return used_; }
  const BucketPool& buckets() const { return pool_; }

 private:
  struct Record {
    std::vector<BucketMember> members;
    uint32_t bucket_count = 0;  // 0 = single member
    uint32_t bucket_offset = 0;
    uint64_t routes = 0;
  };

  WriteResult Check(GroupId group, std::span<const GroupMember> members) const;
  void PublishSpread(GroupId group, const std::vector<AdjacencyId>& owners);
  std::vector<AdjacencyId> Owners(const Record& record) const;
  void RetireBuckets(Record& record);
  void Index(GroupId group, bool add);

  const uint32_t control_max_;
  const uint32_t size_;
  uint32_t used_ = 0;
  const AdjacencyTable& adjacencies_;
  Retirement& retirement_;
  BucketPool pool_;
  std::unique_ptr<std::atomic<uint32_t>[]> words_;
  std::unique_ptr<std::atomic<AdjacencyId>[]> buckets_;
  std::vector<Record> records_;
  std::unordered_multimap<AdjacencyId, GroupId> users_;
};

}  // namespace sluice::dataplane
