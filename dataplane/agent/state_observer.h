// Who wants to hear of liveness: the WatchState streams. Called on the agent's
// thread after a change was published; must not wait.
#pragma once

#include <cstdint>

#include "dataplane/tables/ids.h"
#include "dataplane/tables/neighbor_table.h"

namespace sluice::dataplane {

class StateObserver {
 public:
  virtual ~StateObserver() = default;
  // Its liveness, the cause or its MTU changed, or it is gone.
  virtual void OnAdjacency(AdjacencyId adjacency) = 0;
  // Its state or MAC changed, or it is gone.
  virtual void OnNeighbor(const NeighborKey& neighbor) = 0;
  virtual void OnCarrier(PortId port) = 0;
  // The far end of the tunnel became silent or answers again, or is not asked any more.
  virtual void OnPeer(InterfaceId tunnel) = 0;
};

}  // namespace sluice::dataplane
