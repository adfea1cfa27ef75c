// How many punted packets the slow path takes, per class and tenant: what one
// tenant sends to us, or has us resolve, costs the others nothing.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "dataplane/slowpath/event_count.h"
#include "dataplane/slowpath/token_bucket.h"
#include "dataplane/tables/ids.h"
#include "proto/channel/packets.h"

namespace sluice::dataplane {

enum class BudgetClass : uint8_t {
  kArp,
  kNeighborDiscovery,
  kUnresolved,
  kLocal,
  kBgp,
  kIkeKnown,
  kIkeNew,
  kIcmpError
};
inline constexpr size_t kBudgetClasses = 8;
// As metrics name them, in the order of BudgetClass.
inline constexpr std::array<const char*, kBudgetClasses> kBudgetClassNames = {
    "arp", "neighbor_discovery", "unresolved", "local", "bgp", "ike_known", "ike_new", "icmp_error"};

inline constexpr BudgetClass BudgetOf(channel::PuntClass punt_class) {
  switch (punt_class) {
    case channel::PuntClass::kLocal:
      return BudgetClass::kLocal;
    case channel::PuntClass::kBgp:
      return BudgetClass::kBgp;
    case channel::PuntClass::kIkeKnown:
      return BudgetClass::kIkeKnown;
    case channel::PuntClass::kIkeNew:
      return BudgetClass::kIkeNew;
    case channel::PuntClass::kIcmpError:
      return BudgetClass::kIcmpError;
  }
  return BudgetClass::kLocal;
}

struct PuntRate {
  uint32_t per_second;
  uint32_t burst;
};
// ARP and ND have budgets per interface behind these; established IKE may rekey
// everything at once, new IKE must not.
inline constexpr std::array<PuntRate, kBudgetClasses> kPuntRates = {
    {{2000, 500}, {2000, 500}, {2000, 256}, {200, 100}, {5000, 1000}, {2000, 500}, {200, 100}, {100, 50}}};

class PuntBudgets {
 public:
  bool Take(VrfId vrf, BudgetClass budget, Instant now) {
    auto tenant = tenants_.find(vrf);
    if (tenant == tenants_.end()) tenant = tenants_.emplace(vrf, FullBuckets()).first;
    Buckets& buckets = tenant->second;
    const auto index = static_cast<size_t>(budget);
    if (buckets[index].Take(now)) {
      ++taken_[index];
      return true;
    }
    ++refused_[index];
    return false;
  }

  // Any thread.
  uint64_t taken(BudgetClass budget) const { return taken_[static_cast<size_t>(budget)]; }
  uint64_t refused(BudgetClass budget) const { return refused_[static_cast<size_t>(budget)]; }

 private:
  using Buckets = std::array<TokenBucket, kBudgetClasses>;

  static Buckets FullBuckets() {
    const auto full = [](size_t index) {
      return TokenBucket(kPuntRates[index].per_second, kPuntRates[index].burst);
    };
    return {full(0), full(1), full(2), full(3), full(4), full(5), full(6), full(7)};
  }

  // One entry per VRF that ever punted: at most as many as there are VRFs.
  std::unordered_map<VrfId, Buckets> tenants_;
  std::array<EventCount, kBudgetClasses> taken_;
  std::array<EventCount, kBudgetClasses> refused_;
};

}  // namespace sluice::dataplane
