// The states of RFC 4861 section 7.3.2, for ARP as well, and what time does to them.
#include "dataplane/slowpath/neighbor_resolution.h"

#include <algorithm>

#include "dataplane/slowpath/ethernet_frame.h"

namespace sluice::dataplane {

NeighborResolution::NeighborResolution(const NeighborSettings& settings, uint64_t seed)
    : settings_(settings),
      random_(static_cast<std::minstd_rand::result_type>(seed)),
      cache_(settings.limits),
      held_(settings.held_per_neighbor, settings.held_per_tenant) {}

LocalInterface* NeighborResolution::FindInterface(InterfaceId interface) {
  const auto found = interfaces_.find(interface);
  return found == interfaces_.end() ? nullptr : &found->second;
}

// Between half and one and a half times `time` (RFC 4861 section 6.3.2).
Duration NeighborResolution::Jittered(Duration time) {
  std::uniform_real_distribution<double> factor(0.5, 1.5);
  return std::chrono::duration_cast<Duration>(time * factor(random_));
}

void NeighborResolution::Handle(Instant now, const InterfaceChange& change, NeighborOutputs& out) {
  if (change.removed || !change.up) return RemoveInterface(change.interface, out);
  const auto found = interfaces_.find(change.interface);
  LocalInterface after(change, settings_.requests_per_second, settings_.solicitations_per_second);
  if (found == interfaces_.end()) {
    AnnounceAdded(now, interfaces_.emplace(change.interface, std::move(after)).first->second, nullptr);
    // Next hops were watched while the interface was down.
    for (const LinkAddress& key : cache_.KeysOf(change.interface)) {
      Neighbor& neighbor = *cache_.Find(key);
      cache_.SetVrf(neighbor, change.vrf);
      if (neighbor.state != NeighborState::kStatic) Resolve(now, neighbor, out);
    }
    return HandleTime(now, out);
  }
  const LocalInterface before = std::exchange(found->second, std::move(after));
  const LocalInterface& interface = found->second;
  const bool moved = before.config.port != change.port || before.config.vlan != change.vlan ||
                     before.config.vrf != change.vrf || before.config.mac != change.mac;
  if (moved) {
    // Another link: nothing that was learned holds, and everybody must hear of us.
    const InterfaceChange again = change;
    InterfaceChange gone = change;
    gone.up = false;
    Handle(now, gone, out);
    return Handle(now, again, out);
  }
  for (const net::Address& address : before.Addresses()) {
    if (!interface.IsOwn(address)) announcer_.Stop({change.interface, address});
  }
  for (const LinkAddress& key : cache_.KeysOf(change.interface)) {
    Neighbor& neighbor = *cache_.Find(key);
    const bool kept = neighbor.watched || neighbor.state == NeighborState::kStatic;
    if (!kept && (!interface.IsOnLink(key.address) || interface.IsOwn(key.address))) Forget(neighbor, out);
  }
  AnnounceAdded(now, interface, &before);
  HandleTime(now, out);
}

// An interface that is down keeps what control asked for, not what was learned.
void NeighborResolution::RemoveInterface(InterfaceId interface, NeighborOutputs& out) {
  announcer_.StopAll(interface);
  interfaces_.erase(interface);
  for (const LinkAddress& key : cache_.KeysOf(interface)) {
    Neighbor& neighbor = *cache_.Find(key);
    for (const PacketHandle packet : held_.Take(key))
      out.push_back(DiscardPacket{packet, DropReason::kInterfaceDown});
    if (neighbor.state == NeighborState::kStatic) continue;
    if (!neighbor.watched) {
      Forget(neighbor, out);
      continue;
    }
    neighbor.mac.reset();
    cache_.SetDue(neighbor, std::nullopt);
    if (neighbor.state != NeighborState::kFailed) SetState(neighbor, NeighborState::kFailed, out);
  }
}

void NeighborResolution::AnnounceAdded(Instant now, const LocalInterface& interface,
                                       const LocalInterface* before) {
  if (interface.is_overlay()) return;
  for (const net::Address& address : interface.Addresses()) {
    if (before == nullptr || !before->IsOwn(address))
      announcer_.Start(now, {interface.config.interface, address});
  }
}

void NeighborResolution::Handle(Instant now, const NextHopWatch& watch, NeighborOutputs& out) {
  const LinkAddress key{watch.interface, watch.address};
  Neighbor* neighbor = cache_.Find(key);
  if (!watch.watched) {
    if (neighbor == nullptr || !neighbor->watched) return;
    neighbor->watched = false;
    // Back to the life of any other neighbour.
    if (neighbor->state == NeighborState::kFailed) return Forget(*neighbor, out);
    return;
  }
  LocalInterface* const interface = FindInterface(watch.interface);
  if (neighbor == nullptr) {
    const VrfId vrf = interface != nullptr ? interface->config.vrf : 0;
    neighbor = cache_.Insert(key, vrf, NeighborCache::Purpose::kWanted);
    neighbor->watched = true;
    if (interface != nullptr) return Resolve(now, *neighbor, out);
    return SetState(*neighbor, NeighborState::kFailed, out);
  }
  neighbor->watched = true;
  // What nobody had an interest in for a while is to be confirmed now.
  if (neighbor->state == NeighborState::kStale && interface != nullptr) Probe(now, *neighbor, out);
}

void NeighborResolution::Handle(Instant now, const StaticNeighbor& entry, NeighborOutputs& out) {
  const LinkAddress key{entry.interface, entry.address};
  Neighbor* neighbor = cache_.Find(key);
  LocalInterface* const interface = FindInterface(entry.interface);
  if (!entry.mac) {
    if (neighbor == nullptr || neighbor->state != NeighborState::kStatic) return;
    if (!neighbor->watched) return Forget(*neighbor, out);
    neighbor->mac.reset();
    if (interface == nullptr) return SetState(*neighbor, NeighborState::kFailed, out);
    return Resolve(now, *neighbor, out);
  }
  if (neighbor == nullptr)
    neighbor =
        cache_.Insert(key, interface != nullptr ? interface->config.vrf : 0, NeighborCache::Purpose::kWanted);
  neighbor->mac = entry.mac;
  cache_.SetDue(*neighbor, std::nullopt);
  SetState(*neighbor, NeighborState::kStatic, out);
  Release(*neighbor, out);
}

void NeighborResolution::HandleLinkUp(Instant now, PortId port, NeighborOutputs& out) {
  for (auto& [id, interface] : interfaces_) {
    if (interface.config.port != port) continue;
    AnnounceAdded(now, interface, nullptr);
    for (const LinkAddress& key : cache_.KeysOf(id)) {
      Neighbor& neighbor = *cache_.Find(key);
      if (neighbor.state == NeighborState::kStatic || neighbor.state == NeighborState::kIncomplete) continue;
      if (neighbor.state == NeighborState::kFailed && !neighbor.watched) continue;
      neighbor.mac ? Probe(now, neighbor, out) : Resolve(now, neighbor, out);
    }
  }
  HandleTime(now, out);
}

void NeighborResolution::HandleUnresolved(Instant now, const LinkAddress& key, VrfId tenant,
                                          PacketHandle packet, NeighborOutputs& out) {
  LocalInterface* const local = FindInterface(key.interface);
  if (local == nullptr || local->is_overlay()) {
    ++counters_.unknown_interface;
    out.push_back(DiscardPacket{packet, DropReason::kInterfaceDown});
    return;
  }
  Neighbor* neighbor = cache_.Find(key);
  const bool fresh = neighbor == nullptr;
  if (fresh) neighbor = cache_.Insert(key, local->config.vrf, NeighborCache::Purpose::kResolve);
  if (neighbor == nullptr || neighbor->state == NeighborState::kFailed) {
    out.push_back(UnreachablePacket{packet});
    return;
  }
  if (neighbor->mac) {
    // The worker asked before it saw the agent's answer.
    out.push_back(ReleasePacket{packet, key.interface, *neighbor->mac});
    return;
  }
  for (const PacketHandle evicted : held_.Hold(tenant, key, packet)) out.push_back(DiscardPacket{evicted});
  if (fresh) Resolve(now, *neighbor, out);
}

void NeighborResolution::HandleTime(Instant now, NeighborOutputs& out) {
  for (const auto& announcement : announcer_.TakeDue(now)) {
    const auto& [interface, own] = announcement.own;
    if (!own.is_v4()) SendMembership(*FindInterface(interface), own.v6(), !announcement.refresh, out);
    if (!announcement.refresh) Announce(now, announcement, out);
  }
  while (Neighbor* const neighbor = cache_.PopDue(now)) OnDue(now, *neighbor, out);
}

std::optional<Instant> NeighborResolution::NextDeadline() const {
  const auto neighbor = cache_.NextDue();
  const auto announcement = announcer_.NextDue();
  if (neighbor && announcement) return std::min(*neighbor, *announcement);
  return neighbor ? neighbor : announcement;
}

void NeighborResolution::OnDue(Instant now, Neighbor& neighbor, NeighborOutputs& out) {
  if (FindInterface(neighbor.key.interface) == nullptr) return;
  switch (neighbor.state) {
    case NeighborState::kReachable:
      if (neighbor.watched) return Probe(now, neighbor, out);
      return Stale(now, neighbor, *neighbor.mac, out);
    case NeighborState::kStale:
    case NeighborState::kDelay:
      return Probe(now, neighbor, out);
    case NeighborState::kIncomplete:
    case NeighborState::kProbe: {
      if (neighbor.probes_sent >= settings_.probes_max) return Fail(now, neighbor, out);
      const bool sent = Solicit(now, neighbor, out);
      // RETRANS_TIMER (RFC 4861 section 10); only a next hop that failed is asked ever more rarely.
      cache_.SetDue(neighbor, now + (sent ? Jittered(settings_.retransmit) : settings_.retransmit / 4));
      return;
    }
    case NeighborState::kFailed: {
      if (!neighbor.watched) return Forget(neighbor, out);
      Solicit(now, neighbor, out);
      const Duration wait = settings_.retransmit * (1u << std::min(neighbor.probes_sent, 16u));
      cache_.SetDue(neighbor, now + Jittered(std::min(wait, settings_.retry_max)));
      return;
    }
    case NeighborState::kStatic:
      return;
  }
}

void NeighborResolution::Resolve(Instant now, Neighbor& neighbor, NeighborOutputs& out) {
  neighbor.mac.reset();
  SetState(neighbor, NeighborState::kIncomplete, out);
  OnDue(now, neighbor, out);
}

void NeighborResolution::Probe(Instant now, Neighbor& neighbor, NeighborOutputs& out) {
  SetState(neighbor, NeighborState::kProbe, out);
  OnDue(now, neighbor, out);
}

void NeighborResolution::Reached(Instant now, Neighbor& neighbor, const net::MacAddress& mac,
                                 NeighborOutputs& out) {
  if (!neighbor.mac) ++counters_.resolved;
  neighbor.mac = mac;
  SetState(neighbor, NeighborState::kReachable, out);
  cache_.SetDue(neighbor, now + Jittered(settings_.reachable));
  Release(neighbor, out);
}

void NeighborResolution::Stale(Instant now, Neighbor& neighbor, const net::MacAddress& mac,
                               NeighborOutputs& out) {
  if (!neighbor.mac) ++counters_.resolved;
  neighbor.mac = mac;
  // A watched next hop is in use by definition, which is what DELAY stands for.
  SetState(neighbor, neighbor.watched ? NeighborState::kDelay : NeighborState::kStale, out);
  cache_.SetDue(neighbor, now + (neighbor.watched ? settings_.delay_first_probe : settings_.stale));
  Release(neighbor, out);
}

void NeighborResolution::Fail(Instant now, Neighbor& neighbor, NeighborOutputs& out) {
  ++counters_.failed;
  // A silent neighbour may have changed its MAC: the next packet asks everybody.
  if (neighbor.state == NeighborState::kProbe && !neighbor.watched) return Forget(neighbor, out);
  neighbor.mac.reset();
  SetState(neighbor, NeighborState::kFailed, out);
  for (const PacketHandle packet : held_.Take(neighbor.key)) out.push_back(UnreachablePacket{packet});
  cache_.SetDue(neighbor, neighbor.watched ? now + Jittered(settings_.retransmit) : now + settings_.failed);
}

void NeighborResolution::Forget(Neighbor& neighbor, NeighborOutputs& out) {
  for (const PacketHandle packet : held_.Take(neighbor.key)) out.push_back(UnreachablePacket{packet});
  out.push_back(
      NeighborUpdate{neighbor.key.interface, neighbor.key.address, neighbor.state, std::nullopt, true});
  cache_.Erase(neighbor.key);
}

void NeighborResolution::SetState(Neighbor& neighbor, NeighborState state, NeighborOutputs& out) {
  cache_.SetState(neighbor, state);
  out.push_back(NeighborUpdate{neighbor.key.interface, neighbor.key.address, state, neighbor.mac, false});
}

void NeighborResolution::Release(const Neighbor& neighbor, NeighborOutputs& out) {
  for (const PacketHandle packet : held_.Take(neighbor.key))
    out.push_back(ReleasePacket{packet, neighbor.key.interface, *neighbor.mac});
}

void NeighborResolution::OnAdvertised(Instant now, Neighbor& neighbor, const Advertised& advertised,
                                      NeighborOutputs& out) {
  if (neighbor.state == NeighborState::kStatic) return;
  if (!neighbor.mac) {
    if (!advertised.mac) return;
    return advertised.solicited ? Reached(now, neighbor, *advertised.mac, out)
                                : Stale(now, neighbor, *advertised.mac, out);
  }
  const bool differs = advertised.mac && *advertised.mac != *neighbor.mac;
  if (differs && !advertised.overrides) {
    if (neighbor.state == NeighborState::kReachable) Stale(now, neighbor, *neighbor.mac, out);
    return;
  }
  const net::MacAddress mac = differs ? *advertised.mac : *neighbor.mac;
  if (advertised.solicited) return Reached(now, neighbor, mac, out);
  if (differs) Stale(now, neighbor, mac, out);
}

void NeighborResolution::Learn(Instant now, const LocalInterface& interface, const net::Address& address,
                               const net::MacAddress& mac, NeighborOutputs& out) {
  if (interface.is_overlay()) return;
  if (!interface.IsOnLink(address)) {
    ++counters_.not_on_link;
    return;
  }
  const LinkAddress key{interface.config.interface, address};
  Neighbor* neighbor = cache_.Find(key);
  if (neighbor == nullptr)
    neighbor = cache_.Insert(key, interface.config.vrf, NeighborCache::Purpose::kLearn);
  if (neighbor == nullptr || neighbor->state == NeighborState::kStatic) return;
  if (!neighbor->mac || *neighbor->mac != mac) Stale(now, *neighbor, mac, out);
}

}  // namespace sluice::dataplane
