// The writer's side of the adjacency table.
#include "dataplane/tables/adjacency_table.h"

#include <cstring>

#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

using channel::Limit;
using channel::RefusalReason;

constexpr uint16_t kTpid8021q = 0x8100;

void FillRewrite(const Adjacency& adjacency, uint8_t* rewrite) {
  if (adjacency.neighbor_mac) std::memcpy(rewrite, adjacency.neighbor_mac->bytes.data(), 6);
  std::memcpy(rewrite + 6, adjacency.source_mac.bytes.data(), 6);
  rewrite[12] = kTpid8021q >> 8;
  rewrite[13] = kTpid8021q & 0xff;
  rewrite[14] = static_cast<uint8_t>(adjacency.vlan >> 8);
  rewrite[15] = static_cast<uint8_t>(adjacency.vlan);
}

void FillNextHop(const net::Address& next_hop, uint8_t* bytes) {
  if (!next_hop.is_v4()) {
    std::memcpy(bytes, next_hop.v6().bytes.data(), 16);
    return;
  }
  for (unsigned i = 0; i < 4; ++i) bytes[i] = static_cast<uint8_t>(next_hop.v4().value >> (24 - 8 * i));
}

void FillTunnelHop(const Adjacency& adjacency, uint8_t* bytes) {
  TunnelHop hop{};
  if (adjacency.neighbor_mac) std::memcpy(hop.mac, adjacency.neighbor_mac->bytes.data(), sizeof hop.mac);
  if (adjacency.next_hop.is_v4()) hop.remote = __builtin_bswap32(adjacency.next_hop.v4().value);
  hop.remote_id = adjacency.remote;
  std::memcpy(bytes, &hop, sizeof hop);
}

}  // namespace

AdjacencyTable::AdjacencyTable(const TableLimits& limits, Retirement& retirement)
    : control_max_(limits.adjacencies),
      size_(limits.adjacencies + limits.neighbors + 2),
      local_(limits.adjacencies + 1),
      retirement_(retirement),
      entries_(new Entry[size_]),
      ways_(new WayCell[size_]),
      described_(size_) {
  for (AdjacencyId id = size_ - 1; id > local_; --id) free_.push_back(id);
  SLUICE_CHECK(Put(local_, {.kind = AdjacencyKind::kLocal}).ok());
}

WriteResult AdjacencyTable::Put(AdjacencyId id, const Adjacency& adjacency) {
  if (id == kNoAdjacency) return WriteResult::Refused(RefusalReason::kOutOfRange, id);
  if (id >= size_) return WriteResult::AtLimit(Limit::kAdjacencies, control_max_);
  if (adjacency.port > 0xff) return WriteResult::Refused(RefusalReason::kOutOfRange, adjacency.port);
  if (adjacency.policer_out > 0xffff)
    return WriteResult::Refused(RefusalReason::kOutOfRange, adjacency.policer_out);

  const bool sendable = adjacency.kind != AdjacencyKind::kNeighbor || adjacency.neighbor_mac.has_value();
  const bool live = adjacency.live && sendable;
  AdjacencySnapshot snapshot;
  uint8_t leading[16] = {};
  if (adjacency.kind == AdjacencyKind::kTunnel) {
    FillTunnelHop(adjacency, leading);
  } else if (live) {
    FillRewrite(adjacency, leading);
  } else {
    FillNextHop(adjacency.next_hop, leading);
  }
  std::memcpy(snapshot.words_, leading, sizeof leading);
  snapshot.words_[2] = uint64_t{adjacency.interface} | uint64_t{adjacency.mtu} << 16 |
                       uint64_t{adjacency.policer_out} << 32 | uint64_t{adjacency.port} << 48 |
                       uint64_t{static_cast<uint8_t>(adjacency.kind)} << AdjacencySnapshot::kKindShift;
  if (live) snapshot.words_[2] |= AdjacencySnapshot::kLive;
  const bool tunnel = adjacency.kind == AdjacencyKind::kTunnel;
  if (!tunnel && adjacency.vlan != 0) snapshot.words_[2] |= AdjacencySnapshot::kTagged;
  if (tunnel && adjacency.esp) snapshot.words_[2] |= AdjacencySnapshot::kEsp;
  if (adjacency.clamp_mss) snapshot.words_[2] |= AdjacencySnapshot::kClampMss;
  if (adjacency.resolvable) snapshot.words_[2] |= AdjacencySnapshot::kResolvable;
  if (!described_[id] && IsControls(id)) ++control_used_;
  described_[id] = adjacency;
  Store(id, snapshot);
  return WriteResult::Accepted();
}

// The slot that readers do not look at is filled, then named by the version. A
// reader that still copies it, two changes late, sees that the version moved:
// each of its loads is ordered before its second look at the version.
void AdjacencyTable::Store(AdjacencyId id, const AdjacencySnapshot& snapshot) {
  Entry& entry = entries_[id];
  const uint32_t next = entry.version.load(std::memory_order_relaxed) + 1;
  auto& slot = entry.slots[next & 1];
  for (unsigned i = 0; i < 3; ++i) slot[i].store(snapshot.words_[i], std::memory_order_release);
  entry.version.store(next, std::memory_order_release);
  ways_[id].Store(WayOf(snapshot));
}

TunnelWay AdjacencyTable::WayOf(const AdjacencySnapshot& snapshot) {
  TunnelWay way;
  const TunnelHop hop = snapshot.Hop();
  if (!snapshot.plain_tunnel() || hop.remote == 0) return way;
  constexpr uint64_t kMac = (uint64_t{1} << 48) - 1;
  way.first_ = (snapshot.words_[0] & kMac) | uint64_t{snapshot.interface()} << 48;
  way.second_ = hop.remote | uint64_t{snapshot.mtu()} << 32 | TunnelWay::kUsable;
  return way;
}

WriteResult AdjacencyTable::Remove(AdjacencyId id) {
  if (Describe(id) == nullptr) return WriteResult::Refused(RefusalReason::kNotFound, id);
  if (IsControls(id)) --control_used_;
  described_[id].reset();
  AdjacencySnapshot none{};
  none.words_[0] = none.words_[1] = none.words_[2] = 0;
  Store(id, none);
  return WriteResult::Accepted();
}

AdjacencyId AdjacencyTable::Allocate() {
  if (free_.empty()) retirement_.Reclaim();
  if (free_.empty()) return kNoAdjacency;
  const AdjacencyId id = free_.back();
  free_.pop_back();
  return id;
}

void AdjacencyTable::Release(AdjacencyId id) {
  SLUICE_CHECK(id > local_ && id < size_);
  if (described_[id]) SLUICE_CHECK(Remove(id).ok());
  retirement_.Retire([this, id] { free_.push_back(id); });
}

const Adjacency* AdjacencyTable::Describe(AdjacencyId id) const {
  if (id >= size_ || !described_[id]) return nullptr;
  return &*described_[id];
}

}  // namespace sluice::dataplane
