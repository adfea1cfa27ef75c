// The writer's side of the SAs, and the rare things that workers tell.
#include "dataplane/tables/sa/sa_table.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

using channel::Limit;
using channel::RefusalReason;

constexpr uint32_t kPlaceMin = 64;

// What tells one SA from another under the same number, and what keys were made for.
bool SameSa(const SaDescription& a, const SaDescription& b) {
  return a.direction == b.direction && a.tunnel == b.tunnel && a.spi == b.spi && a.suite == b.suite &&
         a.esn == b.esn && a.udp == b.udp && a.slot == b.slot && a.window == b.window &&
         a.soft.packets == b.soft.packets && a.soft.bytes == b.soft.bytes &&
         a.hard.packets == b.hard.packets && a.hard.bytes == b.hard.bytes && a.selectors == b.selectors;
}

bool IsSound(std::span<const TrafficSelector> selectors) {
  return selectors.size() <= kSelectorsMax &&
         std::all_of(selectors.begin(), selectors.end(), [](const auto& each) { return IsSound(each); });
}

bool WindowIsSound(const SaDescription& wanted) {
  if (wanted.direction == EspDirection::kOutbound) return wanted.window == 0;
  return wanted.window == 0 ||
         (wanted.window >= ReplayWindow::kWindowMin && wanted.window <= ReplayWindow::kWindowMax);
}

bool EndpointsAreSound(const SaEndpoints& endpoints, bool udp) {
  if (endpoints.local.is_v4() != endpoints.remote.is_v4()) return false;
  return udp == (endpoints.local_port != 0) && udp == (endpoints.remote_port != 0);
}

}  // namespace

SaTable::SaTable(const SaTableOptions& options, Retirement& retirement)
    : sas_max_(options.limits.sas),
      interfaces_max_(options.limits.interfaces),
      retirement_(retirement),
      own_marks_(options.marks.empty() ? sas_max_ + size_t{1} : 0),
      marks_(options.marks.empty() ? std::span(own_marks_) : options.marks),
      policies_(new std::atomic<const OutboundPolicies*>[interfaces_max_ + size_t{1}]()),
      acquires_(new std::atomic<uint64_t>[interfaces_max_ + size_t{1}]()) {
  SLUICE_CHECK(marks_.size() > sas_max_);
  for (WorkerIndex worker = 0; worker < options.workers; ++worker) {
    misses_.emplace_back(new Misses[interfaces_max_ + size_t{1}]());
    overflows_.emplace_back(new uint64_t[sas_max_ + size_t{1}]());
  }
}

SaTable::~SaTable() {
  for (const auto& [id, record] : records_) {
    delete record.inbound;
    delete record.outbound;
  }
  for (auto& place : places_) delete place.load(std::memory_order_relaxed);
  for (uint32_t id = 0; id <= interfaces_max_; ++id) delete policies_[id].load(std::memory_order_relaxed);
}

void SaTable::Missed(WorkerIndex worker, InterfaceId tunnel, unsigned policy) {
  Misses& misses = misses_[worker][tunnel];
  if (policy >= kPoliciesMax) return Count(misses.no_policy);
  Count(misses.no_sa);
  std::atomic<uint64_t>& acquires = acquires_[tunnel];
  const uint64_t bit = uint64_t{1} << policy;
  if ((acquires.load(std::memory_order_relaxed) & bit) != 0) return;
  acquires.fetch_or(bit, std::memory_order_release);
  events_.fetch_add(1, std::memory_order_release);
}

void SaTable::Outlived(const SaRules& rules, SaUsage& usage) {
  const auto over = [&](const SaLifetime& lifetime) {
    return (lifetime.packets != 0 && usage.packets >= lifetime.packets) ||
           (lifetime.bytes != 0 && usage.bytes >= lifetime.bytes);
  };
  if (over(rules.soft)) Raise(usage, kSaSoftExpired);
  if (over(rules.hard)) Raise(usage, kSaHardExpired);
  // What remains to be reached.
  constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();
  const auto next = [](uint64_t soft, uint64_t hard, uint64_t now) {
    uint64_t nearest = kNever;
    for (const uint64_t end : {soft, hard})
      if (end > now) nearest = std::min(nearest, end);
    return nearest;
  };
  usage.packets_next = next(rules.soft.packets, rules.hard.packets, usage.packets);
  usage.bytes_next = next(rules.soft.bytes, rules.hard.bytes, usage.bytes);
}

WriteResult SaTable::Check(const SaDescription& wanted) const {
  if (wanted.id == kNoSa) return WriteResult::Refused(RefusalReason::kOutOfRange, wanted.id);
  if (wanted.id > sas_max_) return WriteResult::AtLimit(Limit::kSas, sas_max_);
  if (wanted.tunnel == kNoInterface || wanted.tunnel > interfaces_max_)
    return WriteResult::Refused(RefusalReason::kOutOfRange, wanted.tunnel);
  const bool inbound = wanted.direction == EspDirection::kInbound;
  // RFC 4303 section 2.1: below 256 they are reserved. Our own have a home as well.
  if (wanted.spi < (inbound ? uint32_t{1} << 24 : 256))
    return WriteResult::Refused(RefusalReason::kOutOfRange, wanted.spi);
  if (disabled_.contains(wanted.suite))
    return WriteResult::Refused(RefusalReason::kUnsupported, static_cast<uint64_t>(wanted.suite));
  if (!WindowIsSound(wanted)) return WriteResult::Refused(RefusalReason::kOutOfRange, wanted.window);
  if (!EndpointsAreSound(wanted.endpoints, wanted.udp) || !IsSound(wanted.selectors))
    return WriteResult::Refused(RefusalReason::kOutOfRange, wanted.id);
  if (retirement_.full()) return WriteResult::AtLimit(Limit::kPendingRemovals, retirement_.pending_max());
  return WriteResult::Accepted();
}

WriteResult SaTable::Put(const SaDescription& wanted, MultiBuffer& library, const EspKeyMaterial& keys) {
  if (const WriteResult checked = Check(wanted); !checked.ok()) return checked;
  if (const auto known = records_.find(wanted.id); known != records_.end())
    return Restate(known->second, wanted);
  if (wanted.direction == EspDirection::kInbound) {
    const std::atomic<InboundSa*>* const place = PlaceOf(wanted.spi);
    const InboundSa* const holder = place != nullptr ? place->load(std::memory_order_relaxed) : nullptr;
    if (holder != nullptr) return WriteResult::Refused(RefusalReason::kConflict, holder->id);
  }
  Record record{wanted};
  for (const auto& of_worker : overflows_) record.lost_before += of_worker[wanted.id];
  if (const WriteResult installed = Install(record, library, keys); !installed.ok()) return installed;
  ++sas_of_[wanted.tunnel];
  Schedule(records_.emplace(wanted.id, std::move(record)).first->second);
  return WriteResult::Accepted();
}

WriteResult SaTable::Restate(Record& known, const SaDescription& wanted) {
  SaDescription& description = known.description;
  if (!SameSa(description, wanted)) return WriteResult::Refused(RefusalReason::kConflict, wanted.id);
  if (description.endpoints != wanted.endpoints) {
    if (const WriteResult moved = MoveEndpoints(wanted.id, wanted.endpoints); !moved.ok()) return moved;
  }
  Unschedule(description.id, description.soft.deadline);
  Unschedule(description.id, description.hard.deadline);
  description.soft.deadline = wanted.soft.deadline;
  description.hard.deadline = wanted.hard.deadline;
  Schedule(known);
  return WriteResult::Accepted();
}

WriteResult SaTable::Install(Record& record, MultiBuffer& library, const EspKeyMaterial& keys) {
  const SaDescription& wanted = record.description;
  SequenceMark& mark = marks_[wanted.id];
  const auto expand = [&](auto& sa) {
    const auto transform =
        ExpandEspKeys(library, SuiteOf(wanted.suite), wanted.direction, wanted.esn, keys, sa.keys);
    if (transform.ok()) sa.transform = *transform;
    return transform.ok();
  };
  if (wanted.direction == EspDirection::kInbound) {
    auto sa = std::make_unique<InboundSa>(wanted, mark);
    if (!expand(*sa)) return WriteResult::Refused(RefusalReason::kOutOfRange, wanted.id);
    mark.value.store(wanted.sequence_floor, std::memory_order_release);
    record.inbound = sa.release();
    EnterPlace(record.inbound);
  } else {
    auto sa = std::make_unique<OutboundSa>(wanted, mark);
    if (!expand(*sa)) return WriteResult::Refused(RefusalReason::kOutOfRange, wanted.id);
    mark.value.store(wanted.sequence_floor, std::memory_order_release);
    record.outbound = sa.release();
  }
  return WriteResult::Accepted();
}

// A larger place is filled aside; entries that only the old one has are none.
void SaTable::EnterPlace(InboundSa* sa) {
  std::atomic<const Place*>& place = places_[SlotOfSpi(sa->spi)];
  const Place* const before = place.load(std::memory_order_relaxed);
  const uint32_t index = IndexOfSpi(sa->spi);
  if (before != nullptr && index < before->size)
    return before->entries[index].store(sa, std::memory_order_release);
  auto larger = std::make_unique<Place>(std::max(kPlaceMin, std::bit_ceil(index + 1)));
  for (uint32_t i = 0; before != nullptr && i < before->size; ++i)
    larger->entries[i].store(before->entries[i].load(std::memory_order_relaxed), std::memory_order_relaxed);
  larger->entries[index].store(sa, std::memory_order_relaxed);
  place.store(larger.release(), std::memory_order_release);
  if (before != nullptr) retirement_.Retire([before] { delete before; });
}

WriteResult SaTable::MoveEndpoints(SaId id, const SaEndpoints& endpoints) {
  const auto known = records_.find(id);
  if (known == records_.end()) return WriteResult::Refused(RefusalReason::kNotFound, id);
  Record& record = known->second;
  if (!EndpointsAreSound(endpoints, record.description.udp))
    return WriteResult::Refused(RefusalReason::kOutOfRange, id);
  if (retirement_.full()) return WriteResult::AtLimit(Limit::kPendingRemovals, retirement_.pending_max());
  record.description.endpoints = endpoints;
  if (record.inbound != nullptr) {
    record.inbound->endpoints.Store(endpoints);
    record.inbound->usage.state.fetch_and(~uint32_t{kSaPeerMoved}, std::memory_order_release);
    return WriteResult::Accepted();
  }
  OutboundSa& sa = *record.outbound;
  const OuterHeader* const before = sa.outer.exchange(
      new OuterHeader(endpoints, sa.spi, record.description.udp), std::memory_order_acq_rel);
  retirement_.Retire([before] { delete before; });
  return WriteResult::Accepted();
}

WriteResult SaTable::Remove(SaId id) {
  const auto known = records_.find(id);
  if (known == records_.end()) return WriteResult::Refused(RefusalReason::kNotFound, id);
  const Record record = known->second;
  const InterfaceId tunnel = record.description.tunnel;
  for (const OutboundPolicy& policy : DescribePolicies(tunnel))
    if (policy.sa == id) return WriteResult::Refused(RefusalReason::kInUse, tunnel);
  if (retirement_.full()) return WriteResult::AtLimit(Limit::kPendingRemovals, retirement_.pending_max());
  Unschedule(id, record.description.soft.deadline);
  Unschedule(id, record.description.hard.deadline);
  if (record.inbound != nullptr) {
    const Place& place = *places_[SlotOfSpi(record.description.spi)].load(std::memory_order_relaxed);
    place.entries[IndexOfSpi(record.description.spi)].store(nullptr, std::memory_order_release);
  }
  if (--sas_of_[tunnel] == 0) sas_of_.erase(tunnel);
  records_.erase(known);
  // The keys are wiped with it, when no worker can be using them any more.
  retirement_.Retire([inbound = record.inbound, outbound = record.outbound] {
    delete inbound;
    delete outbound;
  });
  return WriteResult::Accepted();
}

WriteResult SaTable::CheckPolicies(InterfaceId tunnel, std::span<const OutboundPolicy> policies) const {
  if (tunnel == kNoInterface || tunnel > interfaces_max_)
    return WriteResult::Refused(RefusalReason::kOutOfRange, tunnel);
  if (policies.size() > kPoliciesMax)
    return WriteResult::Refused(RefusalReason::kOutOfRange, policies.size());
  for (const OutboundPolicy& policy : policies) {
    if (!IsSound(policy.selectors)) return WriteResult::Refused(RefusalReason::kOutOfRange, policy.sa);
    if (policy.sa == kNoSa) continue;
    const OutboundSa* const sa = Outbound(policy.sa);
    if (sa == nullptr || sa->tunnel != tunnel)
      return WriteResult::Refused(RefusalReason::kNotFound, policy.sa);
  }
  if (retirement_.full()) return WriteResult::AtLimit(Limit::kPendingRemovals, retirement_.pending_max());
  return WriteResult::Accepted();
}

WriteResult SaTable::PutPolicies(InterfaceId tunnel, std::span<const OutboundPolicy> policies) {
  if (const WriteResult checked = CheckPolicies(tunnel, policies); !checked.ok()) return checked;
  std::unique_ptr<OutboundPolicies> built;
  uint64_t satisfied = 0;
  if (!policies.empty()) built = std::make_unique<OutboundPolicies>();
  for (size_t i = 0; i < policies.size(); ++i) {
    OutboundSa* const sa = policies[i].sa == kNoSa ? nullptr : records_.at(policies[i].sa).outbound;
    built->policies_.push_back({policies[i].selectors, sa});
    if (sa != nullptr) satisfied |= uint64_t{1} << i;
  }
  if (!policies.empty() && policies[0].selectors.empty()) built->only_ = built->policies_[0].sa;
  const OutboundPolicies* const before =
      policies_[tunnel].exchange(built.release(), std::memory_order_acq_rel);
  if (before != nullptr) retirement_.Retire([before] { delete before; });
  // Of policies that are no more, or have what they wanted.
  const uint64_t listed = policies.size() >= 64 ? ~uint64_t{0} : (uint64_t{1} << policies.size()) - 1;
  acquires_[tunnel].fetch_and(listed & ~satisfied, std::memory_order_acq_rel);
  if (policies.empty()) {
    described_policies_.erase(tunnel);
  } else {
    described_policies_[tunnel].assign(policies.begin(), policies.end());
  }
  return WriteResult::Accepted();
}

WriteResult SaTable::RemoveTunnel(InterfaceId tunnel) {
  if (const auto sas = sas_of_.find(tunnel); sas != sas_of_.end())
    return WriteResult::Refused(RefusalReason::kInUse, sas->second);
  return described_policies_.contains(tunnel) ? PutPolicies(tunnel, {}) : WriteResult::Accepted();
}

void SaTable::Schedule(const Record& record) {
  const SaUsage& usage = record.inbound != nullptr ? record.inbound->usage : record.outbound->usage;
  const uint32_t state = usage.state.load(std::memory_order_relaxed);
  const SaDescription& description = record.description;
  if (description.soft.deadline != 0 && (state & kSaSoftExpired) == 0)
    deadlines_.emplace(description.soft.deadline, description.id);
  if (description.hard.deadline != 0 && (state & kSaHardExpired) == 0)
    deadlines_.emplace(description.hard.deadline, description.id);
}

void SaTable::Unschedule(SaId id, uint64_t deadline) {
  deadlines_.erase({deadline, id});
}

void SaTable::Expire(uint64_t now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto [deadline, id] = *deadlines_.begin();
    deadlines_.erase(deadlines_.begin());
    const Record& record = records_.at(id);
    SaUsage& usage = record.inbound != nullptr ? record.inbound->usage : record.outbound->usage;
    if (deadline == record.description.soft.deadline) Raise(usage, kSaSoftExpired);
    if (deadline == record.description.hard.deadline) Raise(usage, kSaHardExpired);
  }
}

const SaTable::Record* SaTable::RecordOf(SaId id) const {
  const auto known = records_.find(id);
  return known == records_.end() ? nullptr : &known->second;
}

const SaDescription* SaTable::Describe(SaId id) const {
  const Record* const record = RecordOf(id);
  return record == nullptr ? nullptr : &record->description;
}

const InboundSa* SaTable::Inbound(SaId id) const {
  const Record* const record = RecordOf(id);
  return record == nullptr ? nullptr : record->inbound;
}

const OutboundSa* SaTable::Outbound(SaId id) const {
  const Record* const record = RecordOf(id);
  return record == nullptr ? nullptr : record->outbound;
}

std::span<const OutboundPolicy> SaTable::DescribePolicies(InterfaceId tunnel) const {
  const auto known = described_policies_.find(tunnel);
  if (known == described_policies_.end()) return {};
  return known->second;
}

SaId SaTable::After(SaId id) const {
  const auto next = records_.upper_bound(id);
  return next == records_.end() ? kNoSa : next->first;
}

SaTable::Misses SaTable::MissesOf(InterfaceId tunnel) const {
  Misses sum;
  for (const auto& of_worker : misses_) {
    sum.no_sa += of_worker[tunnel].no_sa;
    sum.no_policy += of_worker[tunnel].no_policy;
  }
  return sum;
}

uint64_t SaTable::LostBetweenWorkers(SaId id) const {
  uint64_t sum = 0;
  for (const auto& of_worker : overflows_) sum += of_worker[id];
  const Record* const record = RecordOf(id);
  return record == nullptr ? 0 : sum - record->lost_before;
}

}  // namespace sluice::dataplane
