// Borrowing, and the writer's side, of the policers.
#include "dataplane/tables/policer_table.h"

#include <algorithm>

namespace sluice::dataplane {
namespace {

using channel::Limit;
using channel::RefusalReason;

constexpr uint64_t kQuantaPerSecond = 10'000;  // 100 microseconds of the rate
constexpr uint64_t kBurstsPerSecond = 20;      // 50 ms of the rate
constexpr uint64_t kBurstBytesMin = 10 * 1500;

}  // namespace

PolicerTable::PolicerTable(const TableLimits& limits, WorkerIndex workers, uint64_t ticks_per_second,
                           Retirement& retirement)
    : limit_(limits.policers),
      ticks_per_second_(ticks_per_second),
      retirement_(retirement),
      policers_(new std::atomic<const Policer*>[limits.policers + 1]()),
      purses_(new Purse[uint64_t{workers} * (limits.policers + 1)]) {}

PolicerTable::~PolicerTable() {
  for (uint32_t id = 0; id < size(); ++id) delete policers_[id].load(std::memory_order_relaxed);
}

bool PolicerTable::Borrow(const Policer& policer, Purse& purse, uint32_t bytes, uint64_t now) {
  if (purse.generation != policer.generation) purse = {policer.generation, 0};
  const uint32_t missing = bytes - std::min(bytes, purse.bytes);
  if (policer.quantum_bytes > missing && policer.bucket.Take(policer.quantum_bytes, now)) {
    purse.bytes = purse.bytes + policer.quantum_bytes - bytes;
    return true;
  }
  // Near the end of the bucket the exact need is asked for, so that a policer
  // admits its burst to the last packet.
  if (missing != 0 && !policer.bucket.Take(missing, now)) return false;
  purse.bytes = purse.bytes + missing - bytes;
  return true;
}

WriteResult PolicerTable::Put(PolicerId id, uint32_t rate_kbps, uint32_t burst_bytes, uint32_t mtu_bytes) {
  if (id == kNoPolicer) return WriteResult::Refused(RefusalReason::kOutOfRange, id);
  if (id > limit_) return WriteResult::AtLimit(Limit::kPolicers, limit_);
  if (rate_kbps == 0) return WriteResult::Refused(RefusalReason::kOutOfRange, rate_kbps);
  if (burst_bytes != 0 && burst_bytes < mtu_bytes)
    return WriteResult::Refused(RefusalReason::kOutOfRange, burst_bytes);
  if (retirement_.full()) return WriteResult::AtLimit(Limit::kPendingRemovals, retirement_.pending_max());

  const uint64_t bytes_per_second = uint64_t{rate_kbps} * 125;
  const uint64_t burst =
      burst_bytes != 0 ? burst_bytes
                       : std::max({bytes_per_second / kBurstsPerSecond, kBurstBytesMin, uint64_t{mtu_bytes}});
  auto policer = std::make_unique<Policer>();
  policer->generation = ++generation_;
  policer->quantum_bytes = static_cast<uint32_t>(
      std::clamp<uint64_t>(bytes_per_second / kQuantaPerSecond, 1, std::min<uint64_t>(burst, 1u << 30)));
  policer->bucket.Configure(static_cast<double>(bytes_per_second), burst, ticks_per_second_);
  const Policer* before = policers_[id].exchange(policer.release(), std::memory_order_acq_rel);
  if (before == nullptr) {
    ++used_;
  } else {
    retirement_.Retire([before] { delete before; });
  }
  return WriteResult::Accepted();
}

WriteResult PolicerTable::Remove(PolicerId id) {
  if (!Exists(id)) return WriteResult::Refused(RefusalReason::kNotFound, id);
  if (retirement_.full()) return WriteResult::AtLimit(Limit::kPendingRemovals, retirement_.pending_max());
  const Policer* before = policers_[id].exchange(nullptr, std::memory_order_acq_rel);
  retirement_.Retire([before] { delete before; });
  --used_;
  return WriteResult::Accepted();
}

}  // namespace sluice::dataplane
