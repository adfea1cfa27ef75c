// Has the core thread delete what nobody names any more, portion by portion, with
// other work between them.
#pragma once

#include "control/api/call.h"

namespace sluice::api {

// Until Writes(state).Collect() says that nothing is left. Any thread. A server may end
// meanwhile, and its services with it: this borrows nothing but the core, which outlives them.
template <typename Writes>
void CollectLater(Core core) {
  core.executor.Post([core] {
    if (Writes(core.state).Collect()) CollectLater<Writes>(core);
  });
}

}  // namespace sluice::api
