// What the slow path does with packets: punted ones in, outputs of neighbour
// resolution out.
#include <rte_rcu_qsbr.h>

#include <algorithm>

#include "dataplane/packet/ethernet.h"
#include "dataplane/packet/local_punt_class.h"
#include "dataplane/packet/path_mtu_message.h"
#include "dataplane/slowpath/gre_keepalive.h"
#include "dataplane/slowpath/slow_path.h"
#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

// How long a packet waits for the agent to publish a neighbour that was found.
constexpr std::chrono::milliseconds kPublishWait{200};
constexpr size_t kSourceMacOffset = 6;

std::span<const uint8_t> BytesOf(rte_mbuf& packet) {
  return {DataOf(packet), packet.data_len};
}

net::Address NextHopOf(rte_mbuf& packet) {
  const PacketMetadata& meta = MetaOf(packet);
  if (packet.data_len > 0 && DataOf(packet)[0] >> 4 == 4) return net::Ipv4Address::FromBytes(meta.next_hop);
  return net::Ipv6Address::FromBytes(meta.next_hop);
}

}  // namespace

void SlowPath::Punted(Instant now, rte_mbuf& packet) {
  switch (MetaOf(packet).punt_class) {
    case PuntClass::kArp:
      return PuntedArp(now, packet);
    case PuntClass::kNeighborDiscovery:
      return PuntedNd(now, packet);
    case PuntClass::kUnresolved:
      return PuntedUnresolved(now, packet);
    case PuntClass::kLocal:
      return PuntedLocal(now, packet);
    case PuntClass::kPathMtu:
      return PuntedPathMtu(packet);
  }
  SLUICE_CHECK(false);  // a worker of ours knows the classes
}

// A packet of which nothing came is a drop of its tenant, like any other.
void SlowPath::Finish(rte_mbuf& packet, DropReason reason) {
  if (reason == DropReason::kNone) return rte_pktmbuf_free(&packet);
  relay_.Drop(packet, reason);
}

void SlowPath::PuntedArp(Instant now, rte_mbuf& packet) {
  const PacketMetadata& meta = MetaOf(packet);
  const Provider asker = AskerOf(meta);
  // The whole frame: the data begins at its Ethernet header.
  const auto frame = BytesOf(packet);
  const EthernetVerdict ethernet = ParseEthernet(frame.data(), packet.data_len);
  NeighborOutputs outputs;
  Finish(packet,
         resolution_.HandleArp(now, meta.interface,
                               frame.subspan(std::min<size_t>(ethernet.bytes, frame.size())), outputs));
  Perform(now, outputs, asker);
}

void SlowPath::PuntedNd(Instant now, rte_mbuf& packet) {
  const PacketMetadata& meta = MetaOf(packet);
  const Provider asker = AskerOf(meta);
  // The frame's header still lies before the data.
  net::MacAddress source;
  if (meta.l2_bytes >= 14 && meta.l2_bytes <= packet.data_off)
    std::copy_n(DataOf(packet) - meta.l2_bytes + kSourceMacOffset, source.bytes.size(), source.bytes.begin());
  NeighborOutputs outputs;
  Finish(packet, resolution_.HandleNd(now, meta.interface, source, BytesOf(packet), outputs));
  Perform(now, outputs, asker);
}

void SlowPath::PuntedUnresolved(Instant now, rte_mbuf& packet) {
  const VrfId vrf = MetaOf(packet).vrf;
  if (!relay_.HasRoomForHolding() && !MakeRoomFor(vrf)) return relay_.DropForWantOfBuffer(packet);
  rte_mbuf* const held = relay_.TakeForHolding(packet);
  if (held == nullptr) return;
  NeighborOutputs outputs;
  resolution_.HandleUnresolved(now, {MetaOf(*held).egress_interface, NextHopOf(*held)}, vrf,
                               PacketRelay::HandleOf(*held), outputs);
  Perform(now, outputs);
  while (HeldOf(vrf) > held_per_tenant_ && DropOldestHeld(vrf)) {
  }
}

size_t SlowPath::HeldOf(VrfId tenant) {
  return resolution_.held().CountOf(tenant) + waiting_.CountOf(tenant);
}

bool SlowPath::DropOldestHeld(VrfId tenant) {
  // Those that wait for their publication leave within milliseconds.
  auto oldest = resolution_.held().TakeOldest(tenant);
  if (!oldest) oldest = waiting_.TakeOldest(tenant);
  if (!oldest) return false;
  relay_.Drop(PacketRelay::PacketOf(*oldest), DropReason::kHoldQueueFull);
  return true;
}

bool SlowPath::MakeRoomFor(VrfId tenant) {
  VrfId most = tenant;
  size_t of_most = HeldOf(tenant);
  const auto compare = [&](VrfId other) {
    const size_t held = HeldOf(other);
    if (held <= of_most) return;
    most = other;
    of_most = held;
  };
  resolution_.held().ForEachTenant(compare);
  waiting_.ForEachTenant(compare);
  return DropOldestHeld(most);
}

void SlowPath::PuntedLocal(Instant now, rte_mbuf& packet) {
  const PacketMetadata& meta = MetaOf(packet);
  const auto bytes = BytesOf(packet);
  const channel::PuntClass punt_class = LocalPuntClass(bytes);
  channel::PuntRecord record{};
  record.punt_class = static_cast<uint8_t>(punt_class);
  record.vrf = meta.vrf;
  record.interface = meta.interface;
  record.timestamp_ns = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count());
  switch (control_.Punt(record, std::as_bytes(bytes))) {
    case channel::PacketPort::Punted::kPushed:
      return rte_pktmbuf_free(&packet);
    case channel::PacketPort::Punted::kFull:
      return relay_.Drop(packet, DropReason::kPuntQueueFull);
    case channel::PacketPort::Punted::kDetached:
      return relay_.Drop(packet, DropReason::kControlAbsent);
  }
}

// What the agent has no room for is said again about the next packet that is too large.
void SlowPath::PuntedPathMtu(rte_mbuf& packet) {
  const PathMtuMessage message = ParsePathMtuMessage(BytesOf(packet));
  const bool lost = message.reason == DropReason::kNone && !agent_.Push(message.report);
  Finish(packet, lost ? DropReason::kPuntQueueFull : message.reason);
}

SlowPath::Provider SlowPath::AskerOf(const PacketMetadata& meta) {
  Provider asker;
  std::copy_n(meta.next_hop, asker.size(), asker.begin());
  return asker;
}

void SlowPath::Perform(Instant now, NeighborOutputs& outputs, const Provider& asker) {
  for (const NeighborOutput& output : outputs) {
    if (const auto* const frame = std::get_if<SendFrame>(&output)) {
      Send(*frame, asker);
    } else if (const auto* const update = std::get_if<NeighborUpdate>(&output)) {
      reports_.Add(*update);
    } else if (const auto* const released = std::get_if<ReleasePacket>(&output)) {
      const VrfId vrf = MetaOf(PacketRelay::PacketOf(released->packet)).vrf;
      const auto evicted = waiting_.Add(vrf, released->packet, now + kPublishWait);
      if (evicted) relay_.Drop(PacketRelay::PacketOf(*evicted), DropReason::kHoldQueueFull);
    } else if (const auto* const lost = std::get_if<UnreachablePacket>(&output)) {
      relay_.Inject(PacketRelay::PacketOf(lost->packet), InjectKind::kUnreachable);
    } else if (const auto* const discarded = std::get_if<DiscardPacket>(&output)) {
      relay_.Drop(PacketRelay::PacketOf(discarded->packet), discarded->reason);
    } else if (const auto* const duplicate = std::get_if<DuplicateAddressReport>(&output)) {
      LogDuplicate(*duplicate);
      reports_.Add(*duplicate);
    }
  }
  outputs.clear();
}

void SlowPath::Send(const SendFrame& frame, const Provider& asker) {
  const auto at = attachments_.find(frame.interface);
  rte_mbuf* const packet =
      relay_.NewPacket(at == attachments_.end() ? VrfId{0} : at->second.vrf, frame.bytes);
  if (packet == nullptr) return;
  PacketMetadata& meta = MetaOf(*packet);
  meta.egress_interface = frame.interface;
  if (frame.port == kNoPort) {
    std::copy(asker.begin(), asker.end(), meta.next_hop);
    relay_.Inject(*packet, InjectKind::kOverlayFrame);
    return;
  }
  meta.egress_port = frame.port;
  relay_.Inject(*packet, InjectKind::kRawL2);
}

void SlowPath::Perform(ProbeOutputs& outputs) {
  for (const ProbeOutput& output : outputs) {
    if (const auto* const report = std::get_if<PeerReport>(&output)) {
      reports_.Add(*report);
    } else if (const auto& probe = std::get<SendProbe>(output); !Send(probe)) {
      probes_.NotSent(probe.interface);
    }
  }
  outputs.clear();
}

// In the underlay, as a packet of ours, whether or not the tenant's routes lead through the tunnel.
bool SlowPath::Send(const SendProbe& probe) {
  std::vector<uint8_t> bytes;
  rte_rcu_qsbr_thread_online(&qsbr_, reader_);
  const Tunnel* tunnel = tables_.tunnels.Find(probe.interface);
  if (tunnel != nullptr && tunnel->probed()) bytes = GreKeepalive(*tunnel);
  rte_rcu_qsbr_thread_offline(&qsbr_, reader_);
  rte_mbuf* const packet = bytes.empty() ? nullptr : relay_.NewPacket(0, bytes);
  if (packet == nullptr || !relay_.Inject(*packet, InjectKind::kForward)) return false;
  Count(counters_.probes[probe.interface].sent);
  return true;
}

bool SlowPath::ReleaseWaiting(Instant now) {
  if (waiting_.empty()) return false;
  bool released = false;
  rte_rcu_qsbr_thread_online(&qsbr_, reader_);
  waiting_.Release([&](PacketHandle handle, Instant give_up) {
    rte_mbuf& packet = PacketRelay::PacketOf(handle);
    const AdjacencyId adjacency = ResolvedAdjacency(packet);
    if (adjacency == kNoAdjacency && now < give_up) return false;
    released = true;
    if (adjacency == kNoAdjacency) {
      relay_.Drop(packet, DropReason::kNeighborUnresolved);
      return true;
    }
    MetaOf(packet).adjacency = adjacency;
    relay_.Inject(packet, InjectKind::kAdjacency);
    return true;
  });
  rte_rcu_qsbr_thread_offline(&qsbr_, reader_);
  return released;
}

AdjacencyId SlowPath::ResolvedAdjacency(rte_mbuf& packet) const {
  const PacketMetadata& meta = MetaOf(packet);
  // The adjacency that the packet was on its way through, when that is its next
  // hop's own; a connected prefix has one for each of its neighbours instead.
  if (meta.adjacency != kNoAdjacency && meta.adjacency < tables_.adjacencies.size()) {
    const AdjacencySnapshot adjacency = tables_.adjacencies.Load(meta.adjacency);
    if (adjacency.sendable() && adjacency.interface() == meta.egress_interface) return meta.adjacency;
  }
  return tables_.neighbors.Find(NeighborKey::Of(meta.egress_interface, NextHopOf(packet)));
}

}  // namespace sluice::dataplane
