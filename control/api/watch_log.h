// What changed, for watchers: a list of objects in order of their last change.
// Several changes of one object are one entry, so a slow watcher sees them
// merged and never holds anything up.
#pragma once

#include <compare>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace sluice::api {

enum class WatchedKind : uint8_t { kGateway, kTenant, kConnection };

// kGateway has no names, kTenant no part.
struct WatchedObject {
  WatchedKind kind = WatchedKind::kGateway;
  std::string tenant;
  std::string part;

  friend auto operator<=>(const WatchedObject&, const WatchedObject&) = default;
};

// Core thread only, apart from WaitBeyond.
class WatchLog {
 public:
  // Entries of objects that no longer exist are kept up to `gone_max`; a watcher
  // that fell behind what was dropped starts again with a snapshot.
  explicit WatchLog(size_t gone_max = 10'000) : gone_max_(gone_max) {}

  void Changed(const WatchedObject& object) { Append(object, false); }
  void Gone(const WatchedObject& object) { Append(object, true); }

  struct Batch {
    std::vector<WatchedObject> objects;  // in order of change
    uint64_t revision = 0;               // ask with this one the next time
    bool too_old = false;
  };
  Batch After(uint64_t revision, size_t limit) const;
  uint64_t revision() const { return revision_; }

  // Any thread: waits until something is beyond `revision`, or for `timeout`.
  void WaitBeyond(uint64_t revision, absl::Duration timeout);

 private:
  struct Entry {
    WatchedObject object;
    bool gone = false;
  };

  void Append(const WatchedObject& object, bool gone);
  void Trim();

  const size_t gone_max_;
  uint64_t revision_ = 0;
  uint64_t trimmed_ = 0;  // newest revision that was dropped
  size_t gone_ = 0;
  std::map<uint64_t, Entry> by_revision_;
  std::map<WatchedObject, uint64_t> by_object_;

  std::mutex mutex_;
  std::condition_variable beyond_;
  uint64_t announced_ = 0;  // revision_, under mutex_
};

}  // namespace sluice::api
