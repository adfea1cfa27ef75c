// How many packets workers hand to the slow path, per class and tenant, and in which
// queue: what one tenant sends to us, or has us resolve, costs the others nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/tables/ids.h"
#include "dataplane/tables/rate_bucket.h"
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
  kIcmpError,
  kPathMtu
};
inline constexpr size_t kBudgetClasses = 9;
// As metrics name them, in the order of BudgetClass.
inline constexpr std::array<const char*, kBudgetClasses> kBudgetClassNames = {
    "arp",     "neighbor_discovery", "unresolved", "local", "bgp", "ike_known",
    "ike_new", "icmp_error",         "path_mtu"};

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

// Queues of each worker to the slow path. Sessions of control have their own, apart
// from what strangers send to our addresses.
enum class PuntQueue : uint8_t { kSessions, kArp, kNeighborDiscovery, kUnresolved, kStrangers };
inline constexpr size_t kPuntQueues = 5;
// In the order of PuntQueue.
inline constexpr std::array<const char*, kPuntQueues> kPuntQueueNames = {"sessions", "arp", "nd",
                                                                         "unresolved", "strangers"};
inline constexpr std::array<uint32_t, kPuntQueues> kPuntQueueSlots = {128, 96, 96, 128, 64};

inline constexpr PuntQueue QueueOf(BudgetClass budget) {
  switch (budget) {
    case BudgetClass::kArp:
      return PuntQueue::kArp;
    case BudgetClass::kNeighborDiscovery:
      return PuntQueue::kNeighborDiscovery;
    case BudgetClass::kUnresolved:
      return PuntQueue::kUnresolved;
    case BudgetClass::kBgp:
    case BudgetClass::kIkeKnown:
      return PuntQueue::kSessions;
    case BudgetClass::kLocal:
    case BudgetClass::kIkeNew:
    case BudgetClass::kIcmpError:
    case BudgetClass::kPathMtu:
      return PuntQueue::kStrangers;
  }
  return PuntQueue::kStrangers;
}

struct PuntRate {
  uint32_t per_second;
  uint32_t burst;
};
// In the order of BudgetClass.
using PuntRates = std::array<PuntRate, kBudgetClasses>;
// ARP and ND have budgets per interface behind these. Of path MTU messages each makes the
// agent look at all tunnels to one far end, ten thousand at most.
inline constexpr PuntRates kPuntRates = {
    {{2000, 48}, {2000, 48}, {2000, 64}, {200, 32}, {5000, 64}, {2000, 64}, {200, 16}, {100, 16}, {200, 32}}};

// No class of one tenant can take more than half of a queue at once, be it of one worker.
inline constexpr bool LeavesRoom(const PuntRates& rates) {
  for (size_t i = 0; i < kBudgetClasses; ++i) {
    const auto queue = static_cast<size_t>(QueueOf(static_cast<BudgetClass>(i)));
    if (rates[i].burst > kPuntQueueSlots[queue] / 2) return false;
  }
  return true;
}
static_assert(LeavesRoom(kPuntRates));

// Shared by all workers without a lock; memory for all VRFs is taken at the start.
class PuntBudgets {
 public:
  PuntBudgets(uint32_t vrfs, WorkerIndex workers, uint64_t ticks_per_second, const PuntRates& rates)
      : workers_(workers), buckets_(new Buckets[vrfs]), counts_(new Counts[workers]) {
    for (uint32_t vrf = 0; vrf < vrfs; ++vrf)
      for (size_t i = 0; i < kBudgetClasses; ++i)
        buckets_[vrf][i].Configure(rates[i].per_second, rates[i].burst, ticks_per_second);
  }

  // The worker with this index only; `now` in ticks.
  bool Take(WorkerIndex worker, VrfId vrf, BudgetClass budget, uint64_t now) {
    const auto index = static_cast<size_t>(budget);
    const bool taken = buckets_[vrf][index].Take(1, now);
    std::atomic<uint64_t>& count = taken ? counts_[worker].taken[index] : counts_[worker].refused[index];
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return taken;
  }

  // Any thread.
  uint64_t taken(BudgetClass budget) const { return Sum(&Counts::taken, budget); }
  uint64_t refused(BudgetClass budget) const { return Sum(&Counts::refused, budget); }

 private:
  using Buckets = std::array<RateBucket, kBudgetClasses>;
  using PerClass = std::array<std::atomic<uint64_t>, kBudgetClasses>;
  // Of one worker, which alone adds to them.
  struct alignas(64) Counts {
    PerClass taken{};
    PerClass refused{};
  };

  uint64_t Sum(PerClass Counts::*counts, BudgetClass budget) const {
    uint64_t sum = 0;
    for (WorkerIndex worker = 0; worker < workers_; ++worker)
      sum += (counts_[worker].*counts)[static_cast<size_t>(budget)].load(std::memory_order_relaxed);
    return sum;
  }

  const WorkerIndex workers_;
  std::unique_ptr<Buckets[]> buckets_;
  std::unique_ptr<Counts[]> counts_;
};

}  // namespace sluice::dataplane
