// A rate limit for one thread, with time as an argument.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/slowpath/instant.h"

namespace sluice::dataplane {

class TokenBucket {
 public:
  // Starts full.
  TokenBucket(uint32_t per_second, uint32_t burst) : per_second_(per_second), burst_(burst), tokens_(burst) {}

  bool Take(Instant now) {
    if (now > filled_at_) {
      const std::chrono::duration<double> passed = now - filled_at_;
      tokens_ = std::min<double>(burst_, tokens_ + passed.count() * per_second_);
      filled_at_ = now;
    }
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double per_second_;
  double burst_;
  double tokens_;
  Instant filled_at_{};
};

}  // namespace sluice::dataplane
