// A reclaimer for tests without readers: grace periods pass at once, or not at
// all while `hold` is set.
#pragma once

#include <cstdint>

#include "dataplane/tables/reclaimer.h"

namespace sluice::dataplane::fib {

class FakeReclaimer : public Reclaimer {
 public:
  uint64_t Token() override { return ++last_; }
  bool Passed(uint64_t) override { return !hold; }

  bool hold = false;

 private:
  uint64_t last_ = 0;
};

}  // namespace sluice::dataplane::fib
