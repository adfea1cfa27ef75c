// How many ICMP messages of our own a tenant may make us send (RFC 1812 section
// 4.3.2.8, RFC 4443 section 2.4 (f)). Shared by all workers.
#pragma once

#include <cstdint>
#include <memory>

#include "dataplane/tables/ids.h"
#include "dataplane/tables/rate_bucket.h"

namespace sluice::dataplane {

struct IcmpRates {
  uint32_t errors_per_second = 100;
  uint32_t echo_replies_per_second = 1000;
};

class IcmpBudgets {
 public:
  IcmpBudgets(uint32_t vrfs, IcmpRates rates, uint64_t ticks_per_second)
      : errors_(new RateBucket[vrfs]), echo_replies_(new RateBucket[vrfs]) {
    // A tenth of a second's worth may come at once, but always a traceroute's three probes.
    for (uint32_t vrf = 0; vrf < vrfs; ++vrf) {
      errors_[vrf].Configure(rates.errors_per_second, Burst(rates.errors_per_second), ticks_per_second);
      echo_replies_[vrf].Configure(rates.echo_replies_per_second, Burst(rates.echo_replies_per_second),
                                   ticks_per_second);
    }
  }

  // Any worker; `now` in ticks.
  bool TakeError(VrfId vrf, uint64_t now) { return errors_[vrf].Take(1, now); }
  bool TakeEchoReply(VrfId vrf, uint64_t now) { return echo_replies_[vrf].Take(1, now); }

 private:
  static uint64_t Burst(uint32_t per_second) { return per_second < 100 ? 10 : per_second / 10; }

  std::unique_ptr<RateBucket[]> errors_, echo_replies_;
};

}  // namespace sluice::dataplane
