// The writer's side of the next-hop groups.
#include "dataplane/tables/next_hop_groups.h"

#include <algorithm>

#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

using channel::Limit;
using channel::RefusalReason;

constexpr uint16_t kWeightMax = 256;

}  // namespace

NextHopGroups::NextHopGroups(const TableLimits& limits, const AdjacencyTable& adjacencies,
                             Retirement& retirement)
    : control_max_(limits.next_hop_groups),
      size_(limits.next_hop_groups + 2),
      adjacencies_(adjacencies),
      retirement_(retirement),
      pool_(limits.group_buckets),
      words_(new std::atomic<uint32_t>[size_]()),
      buckets_(new std::atomic<AdjacencyId>[limits.group_buckets]()),
      records_(size_) {
  SLUICE_CHECK(limits.group_buckets <= uint32_t{1} << GroupWord::kOffsetBits);
  SLUICE_CHECK(adjacencies.size() <= GroupWord::kTunnel);
  const GroupMember member{adjacencies.local()};
  SLUICE_CHECK(Put(local(), std::span(&member, 1)).ok());
  used_ = 0;
}

WriteResult NextHopGroups::Check(GroupId group, std::span<const GroupMember> members) const {
  if (group == kNoGroup) return WriteResult::Refused(RefusalReason::kOutOfRange, group);
  if (group >= size_) return WriteResult::AtLimit(Limit::kNextHopGroups, control_max_);
  if (members.empty() || members.size() > channel::kMaxGroupMembers)
    return WriteResult::Refused(RefusalReason::kOutOfRange, members.size());
  for (size_t i = 0; i < members.size(); ++i) {
    const GroupMember& member = members[i];
    if (member.weight == 0 || member.weight > kWeightMax)
      return WriteResult::Refused(RefusalReason::kOutOfRange, member.weight);
    if (adjacencies_.Describe(member.adjacency) == nullptr)
      return WriteResult::Refused(RefusalReason::kNotFound, member.adjacency);
    const auto repeats = [&](const GroupMember& other) { return other.adjacency == member.adjacency; };
    if (std::any_of(members.begin(), members.begin() + i, repeats))
      return WriteResult::Refused(RefusalReason::kConflict, member.adjacency);
  }
  return WriteResult::Accepted();
}

WriteResult NextHopGroups::Put(GroupId group, std::span<const GroupMember> members) {
  if (const WriteResult checked = Check(group, members); !checked.ok()) return checked;
  Record& record = records_[group];
  std::vector<BucketMember> wanted;
  for (const GroupMember& member : members)
    wanted.push_back({member.adjacency, member.weight, adjacencies_.Load(member.adjacency).live()});
  if (record.members == wanted) return WriteResult::Accepted();

  const uint32_t count = wanted.size() == 1 ? 0 : BucketCount(wanted);
  const bool new_run = count != 0 && count != record.bucket_count;
  uint32_t offset = record.bucket_offset;
  if (new_run) {
    auto taken = pool_.Take(count);
    if (!taken) {
      retirement_.Reclaim();
      taken = pool_.Take(count);
    }
    if (!taken) return WriteResult::AtLimit(Limit::kGroupBuckets, pool_.capacity());
    offset = *taken;
  }
  if ((new_run || count == 0) && record.bucket_count != 0 && retirement_.full()) {
    if (new_run) pool_.Give(offset, count);
    return WriteResult::AtLimit(Limit::kPendingRemovals, retirement_.pending_max());
  }

  // Flows keep their bucket's owner as far as the number of buckets allows.
  std::vector<AdjacencyId> owners(count);
  const std::vector<AdjacencyId> before = Owners(record);
  for (uint32_t i = 0; i < count && !before.empty(); ++i) owners[i] = before[i % before.size()];

  if (record.members.empty()) ++used_;
  Index(group, false);
  record.members = std::move(wanted);
  Index(group, true);
  if (count == 0) {
    const AdjacencyId id = record.members[0].adjacency;
    const Adjacency& adjacency = *adjacencies_.Describe(id);
    const bool tunnel =
        adjacency.kind == AdjacencyKind::kTunnel && adjacency.next_hop.is_v4() && !adjacency.esp;
    words_[group].store(id | (tunnel ? GroupWord::kTunnel : 0), std::memory_order_release);
    RetireBuckets(record);
    return WriteResult::Accepted();
  }
  if (new_run) RetireBuckets(record);
  record.bucket_count = count;
  record.bucket_offset = offset;
  PublishSpread(group, owners);
  return WriteResult::Accepted();
}

// Old owners of the buckets, as many as there were; one for a single member.
std::vector<AdjacencyId> NextHopGroups::Owners(const Record& record) const {
  if (record.members.empty()) return {};
  if (record.bucket_count == 0) return {record.members[0].adjacency};
  std::vector<AdjacencyId> owners(record.bucket_count);
  for (uint32_t i = 0; i < record.bucket_count; ++i)
    owners[i] = buckets_[record.bucket_offset + i].load(std::memory_order_relaxed);
  return owners;
}

void NextHopGroups::PublishSpread(GroupId group, const std::vector<AdjacencyId>& owners) {
  const Record& record = records_[group];
  std::vector<AdjacencyId> assigned = owners;
  std::vector<BucketMember> members = record.members;
  const bool any_live = std::any_of(members.begin(), members.end(), [](const auto& m) { return m.live; });
  // With nobody live packets still need an adjacency that says why they are dropped.
  if (!any_live)
    for (BucketMember& member : members) member.live = true;
  AssignBuckets(members, assigned);
  for (uint32_t i = 0; i < record.bucket_count; ++i)
    buckets_[record.bucket_offset + i].store(assigned[i], std::memory_order_relaxed);
  words_[group].store(GroupWord::Spread(record.bucket_offset, record.bucket_count).word_,
                      std::memory_order_release);
}

void NextHopGroups::RetireBuckets(Record& record) {
  if (record.bucket_count == 0) return;
  const uint32_t offset = record.bucket_offset, count = record.bucket_count;
  retirement_.Retire([this, offset, count] { pool_.Give(offset, count); });
  record.bucket_count = 0;
  record.bucket_offset = 0;
}

void NextHopGroups::Index(GroupId group, bool add) {
  for (const BucketMember& member : records_[group].members) {
    if (add) {
      users_.emplace(member.adjacency, group);
      continue;
    }
    auto [at, end] = users_.equal_range(member.adjacency);
    while (at != end && at->second != group) ++at;
    if (at != end) users_.erase(at);
  }
}

WriteResult NextHopGroups::Remove(GroupId group) {
  if (!Exists(group)) return WriteResult::Refused(RefusalReason::kNotFound, group);
  Record& record = records_[group];
  if (record.routes != 0) return WriteResult::Refused(RefusalReason::kInUse, record.routes);
  if (record.bucket_count != 0 && retirement_.full())
    return WriteResult::AtLimit(Limit::kPendingRemovals, retirement_.pending_max());
  words_[group].store(0, std::memory_order_release);
  RetireBuckets(record);
  Index(group, false);
  record.members.clear();
  --used_;
  return WriteResult::Accepted();
}

void NextHopGroups::SetLive(AdjacencyId adjacency, bool live) {
  auto [at, end] = users_.equal_range(adjacency);
  for (; at != end; ++at) {
    Record& record = records_[at->second];
    for (BucketMember& member : record.members)
      if (member.adjacency == adjacency) member.live = live;
    if (record.bucket_count != 0) PublishSpread(at->second, Owners(record));
  }
}

}  // namespace sluice::dataplane
