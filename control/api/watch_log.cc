// Coalescing list of changes.
#include "control/api/watch_log.h"

namespace sluice::api {

void WatchLog::Append(const WatchedObject& object, bool gone) {
  const auto known = by_object_.find(object);
  if (known != by_object_.end()) {
    const auto entry = by_revision_.find(known->second);
    if (entry->second.gone) --gone_;
    by_revision_.erase(entry);
  }
  ++revision_;
  by_object_[object] = revision_;
  by_revision_[revision_] = {object, gone};
  if (gone) ++gone_;
  Trim();
  {
    const std::lock_guard lock(mutex_);
    announced_ = revision_;
  }
  beyond_.notify_all();
}

void WatchLog::Trim() {
  for (auto at = by_revision_.begin(); gone_ > gone_max_ && at != by_revision_.end();) {
    if (!at->second.gone) {
      ++at;
      continue;
    }
    trimmed_ = at->first;
    by_object_.erase(at->second.object);
    at = by_revision_.erase(at);
    --gone_;
  }
}

WatchLog::Batch WatchLog::After(uint64_t revision, size_t limit) const {
  Batch batch;
  batch.revision = revision;
  batch.too_old = revision < trimmed_ || revision > revision_;
  if (batch.too_old) return batch;
  for (auto at = by_revision_.upper_bound(revision); at != by_revision_.end(); ++at) {
    if (batch.objects.size() == limit) return batch;
    batch.objects.push_back(at->second.object);
    batch.revision = at->first;
  }
  batch.revision = revision_;
  return batch;
}

void WatchLog::WaitBeyond(uint64_t revision, absl::Duration timeout) {
  std::unique_lock lock(mutex_);
  beyond_.wait_for(lock, absl::ToChronoMilliseconds(timeout), [&] { return announced_ > revision; });
}

}  // namespace sluice::api
