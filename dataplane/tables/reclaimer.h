// Deferred reclamation: a table's single writer takes a token after it unlinked
// something, and reuses the memory once every reader was quiescent since then.
#pragma once

#include <cstdint>

namespace sluice::dataplane {

// Called by the writer's thread only. The agent's implementation wraps
// rte_rcu_qsbr (Token = rte_rcu_qsbr_start, Passed = rte_rcu_qsbr_check without
// waiting); tests have a fake and one over real threads.
class Reclaimer {
 public:
  virtual ~Reclaimer() = default;

  // A token of a grace period that starts now. Tokens never decrease.
  virtual uint64_t Token() = 0;

  // Has every reader been quiescent, or offline, since `token` was taken? Never
  // waits. Once true for a token it is true for all earlier ones. It must
  // synchronise with the readers' reports (acquire).
  virtual bool Passed(uint64_t token) = 0;
};

}  // namespace sluice::dataplane
