// The slow path without its thread, workers and ports: the test is the worker on
// the other side of the rings, control behind the channel, and the clock.
#pragma once

#include <sys/socket.h>

#include <map>
#include <optional>
#include <string>

#include "dataplane/packet/path_mtu_message.h"
#include "dataplane/slowpath/slow_path.h"
#include "dataplane/tables/fib/fake_reclaimer.h"
#include "tests/graph/harness.h"

namespace sluice::testing {

struct SlowPathRigOptions {
  uint32_t buffers = 256;
  uint32_t ring_slots = 256;
  dataplane::NeighborSettings neighbors;
};

class SlowPathRig {
 public:
  // VRF 1 with interface 1 on VLAN 10: 10.1.0.254/24 and 2001:db8:1::fe/64.
  explicit SlowPathRig(const SlowPathRigOptions& options = {});
  ~SlowPathRig();

  dataplane::SlowPath& slow_path() { return *slow_path_; }
  dataplane::Tables& tables() { return tables_; }
  channel::ChannelMemory& memory() { return memory_; }

  void AttachControl();
  // Control's end of the inject ring; publishes at once.
  void ControlInjects(const channel::InjectRecord& record, const Bytes& packet);

  // One more VRF, below 4, whose interface has the VRF's number and the same addresses.
  void AddTenant(dataplane::VrfId tenant);

  // A packet as a worker punts it that got it from this interface, then Turn().
  // `next_hop`, IPv4, is that of kUnresolved. Without a `tenant` it is the interface's.
  void Punt(dataplane::PuntClass punt_class, const Bytes& bytes, const std::string& next_hop = "",
            dataplane::InterfaceId interface = 1, std::optional<dataplane::VrfId> tenant = std::nullopt);
  void Turn() { slow_path_->Turn(now); }
  void Pass(dataplane::Duration time) {
    now += time;
    Turn();
  }
  // What the worker was given since the last call.
  std::vector<Punted> TakeInjected();

  // Drops since the test began, by "vrf 1 no_route".
  std::map<std::string, uint64_t> Drops() const;
  // What the agent was told of paths; it may be full.
  std::vector<dataplane::PathMtuReport> TakePathMtus() { return std::exchange(agent_.path_mtus, {}); }
  void FillAgent() { agent_.full = true; }
  // Buffers of the slow path that are not free.
  uint32_t buffers_in_use() const { return rte_mempool_in_use_count(own_pool_); }
  // All of them are somebody else's, until the rig goes.
  void TakeAllBuffers();

  dataplane::Instant now{std::chrono::seconds(1000)};

 private:
  struct Agent final : dataplane::NeighborSink {
    bool Push(const dataplane::NeighborUpdate&) override { return true; }
    bool Push(const dataplane::DuplicateAddressReport&) override { return true; }
    bool Push(const dataplane::PortLinkChange&) override { return true; }
    bool Push(const dataplane::PeerReport&) override { return true; }
    bool Push(const dataplane::PathMtuReport& report) override {
      if (full) return false;
      path_mtus.push_back(report);
      return true;
    }
    std::vector<dataplane::PathMtuReport> path_mtus;
    bool full = false;
  };
  rte_ring* CreateRing(const char* name, uint32_t slots);

  rte_mempool* worker_pool_;
  rte_mempool* own_pool_;
  dataplane::WorkerRings rings_;
  dataplane::fib::FakeReclaimer reclaimer_;
  dataplane::Tables tables_;
  channel::ChannelMemory memory_;
  channel::PacketPort control_;
  channel::FileDescriptor bell_;
  channel::RingProducer injects_;
  std::unique_ptr<rte_rcu_qsbr, void (*)(void*)> qsbr_;
  dataplane::NeighborMailbox requests_;
  Agent agent_;
  std::unique_ptr<dataplane::SlowPath> slow_path_;
  std::vector<rte_mbuf*> taken_;
  std::map<std::string, uint64_t> drops_before_;
};

}  // namespace sluice::testing
