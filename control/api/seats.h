// A named limit on calls that hold a thread or much memory for long.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "control/api/refusal.h"

namespace sluice::api {

class Seats {
 public:
  Seats(std::string limit, uint32_t max) : limit_(std::move(limit)), max_(max) {}

  // Taken for as long as it lives, or not.
  class Seat {
   public:
    explicit Seat(Seats& seats) : seats_(seats), before_(seats.taken_++) {}
    ~Seat() { --seats_.taken_; }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

    // RESOURCE_EXHAUSTED with the limit's name when all seats were taken.
    absl::Status status() const {
      if (before_ < seats_.max_) return absl::OkStatus();
      return LimitReached(seats_.limit_, absl::StrCat("there are ", before_, " already; limit ",
                                                      seats_.limit_, " is ", seats_.max_));
    }

   private:
    Seats& seats_;
    const uint32_t before_;
  };

 private:
  const std::string limit_;
  const uint32_t max_;
  std::atomic<uint32_t> taken_ = 0;
};

}  // namespace sluice::api
