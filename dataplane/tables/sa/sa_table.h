// All SAs: the SAD by SPI (RFC 4301 section 4.4.2), and of each ESP tunnel the outbound
// policies in their order (section 4.4.1). Workers read; the agent is the single writer.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/tables/retirement.h"
#include "dataplane/tables/sa/sa.h"
#include "dataplane/tables/sa/slot_table.h"
#include "dataplane/tables/table_limits.h"
#include "dataplane/tables/write_result.h"

namespace sluice::dataplane {

// Of one ESP tunnel, as its writer describes them: the first that matches a packet holds.
struct OutboundPolicy {
  std::vector<TrafficSelector> selectors;  // none: any packet
  SaId sa = kNoSa;  // kNoSa: none yet; matching packets are dropped, never sent in clear
};
inline constexpr unsigned kPoliciesMax = 64;

// What workers see of them. Immutable.
class OutboundPolicies {
 public:
  struct Choice {
    OutboundSa* sa = nullptr;       // null: drop
    uint8_t policy = kPoliciesMax;  // kPoliciesMax: none matches
  };

  // The SA of every packet; null: Choose() knows.
  OutboundSa* only() const { return only_; }
  Choice Choose(const SelectorFields& packet) const {
    for (size_t i = 0; i < policies_.size(); ++i)
      if (Matches(policies_[i].selectors, packet)) return {policies_[i].sa, static_cast<uint8_t>(i)};
    return {};
  }

 private:
  friend class SaTable;
  struct Policy {
    std::vector<TrafficSelector> selectors;
    OutboundSa* sa;
  };

  OutboundSa* only_ = nullptr;
  std::vector<Policy> policies_;
};

struct SaTableOptions {
  TableLimits limits;
  WorkerIndex workers = 1;
  // Memory that outlives the process, limits.sas + 1 of them; empty: the table's own.
  std::span<SequenceMark> marks;
};

class SaTable {
 public:
  // `retirement` must outlive the table.
  SaTable(const SaTableOptions& options, Retirement& retirement);
  // No reader may be left.
  ~SaTable();
  SaTable(const SaTable&) = delete;
  SaTable& operator=(const SaTable&) = delete;

  // --- Workers; what they find is valid until they are next quiescent ---
  // In two steps, so that the second's cache line is asked for in time: where the SA with
  // this SPI would be (null: nowhere), and what is there (null: nothing).
  const std::atomic<InboundSa*>* PlaceOf(uint32_t spi) const {
    const Place* const place = places_[SlotOfSpi(spi)].load(std::memory_order_acquire);
    return place != nullptr && IndexOfSpi(spi) < place->size ? &place->entries[IndexOfSpi(spi)] : nullptr;
  }
  static InboundSa* Find(const std::atomic<InboundSa*>* place, uint32_t spi) {
    InboundSa* const sa = place != nullptr ? place->load(std::memory_order_acquire) : nullptr;
    return sa != nullptr && sa->spi == spi ? sa : nullptr;
  }
  InboundSa* FindInbound(uint32_t spi) const { return Find(PlaceOf(spi), spi); }

  // Null: the tunnel has none. `tunnel` at most the limit of interfaces.
  const OutboundPolicies* PoliciesOf(InterfaceId tunnel) const {
    return policies_[tunnel].load(std::memory_order_acquire);
  }
  // A packet found no SA to leave through: of which policy, or of none (kPoliciesMax). `worker`
  // is the caller's index.
  void Missed(WorkerIndex worker, InterfaceId tunnel, unsigned policy);
  // A packet above the SA's budget in a ring between workers.
  void LostBetweenWorkers(WorkerIndex worker, SaId sa) { Count(overflows_[worker][sa]); }
  // For CountPacket that said so: soft and hard lifetimes by packets and bytes.
  void Outlived(const SaRules& rules, SaUsage& usage);
  // True: it was not set.
  bool Raise(SaUsage& usage, SaState state) {
    if (__builtin_expect((usage.state.load(std::memory_order_relaxed) & state) != 0, 1)) return false;
    usage.state.fetch_or(state, std::memory_order_release);
    events_.fetch_add(1, std::memory_order_release);
    return true;
  }

  // --- The writer; a refused write changed nothing ---
  // No SA is installed with this suite from now on (kUnsupported): it does not work here.
  void Disable(EspSuiteId suite) { disabled_.insert(suite); }
  // Installs an SA, whose keys are expanded with `library`; or, of one that exists, takes over
  // endpoints and deadlines, so that it can be stated again by whoever has its keys no more:
  // counters, numbers and windows go on. kConflict: the number or the SPI is another SA's.
  // kOutOfRange: what is wrong, `value`; the caller knows the field.
  WriteResult Put(const SaDescription& wanted, MultiBuffer& library, const EspKeyMaterial& keys);
  // Another address or port of the peer (RFC 7296 section 2.23), or of ours.
  WriteResult MoveEndpoints(SaId id, const SaEndpoints& endpoints);
  // kInUse while a policy names it.
  WriteResult Remove(SaId id);
  // All outbound policies of the tunnel in place of those before; none: no packet leaves.
  // The SAs are the tunnel's own.
  WriteResult PutPolicies(InterfaceId tunnel, std::span<const OutboundPolicy> policies);
  // The tunnel ends: kInUse while it has SAs.
  WriteResult RemoveTunnel(InterfaceId tunnel);
  // Deadlines up to `now` have passed.
  void Expire(uint64_t now);

  // Null: there is none.
  const SaDescription* Describe(SaId id) const;
  const InboundSa* Inbound(SaId id) const;    // null of an outbound one
  const OutboundSa* Outbound(SaId id) const;  // and the other way round
  // Its packets that were above its budget.
  uint64_t LostBetweenWorkers(SaId id) const;
  // Empty of a tunnel that has none.
  std::span<const OutboundPolicy> DescribePolicies(InterfaceId tunnel) const;
  // The lowest number of an SA above `id`, kNoSa at the end: all of them, in order.
  SaId After(SaId id) const;
  uint32_t used() const { return static_cast<uint32_t>(records_.size()); }
  uint32_t limit() const { return sas_max_; }

  // --- Any thread ---
  // Policies of the tunnel, a bit each by index, that wanted an SA and had none; of a tunnel
  // without policies the first. A bit may be of the policies before the last change.
  uint64_t AcquiresOf(InterfaceId tunnel) const { return acquires_[tunnel].load(std::memory_order_acquire); }
  // Moves whenever a state or an acquire was raised: what was seen need not be scanned again.
  uint32_t events() const { return events_.load(std::memory_order_acquire); }
  struct Misses {
    uint64_t no_sa = 0, no_policy = 0;
  };
  Misses MissesOf(InterfaceId tunnel) const;
  // The outbound mark or the inbound one.
  uint64_t MarkOf(SaId id) const { return marks_[id].value.load(std::memory_order_acquire); }

 private:
  // The SAs of one owner slot by their SPI's index.
  struct Place {
    explicit Place(uint32_t entries_max)
        : size(entries_max), entries(new std::atomic<InboundSa*>[entries_max]()) {}
    const uint32_t size;
    const std::unique_ptr<std::atomic<InboundSa*>[]> entries;
  };

  struct Record {
    SaDescription description;
    InboundSa* inbound = nullptr;  // one of both
    OutboundSa* outbound = nullptr;
    uint64_t lost_before = 0;  // between workers, by who had the number before
  };

  WriteResult Check(const SaDescription& wanted) const;
  WriteResult Restate(Record& known, const SaDescription& wanted);
  WriteResult Install(Record& record, MultiBuffer& library, const EspKeyMaterial& keys);
  WriteResult CheckPolicies(InterfaceId tunnel, std::span<const OutboundPolicy> policies) const;
  void EnterPlace(InboundSa* sa);
  // The next deadline of the SA is waited for.
  void Schedule(const Record& record);
  void Unschedule(SaId id, uint64_t deadline);
  const Record* RecordOf(SaId id) const;

  const uint32_t sas_max_;
  const uint32_t interfaces_max_;
  Retirement& retirement_;
  std::vector<SequenceMark> own_marks_;
  std::span<SequenceMark> marks_;
  std::atomic<const Place*> places_[kOwnerSlots]{};
  std::unique_ptr<std::atomic<const OutboundPolicies*>[]> policies_;  // by interface
  std::unique_ptr<std::atomic<uint64_t>[]> acquires_;                 // by interface
  std::atomic<uint32_t> events_{0};
  std::vector<std::unique_ptr<Misses[]>> misses_;       // by worker, then interface
  std::vector<std::unique_ptr<uint64_t[]>> overflows_;  // by worker, then SA

  // The writer's own.
  std::set<EspSuiteId> disabled_;
  std::map<SaId, Record> records_;
  std::map<InterfaceId, std::vector<OutboundPolicy>> described_policies_;
  std::map<InterfaceId, uint32_t> sas_of_;  // how many, by tunnel
  std::set<std::pair<uint64_t, SaId>> deadlines_;
};

}  // namespace sluice::dataplane
