// Which worker polls which queue and sends on which, and the rings between
// workers and the slow path.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/eal/port.h"
#include "dataplane/graph/worker_context.h"
#include "dataplane/slowpath/packet_relay.h"

namespace sluice::dataplane {

// A port as the wiring sees it.
struct PortQueues {
  PortId port = 0;
  uint16_t rx_queues = 1;
  net::MacAddress mac;
};

// Fills receive_queues and transmit of every context. Receive queues go round
// the workers, each port starting where the one before ended, so that ports with
// one queue do not all fall to worker 0. Every worker sends on the queue of its
// own number.
void AssignQueues(std::span<const PortQueues> ports, std::span<WorkerContext> workers);

// The rings of one worker; freed with the object, when nobody uses them any more.
class OwnedWorkerRings {
 public:
  static absl::StatusOr<OwnedWorkerRings> Create(WorkerIndex worker);
  OwnedWorkerRings(OwnedWorkerRings&&) = default;

  WorkerRings rings() const;

 private:
  struct FreeRing {
    // Frees what is still inside, too.
    void operator()(rte_ring* ring) const;
  };
  using Ring = std::unique_ptr<rte_ring, FreeRing>;

  OwnedWorkerRings() = default;
  static absl::StatusOr<Ring> CreateRing(const std::string& name, uint32_t slots);

  std::array<Ring, kPuntQueues> punt_;
  Ring inject_;
};

}  // namespace sluice::dataplane
