// Route updates: validation, limits, and which kind of change is needed.
#include "dataplane/tables/fib/fib.h"

#include <absl/strings/str_format.h>

#include <algorithm>

#include "proto/net/check.h"

namespace sluice::dataplane {

using fib::RibNode;

namespace {

// What an update frees in passing: more than it retires on average, and few
// enough to keep its time short after a change of thousands of blocks.
constexpr unsigned kReclaimPerUpdate = 256;
// For what must not fail at a limit: as much as the arena has.
constexpr uint64_t kReserveOnly = ~uint64_t{0};

absl::Status Exhausted(const char* scope, const char* family, const char* limit, uint64_t value) {
  return absl::ResourceExhaustedError(
      absl::StrFormat("limit %s.%s.%s (%d) reached", scope, family, limit, value));
}

}  // namespace

template <class Family>
Fib<Family>::Fib(FibPool<Family>& pool, FibViews<Family>& views, uint16_t vrf, uint64_t routes_max)
    : pool_(pool), view_(views.views_[vrf]), vrf_(vrf), routes_max_(routes_max) {
  SLUICE_CHECK(vrf < views.vrf_count());
  SLUICE_CHECK(view_.root.load(std::memory_order_relaxed) == 0 &&
               view_.default_group.load(std::memory_order_relaxed) == 0);
}

template <class Family>
absl::Status Fib<Family>::Validate(const Address& address, uint8_t length, NextHopGroupId group) const {
  if (length > Family::kBits)
    return absl::InvalidArgumentError(absl::StrFormat("prefix length %d, at most %d", length, Family::kBits));
  if (Family::Masked(address, length) != address)
    return absl::InvalidArgumentError(absl::StrFormat("prefix has bits set beyond its length %d", length));
  if (group == 0 || group > kNextHopGroupIdMax)
    return absl::InvalidArgumentError(
        absl::StrFormat("next-hop group %d, must be 1 to %d", group, kNextHopGroupIdMax));
  return absl::OkStatus();
}

// Is there room for one more route, as far as that is known before building it?
template <class Family>
absl::Status Fib<Family>::CheckRoom() const {
  const FibLimits& limits = pool_.limits_;
  if (route_count_ >= routes_max_) return Exhausted("vrf", Family::kName, "routes_max", routes_max_);
  if (pool_.route_count_ >= limits.routes_max)
    return Exhausted("fib", Family::kName, "routes_max", limits.routes_max);
  // At worst every node on the way opens a span of its own.
  const uint64_t rib_bytes_needed = (kLevelsMax + 1) * fib::BlockArena::kSpanBytes;
  if (pool_.rib_.span_bytes() + rib_bytes_needed > limits.rib_bytes_max)
    return Exhausted("fib", Family::kName, "rib_bytes_max", limits.rib_bytes_max);
  return absl::OkStatus();
}

template <class Family>
void Fib<Family>::CountRoute(int change) {
  route_count_ += static_cast<uint64_t>(change);
  pool_.route_count_ += static_cast<uint64_t>(change);
}

// Readers that lag behind make a pool look full: say so.
template <class Family>
absl::Status Fib<Family>::LookupExhausted() const {
  absl::Status refused = Exhausted("fib", Family::kName, "lookup_bytes_max", pool_.limits_.lookup_bytes_max);
  if (pool_.waiting_bytes() == 0) return refused;
  return absl::ResourceExhaustedError(
      absl::StrFormat("%s; %d bytes of it wait for readers", refused.message(), pool_.waiting_bytes()));
}

template <class Family>
absl::Status Fib<Family>::SetDefault(NextHopGroupId group, uint8_t tag) {
  const bool exists = view_.default_group.load(std::memory_order_relaxed) != 0;
  if (!exists && group != 0) {
    if (absl::Status room = CheckRoom(); !room.ok()) return room;
    CountRoute(1);
  }
  if (!exists && group == 0) return absl::NotFoundError("no default route");
  if (exists && group == 0) CountRoute(-1);
  view_.default_group.store(group, std::memory_order_relaxed);
  default_tag_ = tag;
  return absl::OkStatus();
}

template <class Family>
absl::Status Fib<Family>::Add(const Address& address, uint8_t length, NextHopGroupId group, uint8_t tag) {
  if (absl::Status valid = Validate(address, length, group); !valid.ok()) return valid;
  if (length == 0) return SetDefault(group, tag);
  return Set(address, length, fib::RouteWord(group, tag), pool_.limits_.lookup_bytes_max);
}

template <class Family>
absl::Status Fib<Family>::Replace(const Address& address, uint8_t length, NextHopGroupId group, uint8_t tag) {
  if (absl::Status valid = Validate(address, length, group); !valid.ok()) return valid;
  if (Find(address, length) == 0) return absl::NotFoundError("no such route");
  if (length == 0) return SetDefault(group, tag);
  return Set(address, length, fib::RouteWord(group, tag), kReserveOnly);
}

template <class Family>
absl::Status Fib<Family>::Set(const Address& address, uint8_t length, fib::Word route, uint64_t limit_bytes) {
  pool_.retired_.Reclaim(kReclaimPerUpdate);
  const NextHopGroupId group = fib::GroupOf(route);
  const Path path = Descend(address, length);
  if (path.group == group && fib::RouteWord(path.group, path.tag) == route) return absl::OkStatus();
  const bool is_new = path.group == 0;
  if (is_new) {
    if (absl::Status room = CheckRoom(); !room.ok()) return room;
  }
  if (!EnsureRoot()) return LookupExhausted();

  if (path.InNode()) {
    if (!Repaint(address, path, group, limit_bytes)) return LookupExhausted();
    if (is_new) {
      Path moved = path;
      SetNode(address, &moved, path.target,
              AddPrefix(pool_.rib_, path.nodes[path.target], path.length, path.slot, route));
    } else {
      *pool_.rib_.template At<RibNode>(path.nodes[path.target])->Find(path.length, path.slot) = route;
    }
  } else if (!is_new) {
    fib::Publish(&BucketAt(path.words[path.known])->words()[path.bucket_route], route);
  } else {
    Routes routes;
    if (fib::IsBucket(path.words[path.known]))
      routes.InsertAll(*BucketAt(path.words[path.known]), address, path.known * fib::kStride);
    routes.Insert({address, length, route});
    if (!Regrow(address, path, path.known, routes, limit_bytes)) return LookupExhausted();
  }
  if (is_new) {
    CountRoute(1);
    ResizeRoot();
  }
  return absl::OkStatus();
}

template <class Family>
absl::Status Fib<Family>::Remove(const Address& address, uint8_t length) {
  if (absl::Status valid = Validate(address, length, 1); !valid.ok()) return valid;
  if (length == 0) return SetDefault(0, 0);
  pool_.retired_.Reclaim(kReclaimPerUpdate);
  const Path path = Descend(address, length);
  if (path.group == 0) return absl::NotFoundError("no such route");
  bool done;
  if (path.InNode()) {
    done = Repaint(address, path, path.cover, kReserveOnly);
  } else {
    Routes routes;
    routes.InsertAll(*BucketAt(path.words[path.known]), address, path.known * fib::kStride);
    routes.Remove(length, address);
    done = Regrow(address, path, path.known, routes, kReserveOnly);
  }
  if (!done)
    return absl::ResourceExhaustedError(
        absl::StrFormat("fib.%s: readers hold %d bytes of removed routes, twice lookup_bytes_max is used",
                        Family::kName, pool_.waiting_bytes()));
  Path moved = path;
  if (path.InNode())
    SetNode(address, &moved, path.target,
            RemovePrefix(pool_.rib_, path.nodes[path.target], path.length, path.slot));
  CountRoute(-1);
  if (moved.known > 0 && IsSparse(moved.nodes[moved.known - 1])) Shrink(address, length);
  ResizeRoot();
  return absl::OkStatus();
}

template class Fib<fib::Ipv4>;
template class Fib<fib::Ipv6>;

}  // namespace sluice::dataplane
