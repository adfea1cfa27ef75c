// From tables to flows.
#include "dataplane/agent/wanted_flows.h"

#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

constexpr VrfId kUnderlay = 0;

struct Place {
  PortId port;
  uint16_t vlan;
};

SteeredTunnel SteeredOf(const Tunnel& tunnel) {
  SteeredTunnel steered{tunnel.kind, tunnel.local, {}, {}, tunnel.udp_port};
  if (!tunnel.is_overlay()) steered.remote = tunnel.remote;
  if (tunnel.ReceiveSelector().has_key) steered.key = tunnel.key_in;
  return steered;
}

class Collection {
 public:
  Collection(const SlotTable& slots, const OwnerQueues& queues) : slots_(slots), queues_(queues) {}

  void Add(InterfaceId interface, Place place, const std::optional<SteeredTunnel>& tunnel) {
    const auto queue = queues_.Find(place.port, slots_.OwnerOf(OwnerSlotOf(interface)).worker());
    if (queue.has_value()) flows_.insert({place.port, place.vlan, tunnel, *queue, interface});
  }
  std::set<SteeredFlow> Take() { return std::move(flows_); }

 private:
  const SlotTable& slots_;
  const OwnerQueues& queues_;
  std::set<SteeredFlow> flows_;
};

}  // namespace

void OwnerQueues::Add(PortId port, WorkerIndex worker, uint16_t queue) {
  SLUICE_CHECK(worker < workers_);
  auto& known = queues_.at(port * size_t{workers_} + worker);
  if (!known.has_value()) known = queue;
}

std::optional<uint16_t> OwnerQueues::Find(PortId port, WorkerIndex worker) const {
  const size_t at = port * size_t{workers_} + worker;
  return at < queues_.size() ? queues_[at] : std::nullopt;
}

std::set<SteeredFlow> WantedFlows(const Tables& tables, const OwnerQueues& queues) {
  Collection flows(tables.slots, queues);
  std::vector<Place> underlay;
  std::vector<InterfaceId> tunnels;
  for (uint32_t id = 1; id < tables.interfaces.size(); ++id) {
    const Interface* interface = tables.interfaces.Find(id);
    if (interface == nullptr) continue;
    if (interface->is_tunnel()) {
      tunnels.push_back(interface->id);
    } else if (interface->vrf == kUnderlay) {
      underlay.push_back({interface->port, interface->vlan});
    } else if (interface->vlan != 0) {
      flows.Add(interface->id, {interface->port, interface->vlan}, std::nullopt);
    }
  }
  for (const InterfaceId id : tunnels) {
    // Written after its interface: it may be gone or not there yet.
    const Tunnel* tunnel = tables.tunnels.Find(id);
    // The flows of an ESP tunnel are those of its SAs, which no port is asked to steer yet.
    if (tunnel == nullptr || tunnel->kind == TunnelKind::kEsp) continue;
    for (const Place place : underlay) flows.Add(id, place, SteeredOf(*tunnel));
  }
  return flows.Take();
}

}  // namespace sluice::dataplane
