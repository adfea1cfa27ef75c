// A whole dataplane but its ports: workers, agent and slow path on threads of their own, a
// control that sends records through the channel, and hosts that answer ARP and ND.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/agent/running_agent.h"
#include "dataplane/slowpath/slow_path.h"
#include "tests/graph/harness.h"

namespace sluice::testing {

// A frame that a port sent, tagged.
struct SentFrame {
  uint16_t port = 0, vlan = 0;
  Bytes bytes;
};

// Everything public is for the test's own thread.
class ChurnGateway {
 public:
  // Who has this address on the VLAN; absent: nobody answers.
  using Hosts = std::function<std::optional<net::MacAddress>(uint16_t vlan, const net::Address&)>;

  ChurnGateway(uint16_t workers, Hosts hosts);
  ~ChurnGateway();

  GraphHarness& graph() { return *graph_; }
  dataplane::testing::Control& control() { return *control_; }
  // A record becomes visible to the agent at once; nothing is waited for.
  void Send(dataplane::testing::Record record);

  // Takes what the ports sent: requests for our hosts are answered, the rest is returned.
  std::vector<SentFrame> Collect();
  // Answers that did not come as far as the slow path, by now: those on a VLAN that is
  // nobody's for the moment are drops like any other.
  uint64_t AnswersNotTaken() const;

 private:
  // True: it was neighbour discovery, and is dealt with.
  bool Answer(const SentFrame& frame);

  Hosts hosts_;
  uint64_t answers_ = 0;
  dataplane::testing::TemporaryDirectory directory_;
  dataplane::QsbrReclaimer reclaimer_;
  std::unique_ptr<GraphHarness> graph_;
  rte_mempool* slow_path_pool_;
  std::unique_ptr<channel::ChannelMemory> memory_;
  std::unique_ptr<channel::PacketPort> packets_;
  std::unique_ptr<channel::ChannelServer> server_;
  dataplane::NeighborMailbox requests_;
  dataplane::AgentInbox inbox_;
  std::unique_ptr<dataplane::TableWriter> writer_;
  std::unique_ptr<dataplane::Agent> agent_;
  std::unique_ptr<dataplane::SlowPath> slow_path_;
  std::unique_ptr<dataplane::testing::Control> control_;
};

}  // namespace sluice::testing
