// One DPDK port from opening to closing. Everything in the dataplane that
// configures a port is here; workers only receive and transmit on its queues.
#pragma once

#include <rte_mempool.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/eal/port_offloads.h"
#include "dataplane/eal/port_plan.h"
#include "dataplane/tables/ids.h"
#include "proto/net/mac_address.h"

namespace sluice::dataplane {

struct PortStatistics {
  uint64_t rx_packets = 0;
  uint64_t rx_bytes = 0;
  uint64_t tx_packets = 0;
  uint64_t tx_bytes = 0;
  uint64_t rx_missed = 0;  // by the port, for want of descriptors
  uint64_t rx_errors = 0;
  uint64_t rx_nombuf = 0;
  uint64_t tx_errors = 0;
};

struct PortLink {
  bool up = false;
  uint32_t mbps = 0;  // 0 = not known
};

class Port {
 public:
  // Probes (virtual devices) or finds (PCI), configures and sets up all queues;
  // the port is not started. Receive buffers come from `pool`, which must
  // outlive the port. Remarks are lines for the log.
  static absl::StatusOr<std::unique_ptr<Port>> Open(const PortPlan& plan, rte_mempool& pool,
                                                    std::vector<std::string>& remarks);
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  absl::Status Start(std::vector<std::string>& remarks);
  void Stop();

  PortId id() const { return id_; }
  const PortPlan& plan() const { return plan_; }
  const std::string& driver() const { return driver_; }
  const net::MacAddress& mac() const { return mac_; }
  uint16_t rx_queues() const { return plan_.rx_queues; }
  uint16_t tx_queues() const { return plan_.tx_queues; }
  const PortOffloads& offloads() const { return offloads_; }
  // What the port said to a simple rte_flow rule (VLAN to a queue).
  const std::string& flow_api() const { return flow_api_; }

  // The driver's own view; for kernel-backed ports the netlink watch knows better. Any thread.
  PortLink Link() const;
  PortStatistics Statistics() const;
  // Driver-specific counters by name. Any thread, slow.
  std::vector<std::pair<std::string, uint64_t>> ExtendedStatistics() const;

 private:
  Port(const PortPlan& plan, PortId id) : plan_(plan), id_(id) {}
  absl::Status Configure(rte_mempool& pool);
  absl::Status ReadMac();
  absl::Status SetUpQueues(rte_mempool& pool);

  PortPlan plan_;
  PortId id_;
  std::string driver_;
  net::MacAddress mac_;
  PortOffloads offloads_;
  std::string flow_api_;
  bool started_ = false;
};

}  // namespace sluice::dataplane
