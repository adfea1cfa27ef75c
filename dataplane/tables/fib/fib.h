// One VRF's routes of one address family: longest-prefix match out of a shared
// pool, changed by one writer under running readers. Workers look up through
// FibViews; what happens to a matched packet is not known here.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/tables/fib/bucket.h"
#include "dataplane/tables/fib/fib_pool.h"
#include "dataplane/tables/fib/fib_views.h"
#include "dataplane/tables/fib/key.h"

namespace sluice::dataplane {

template <class Family>
struct Route {
  typename Family::Address address;  // host byte order, bits beyond the length are zero
  uint8_t length;                    // bits
  NextHopGroupId group;
  uint8_t tag = 0;  // as given to Add

  friend bool operator==(const Route&, const Route&) = default;
};

// What is kept of a route: its group (0 = no such route) and the writer's tag.
struct RouteValue {
  NextHopGroupId group = 0;
  uint8_t tag = 0;
};

// Everything but the static lookups belongs to the writer's thread. Every update
// is validated and built aside first and published last: a refused one leaves no
// trace, and at any moment a reader gets the answer before or after.
template <class Family>
class Fib {
 public:
  using Address = typename Family::Address;
  // Return false to stop.
  using Visitor = absl::FunctionRef<bool(const Route<Family>&)>;

  // Publishes in views' entry `vrf`, which must be unused. `routes_max` is the
  // VRF's limit, named vrf.ipv4.routes_max (vrf.ipv6.) when it refuses a route.
  Fib(FibPool<Family>& pool, FibViews<Family>& views, uint16_t vrf, uint64_t routes_max);
  // Withdraws all routes; their memory is reused after a grace period.
  ~Fib() { Clear(); }
  Fib(const Fib&) = delete;
  Fib& operator=(const Fib&) = delete;

  // Inserts the route or replaces its group. InvalidArgument for a length above
  // the family's, bits beyond the length, or a group of 0 or above
  // kNextHopGroupIdMax; ResourceExhausted naming the limit.
  // `tag` is the writer's own note on the route (who owns it); a change of the
  // tag alone changes no answer.
  absl::Status Add(const Address& address, uint8_t length, NextHopGroupId group, uint8_t tag = 0);
  // Replaces the group and the tag of a route that is there, by Remove's rule of
  // memory: what takes back a change does not fail where changes do.
  absl::Status Replace(const Address& address, uint8_t length, NextHopGroupId group, uint8_t tag);

  // NotFound if there is no such route. ResourceExhausted only if readers hold up
  // more than twice the pool's lookup_bytes_max; try again later then.
  absl::Status Remove(const Address& address, uint8_t length);

  // Withdraws all routes at once. Never fails.
  void Clear();

  // The group of exactly this route; 0 if there is none.
  NextHopGroupId Find(const Address& address, uint8_t length) const;
  RouteValue FindValue(const Address& address, uint8_t length) const;

  // The route a packet to `address` takes.
  std::optional<Route<Family>> LongestMatch(const Address& address) const;

  // Visits all routes, by address and then length, from `first` on (inclusive).
  // No update in between, but a dump may go on later from where it stopped.
  void Visit(Visitor visitor) const { VisitFrom({}, 0, visitor); }
  void VisitFrom(const Address& first, uint8_t first_length, Visitor visitor) const;

  uint64_t route_count() const { return route_count_; }
  uint64_t routes_max() const { return routes_max_; }
  void set_routes_max(uint64_t routes_max) { routes_max_ = routes_max; }  // keeps what is there
  // How many leading bits the root table resolves in one access (0, 12 or 18).
  unsigned root_bits() const { return root_.bits; }
  // With what they are XORed there (fib::RootWord).
  uint32_t root_colour() const { return root_.colour; }

  // The readers' side, see FibViews.
  static void LookupBurst(const FibViews<Family>& views, const uint16_t vrf[], const Address address[],
                          NextHopGroupId out[], unsigned count) {
    views.LookupBurst(vrf, address, out, count);
  }
  static NextHopGroupId Lookup(const FibViews<Family>& views, uint16_t vrf, const Address& address) {
    return views.Lookup(vrf, address);
  }

 private:
  static constexpr unsigned kLevelsMax = (Family::kBits + fib::kStride - 1) / fib::kStride;

  using Bucket = fib::Bucket<Family>;
  using Routes = fib::BucketRoutes<Family>;

  // The way to the RIB node that holds, or would hold, a prefix; or as far as
  // there are nodes, and what hangs below the last.
  struct Path {
    unsigned target;  // level of the prefix's node, and the prefix inside of it
    unsigned length;
    unsigned slot;

    unsigned known;  // how many nodes of the way exist
    std::array<fib::BlockRef, kLevelsMax> nodes;
    std::array<fib::Word, kLevelsMax + 1> words;           // each node's; then a leaf or bucket
    std::array<NextHopGroupId, kLevelsMax + 1> inherited;  // what each node inherits; then the same

    NextHopGroupId cover;   // the longest shorter route in the nodes, without the default
    NextHopGroupId group;   // of the prefix itself, 0 if it is not there
    uint8_t tag;            // likewise
    unsigned bucket_route;  // its index, if it is in a bucket

    bool InNode() const { return known > target; }
  };

  // A subtree built aside: its RIB node (0 for a leaf or bucket) and its word.
  struct Subtree {
    fib::BlockRef rib;
    fib::Word word;
  };

  absl::Status Validate(const Address& address, uint8_t length, NextHopGroupId group) const;
  absl::Status CheckRoom() const;
  absl::Status LookupExhausted() const;
  absl::Status SetDefault(NextHopGroupId group, uint8_t tag);
  absl::Status Set(const Address& address, uint8_t length, fib::Word route, uint64_t limit_bytes);
  void CountRoute(int change);

  // fib_path.cc: reading the tables.
  Path Descend(const Address& address, uint8_t length) const;
  void FindInBucket(const Address& address, uint8_t length, Path* path) const;
  bool VisitNode(fib::BlockRef node, fib::Word word, unsigned depth, const Address& base,
                 const Route<Family>& first, Visitor visitor) const;
  bool VisitBucket(fib::Word word, unsigned depth, const Address& base, const Route<Family>& first,
                   Visitor visitor) const;
  Bucket* BucketAt(fib::Word word) const { return pool_.lookup_.template At<Bucket>(fib::RefOf(word)); }

  // fib_change.cc: changing them.
  bool Attempt(uint64_t limit_bytes, absl::FunctionRef<void(fib::TrieChange&)> build);
  bool Repaint(const Address& address, const Path& path, NextHopGroupId group, uint64_t limit_bytes);
  bool Regrow(const Address& address, const Path& path, unsigned level, const Routes& routes,
              uint64_t limit_bytes);
  fib::Word Propagate(const Address& address, const Path& path, unsigned level, fib::Word now);
  Subtree Build(unsigned depth, const Routes& routes, fib::Word cover);
  fib::Word BuildBucket(unsigned depth, const Routes& routes, fib::Word cover);
  bool IsSparse(fib::BlockRef node) const;
  void Shrink(const Address& address, uint8_t length);
  bool Collect(const Address& address, const Path& path, unsigned level, Routes* routes) const;
  void DropBelow(fib::Word word);
  void SetNode(const Address& address, Path* path, unsigned level, fib::BlockRef node);
  void LinkNode(const Address& address, Path path, unsigned level, fib::BlockRef node);
  void UnlinkNode(const Address& address, Path path, unsigned level);

  // fib_root.cc: root tables, and whole tables.
  bool SplitBuckets(unsigned depth_min);
  void FindBuckets(fib::BlockRef node, fib::Word word, unsigned depth, const Address& base,
                   unsigned depth_max, std::vector<Route<Family>>* found) const;
  bool EnsureRoot();
  void ResizeRoot();
  void FillRoot(fib::Word word, unsigned depth, fib::Word* entries, unsigned bits) const;
  void PublishRoot(fib::RootTable root);
  void RetireTrie(fib::Word word);
  void FreeRib(fib::BlockRef node);

  FibPool<Family>& pool_;
  FibView& view_;
  const uint16_t vrf_;
  uint64_t routes_max_;
  uint64_t route_count_ = 0;
  uint8_t default_tag_ = 0;
  fib::RootTable root_;                 // as published
  fib::Word root_word_ = fib::Leaf(0);  // the whole trie
  fib::BlockRef rib_ = 0;               // its record
  // Buckets hang at this depth or below: the root table's index must not reach
  // into the bits that a bucket compares.
  unsigned bucket_depth_min_ = 0;
};

using Route4 = Route<fib::Ipv4>;
using Route6 = Route<fib::Ipv6>;
using Fib4 = Fib<fib::Ipv4>;
using Fib6 = Fib<fib::Ipv6>;

}  // namespace sluice::dataplane
