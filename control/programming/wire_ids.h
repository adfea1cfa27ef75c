// Numbers of adjacencies and groups in the dataplane. The RIB counts its own
// from 1 in every life of the process; the dataplane may still hold those of the
// last life, which must not be mistaken for ours before they are swept. So each
// attachment counts from another place of the number space (by epoch), and a
// number that is taken after all is refused and replaced.
#pragma once

#include <cstdint>
#include <vector>

namespace sluice::programming {

class WireIds {
 public:
  // Numbers are 1..`count_max`. Forgets everything allocated.
  void Restart(uint32_t epoch, uint32_t count_max) {
    count_max_ = count_max;
    // Consecutive epochs start half of the space apart: so many objects of a life meet none of
    // the one before. Those of the lives before that are an eighth further on.
    const uint32_t eighth = epoch % 2 * 4 + epoch / 2 % 4;
    next_ = count_max == 0 ? 0 : static_cast<uint32_t>(uint64_t{eighth} * count_max / 8);
    used_.assign(count_max + 1ull, false);
    of_.clear();
  }
  // The number of the RIB's `index`, allocated on first use; 0 when all are taken.
  uint32_t Acquire(uint32_t index) {
    if (index >= of_.size()) of_.resize(index + 1ull, 0);
    if (of_[index] == 0) of_[index] = Allocate();
    return of_[index];
  }
  uint32_t Find(uint32_t index) const { return index < of_.size() ? of_[index] : 0; }
  void Release(uint32_t index) {
    if (index >= of_.size() || of_[index] == 0) return;
    used_[of_[index]] = false;
    of_[index] = 0;
  }
  // The dataplane says that the number is somebody else's: take another one.
  // The old one stays out of use until Restart.
  void Replace(uint32_t index) {
    if (index < of_.size()) of_[index] = Allocate();
  }

 private:
  // In circles, so that a freed number comes back as late as possible.
  uint32_t Allocate() {
    for (uint32_t tries = 0; tries < count_max_; ++tries) {
      const uint32_t id = next_ % count_max_ + 1;
      next_ = id;
      if (used_[id]) continue;
      used_[id] = true;
      return id;
    }
    return 0;
  }

  uint32_t count_max_ = 0;
  uint32_t next_ = 0;
  std::vector<bool> used_{false};
  std::vector<uint32_t> of_;  // by RIB index
};

}  // namespace sluice::programming
