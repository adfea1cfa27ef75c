// Cached state and counters of the dataplane: see the header.
#include "control/io/live_state.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"

namespace sluice::io {

namespace v1 = dataplane::v1;

size_t LiveState::NeighborHash::operator()(const NeighborKey& key) const {
  const net::Address& address = key.second;
  return address.is_v4() ? absl::HashOf(key.first, address.v4().value)
                         : absl::HashOf(key.first, address.v6().High(), address.v6().Low());
}

void LiveState::Attached(const v1::AttachReply& reply,
                         std::shared_ptr<const channel::ChannelClient> channel) {
  if (attached_) Detached();
  ForgetDeleted();
  // The same dataplane still has in its counters what it said last.
  if (reply.instance() != instance_) carried_ = std::move(last_totals_);
  last_totals_.clear();
  last_drops_.clear();
  attached_ = true;
  ++attachments_;
  instance_ = reply.instance();
  workers_ = reply.workers();
  channel_ = std::move(channel);
  counters_ = channel_ ? std::optional(channel_->counters()) : std::nullopt;
  limits_.clear();
  for (const v1::TableFill& fill : reply.limits()) limits_[fill.name()] = fill.limit();
  ports_.clear();
  for (const v1::PortState& port : reply.ports()) ports_[port.number()] = port;
  ports_known_ = true;
}

void LiveState::Detached() {
  last_drops_ = Drops();
  for (const auto& [vrf, tenant] : sender_.tenants()) {
    for (const programming::InterfaceObject& interface : tenant.interfaces) {
      last_totals_[interface.interface] = Read(interface);
    }
  }
  attached_ = false;
  counters_.reset();
  channel_.reset();
  neighbors_.clear();
  failed_.clear();
  stuck_.clear();
  tunnel_paths_.clear();
  paths_of_.clear();
  silent_since_us_.clear();
  for (auto& [number, port] : ports_) port.set_link_up(false);
}

void LiveState::SnapshotBegins() {
  neighbors_.clear();
  failed_.clear();
  tunnel_paths_.clear();
  paths_of_.clear();
  silent_since_us_.clear();
  stuck_.clear();
}

void LiveState::NoteStuck(const v1::StuckWorkers& stuck) {
  stuck_.clear();
  for (const v1::StuckWorker& worker : stuck.workers()) {
    stuck_.push_back({worker.index(), worker.core()});
    spdlog::error("worker {} (core {}) is stuck: no sign of life for more than a second", worker.index(),
                  worker.core());
  }
  if (stuck_.empty()) spdlog::info("no worker is stuck any more");
}

void LiveState::Changed(const v1::StateChange& change) {
  switch (change.change_case()) {
    case v1::StateChange::kPort: {
      v1::PortState& port = ports_[change.port().number()];
      if (port.link_up() != change.port().link_up()) {
        spdlog::info("port {}: link {}", change.port().name(), change.port().link_up() ? "up" : "down");
      }
      port = change.port();
      return;
    }
    case v1::StateChange::kNeighbor: {
      const auto address = net::Address::Parse(change.neighbor().address());
      if (!address) return;
      NoteNeighbor({change.neighbor().interface(), *address}, change.neighbor());
      return;
    }
    case v1::StateChange::kDuplicateAddress: {
      const v1::DuplicateAddress& duplicate = change.duplicate_address();
      const programming::InterfaceObject* interface = InterfaceOf(duplicate.interface());
      ++duplicate_addresses_;
      spdlog::warn("{}: address {} is also used by {}",
                   interface == nullptr ? absl::StrCat("interface ", duplicate.interface()) : interface->name,
                   duplicate.address(), duplicate.mac());
      return;
    }
    case v1::StateChange::kStuckWorkers:
      return NoteStuck(change.stuck_workers());
    case v1::StateChange::kAdjacency:
      NoteAdjacency(change.adjacency());
      return;
    case v1::StateChange::kPeer:
      return NotePeer(change.peer());
    case v1::StateChange::kSnapshotComplete:
    case v1::StateChange::CHANGE_NOT_SET:
      return;
  }
}

void LiveState::NotePeer(const v1::PeerState& peer) {
  if (!peer.has_silent_since_ms()) {
    if (silent_since_us_.erase(peer.interface()) != 0 && InterfaceOf(peer.interface()) != nullptr)
      spdlog::info("{}: the peer is not silent any more", InterfaceOf(peer.interface())->name);
    return;
  }
  silent_since_us_[peer.interface()] = peer.silent_since_ms() * 1000;
  const programming::InterfaceObject* interface = InterfaceOf(peer.interface());
  if (interface != nullptr) spdlog::warn("{}: the peer leaves probes unanswered", interface->name);
}

std::optional<int64_t> LiveState::SilentSince(uint32_t interface) const {
  const auto at = silent_since_us_.find(interface);
  return at == silent_since_us_.end() ? std::nullopt : std::optional(at->second);
}

// Of an adjacency that is gone only the number is told.
void LiveState::NoteAdjacency(const v1::Adjacency& adjacency) {
  if (const auto before = tunnel_paths_.find(adjacency.id()); before != tunnel_paths_.end()) {
    const auto of = paths_of_.find(before->second.first);
    of->second.all.erase(adjacency.id());
    of->second.down.erase(adjacency.id());
    of->second.narrow.erase({before->second.second.path_mtu, adjacency.id()});
    if (of->second.all.empty()) paths_of_.erase(of);
    tunnel_paths_.erase(before);
  }
  if (adjacency.kind() != "tunnel") return;
  const auto path_mtu = static_cast<uint16_t>(adjacency.path_mtu());
  tunnel_paths_[adjacency.id()] = {adjacency.interface(),
                                   {adjacency.next_hop(), adjacency.live(), adjacency.down_reason(), path_mtu,
                                    adjacency.path_mtu_learned_ms() * 1000}};
  PathsOfTunnel& paths = paths_of_[adjacency.interface()];
  paths.all.insert(adjacency.id());
  if (!adjacency.live()) paths.down.insert(adjacency.id());
  if (path_mtu != 0) paths.narrow.emplace(path_mtu, adjacency.id());
}

std::vector<api::TunnelPath> LiveState::TunnelPaths(uint32_t interface) const {
  std::vector<api::TunnelPath> paths;
  const auto at = paths_of_.find(interface);
  if (at == paths_of_.end()) return paths;
  for (const uint32_t adjacency : at->second.all) paths.push_back(tunnel_paths_.at(adjacency).second);
  return paths;
}

api::TunnelReach LiveState::Reach(uint32_t interface) const {
  api::TunnelReach reach;
  const auto at = paths_of_.find(interface);
  if (at == paths_of_.end()) return reach;
  reach.paths = at->second.all.size();
  reach.down = at->second.down.size();
  reach.narrow = at->second.narrow.size();
  if (reach.narrow != 0) reach.narrowest = tunnel_paths_.at(at->second.narrow.begin()->second).second;
  for (const uint32_t adjacency : at->second.down) {
    if (reach.some_down.size() == api::kDownPathsShown) break;
    // Many virtual machines of one host are many paths.
    const api::TunnelPath& path = tunnel_paths_.at(adjacency).second;
    if (std::find(reach.some_down.begin(), reach.some_down.end(), path) == reach.some_down.end())
      reach.some_down.push_back(path);
  }
  return reach;
}

void LiveState::NoteNeighbor(const NeighborKey& key, const v1::Neighbor& neighbor) {
  if (neighbor.state() == "failed") {
    failed_[key.first].insert(key.second);
  } else if (const auto at = failed_.find(key.first); at != failed_.end()) {
    at->second.erase(key.second);
    if (at->second.empty()) failed_.erase(at);
  }
  if (neighbor.state().empty() || neighbor.state() == "removed") {
    neighbors_.erase(key);
  } else {
    neighbors_[key] = {neighbor.vrf(), neighbor.state()};
  }
}

std::vector<net::Address> LiveState::FailedNeighbors(uint32_t interface) const {
  const auto at = failed_.find(interface);
  if (at == failed_.end()) return {};
  return {at->second.begin(), at->second.end()};
}

std::optional<std::vector<api::PortState>> LiveState::Ports() const {
  if (!ports_known_) return std::nullopt;
  std::vector<api::PortState> states;
  for (const auto& [number, port] : ports_) {
    states.push_back({port.name(), static_cast<uint16_t>(port.mtu()), port.link_up()});
  }
  std::sort(states.begin(), states.end(),
            [](const api::PortState& a, const api::PortState& b) { return a.name < b.name; });
  return states;
}

api::NeighborLiveness LiveState::Liveness(uint32_t interface, const net::Address& address) const {
  const auto at = neighbors_.find({interface, address});
  if (at == neighbors_.end()) return api::NeighborLiveness::kUnknown;
  const std::string& state = at->second.state;
  if (state == "incomplete") return api::NeighborLiveness::kResolving;
  if (state == "failed") return api::NeighborLiveness::kFailed;
  // Stale, delay and probe neighbours still get packets (RFC 4861 section 7.3.2).
  return api::NeighborLiveness::kReachable;
}

absl::flat_hash_map<std::string, uint64_t> LiveState::NeighborStates(uint32_t vrf) const {
  absl::flat_hash_map<std::string, uint64_t> states;
  for (const auto& [key, neighbor] : neighbors_) {
    if (neighbor.vrf == vrf) ++states[neighbor.state];
  }
  return states;
}

const programming::InterfaceObject* LiveState::InterfaceOf(uint32_t number) const {
  const programming::Object* object = sender_.Wanted({programming::ObjectKind::kInterface, number, {}});
  return object == nullptr ? nullptr : std::get_if<programming::InterfaceObject>(object);
}

LiveState::Totals LiveState::Read(const programming::InterfaceObject& interface) const {
  Totals totals;
  const auto& before = attached_ ? carried_ : last_totals_;
  if (const auto at = before.find(interface.interface); at != before.end()) totals = at->second;
  if (!counters_) return totals;
  const channel::PacketsAndBytes rx = counters_->InterfaceRx(interface.interface);
  const channel::PacketsAndBytes tx = counters_->InterfaceTx(interface.interface);
  totals.rx.packets += rx.packets;
  totals.rx.bytes += rx.bytes;
  totals.tx.packets += tx.packets;
  totals.tx.bytes += tx.bytes;
  if (interface.tunnel) {
    const channel::ProbeCounters probes = counters_->Probes(interface.interface);
    totals.probes.sent += probes.sent;
    totals.probes.answered += probes.answered;
    totals.probes.returned += probes.returned;
  }
  if (interface.policer_in != 0) totals.policed_in += counters_->PolicerDropped(interface.policer_in).packets;
  if (interface.policer_out != 0) {
    totals.policed_out += counters_->PolicerDropped(interface.policer_out).packets;
  }
  return totals;
}

uint64_t LiveState::Limit(std::string_view name) const {
  const auto at = limits_.find(absl::string_view(name.data(), name.size()));
  return at == limits_.end() ? 0 : at->second;
}

api::InterfaceCounters LiveState::Counters(uint32_t number) const {
  api::InterfaceCounters counters;
  const programming::InterfaceObject* interface = InterfaceOf(number);
  if (interface == nullptr) return counters;
  const Totals totals = Read(*interface);
  counters.inbound_packets = totals.rx.packets;
  counters.inbound_bytes = totals.rx.bytes;
  counters.outbound_packets = totals.tx.packets;
  counters.outbound_bytes = totals.tx.bytes;
  counters.inbound_rate_limited = totals.policed_in;
  counters.inbound_dropped = totals.policed_in;
  counters.outbound_rate_limited = totals.policed_out;
  counters.outbound_dropped = totals.policed_out;
  counters.probes_sent = totals.probes.sent;
  counters.probes_answered = totals.probes.answered;
  counters.keepalives_returned = totals.probes.returned;
  if (const auto at = rates_.find(number); at != rates_.end() && attached_) {
    counters.inbound_kbps = at->second.rx_kbps;
    counters.outbound_kbps = at->second.tx_kbps;
  }
  return counters;
}

std::vector<api::DropCount> LiveState::Drops() const {
  if (!counters_) return last_drops_;
  std::vector<api::DropCount> drops;
  const auto add = [&](uint32_t vrf) {
    for (uint32_t reason = 0; reason < counters_->geometry().drop_reasons; ++reason) {
      const uint64_t packets = counters_->Drops(vrf, reason);
      if (packets > 0) drops.push_back({vrf, reason, packets});
    }
  };
  add(0);
  for (const auto& [vrf, tenant] : sender_.tenants()) {
    if (vrf != 0) add(vrf);
  }
  return drops;
}

void LiveState::ForgetDeleted() {
  const auto deleted = [this](const auto& entry) { return InterfaceOf(entry.first) == nullptr; };
  absl::erase_if(carried_, deleted);
  absl::erase_if(last_totals_, deleted);
  std::erase_if(last_drops_, [this](const api::DropCount& drops) {
    return drops.vrf != 0 && !sender_.tenants().contains(drops.vrf);
  });
}

void LiveState::Sample(Instant now) {
  ForgetDeleted();
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - sampled_).count();
  sampled_ = now;
  absl::flat_hash_map<uint32_t, Rate> rates;
  for (const auto& [vrf, tenant] : sender_.tenants()) {
    for (const programming::InterfaceObject& interface : tenant.interfaces) {
      const Totals totals = Read(interface);
      Rate& rate = rates[interface.interface];
      rate.rx_bytes = totals.rx.bytes;
      rate.tx_bytes = totals.tx.bytes;
      const auto before = rates_.find(interface.interface);
      if (before == rates_.end() || elapsed <= 0) continue;
      const auto milliseconds = static_cast<uint64_t>(elapsed);
      // Bits per millisecond are kbit/s.
      rate.rx_kbps = (rate.rx_bytes - std::min(rate.rx_bytes, before->second.rx_bytes)) * 8 / milliseconds;
      rate.tx_kbps = (rate.tx_bytes - std::min(rate.tx_bytes, before->second.tx_bytes)) * 8 / milliseconds;
    }
  }
  rates_ = std::move(rates);
}

}  // namespace sluice::io
