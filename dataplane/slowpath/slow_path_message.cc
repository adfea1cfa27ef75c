// Counters into fields, one to one.
#include "dataplane/slowpath/slow_path_message.h"

namespace sluice::dataplane {

v1::GetSlowPathReply MessageOf(const SlowPath& slow_path) {
  v1::GetSlowPathReply reply;
  for (size_t i = 0; i < kBudgetClasses; ++i) {
    v1::PuntClassCounters& message = *reply.add_classes();
    message.set_name(kBudgetClassNames[i]);
    message.set_accepted(slow_path.budgets().taken(static_cast<BudgetClass>(i)));
    message.set_refused(slow_path.budgets().refused(static_cast<BudgetClass>(i)));
  }
  const RelayCounters& relay = slow_path.relay_counters();
  reply.set_punted(relay.punted);
  reply.set_injected(relay.injected);
  reply.set_inject_queue_full(relay.inject_ring_full);
  reply.set_no_buffer(relay.no_buffer);
  const NeighborCounters& counted = slow_path.neighbor_counters();
  v1::NeighborEvents& events = *reply.mutable_neighbors();
  events.set_requests_answered(counted.requests_answered);
  events.set_requests_over_budget(counted.requests_over_budget);
  events.set_malformed(counted.malformed);
  events.set_not_on_link(counted.not_on_link);
  events.set_unknown_interface(counted.unknown_interface);
  events.set_solicitations_sent(counted.solicitations_sent);
  events.set_solicitations_over_budget(counted.solicitations_over_budget);
  events.set_resolved(counted.resolved);
  events.set_failed(counted.failed);
  events.set_duplicate_addresses(counted.duplicate_addresses);
  events.set_table_full(slow_path.neighbors_refused());
  return reply;
}

}  // namespace sluice::dataplane
