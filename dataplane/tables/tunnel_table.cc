// The writer's side of the tunnels.
#include "dataplane/tables/tunnel_table.h"

#include <utility>

#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

using channel::Limit;
using channel::RefusalReason;

TerminationKey4 NetworkKey4(const net::Address& local, TunnelSelector selector, uint32_t key) {
  return TerminationKey4::Of(local.v4().value, 0, selector, key);
}
TerminationKey6 NetworkKey6(const net::Address& local, TunnelSelector selector, uint32_t key) {
  return TerminationKey6::Of(local.v6(), {}, selector, key);
}

bool SameReceived(const Tunnel& a, const Tunnel& b) {
  return a.kind == b.kind && a.key_in == b.key_in && a.udp_port == b.udp_port && a.local == b.local &&
         a.remote == b.remote && a.ReceiveSelector().Word() == b.ReceiveSelector().Word();
}

}  // namespace

void UdpPortSet::Add(uint16_t port) {
  if (uses_[port]++ > 0) return;
  std::atomic<uint64_t>& word = words_[port >> 6];
  word.store(word.load(std::memory_order_relaxed) | uint64_t{1} << (port & 63), std::memory_order_release);
}

void UdpPortSet::Remove(uint16_t port) {
  const auto uses = uses_.find(port);
  SLUICE_CHECK(uses != uses_.end());
  if (--uses->second > 0) return;
  uses_.erase(uses);
  std::atomic<uint64_t>& word = words_[port >> 6];
  word.store(word.load(std::memory_order_relaxed) & ~(uint64_t{1} << (port & 63)), std::memory_order_release);
}

TunnelTable::TunnelTable(const TableLimits& limits, Retirement& retirement)
    : remotes(limits.tunnel_remotes, retirement),
      tunnels_(limits.interfaces + 1, retirement),
      ipv4_(limits.tunnel_terminations, retirement),
      ipv6_(limits.tunnel_terminations, retirement),
      networks4_(limits.interfaces, retirement),
      networks6_(limits.interfaces, retirement),
      retirement_(retirement) {}

WriteResult TunnelTable::Terminate(const Tunnel& tunnel, const net::Address& remote) {
  const TunnelSelector selector = tunnel.ReceiveSelector();
  if (tunnel.local.is_v4())
    return ipv4_.Add(TerminationKey4::Of(tunnel.local.v4().value, remote.v4().value, selector, tunnel.key_in),
                     tunnel.id);
  return ipv6_.Add(TerminationKey6::Of(tunnel.local.v6(), remote.v6(), selector, tunnel.key_in), tunnel.id);
}

WriteResult TunnelTable::Unterminate(const Tunnel& tunnel, const net::Address& remote) {
  const TunnelSelector selector = tunnel.ReceiveSelector();
  if (tunnel.local.is_v4())
    return ipv4_.Remove(
        TerminationKey4::Of(tunnel.local.v4().value, remote.v4().value, selector, tunnel.key_in));
  return ipv6_.Remove(TerminationKey6::Of(tunnel.local.v6(), remote.v6(), selector, tunnel.key_in));
}

const Tunnel* TunnelTable::OverlayOf(const net::Address& local, TunnelSelector selector, uint32_t key) const {
  const InterfaceId id = local.is_v4() ? networks4_.Find(NetworkKey4(local, selector, key))
                                       : networks6_.Find(NetworkKey6(local, selector, key));
  return id == kNoInterface ? nullptr : tunnels_.Find(id);
}

// Two overlays may share a number while one takes over from the other: the first keeps it.
void TunnelTable::OwnNetwork(const Tunnel& tunnel) {
  if (!tunnel.is_overlay()) return;
  const TunnelSelector selector = tunnel.ReceiveSelector();
  if (tunnel.local.is_v4()) {
    (void)networks4_.Add(NetworkKey4(tunnel.local, selector, tunnel.key_in), tunnel.id);
  } else {
    (void)networks6_.Add(NetworkKey6(tunnel.local, selector, tunnel.key_in), tunnel.id);
  }
}

void TunnelTable::DisownNetwork(const Tunnel& tunnel) {
  if (!tunnel.is_overlay()) return;
  const TunnelSelector selector = tunnel.ReceiveSelector();
  const Tunnel* owner = OverlayOf(tunnel.local, selector, tunnel.key_in);
  if (owner == nullptr || owner->id != tunnel.id) return;
  if (tunnel.local.is_v4()) {
    SLUICE_CHECK(networks4_.Remove(NetworkKey4(tunnel.local, selector, tunnel.key_in)).ok());
  } else {
    SLUICE_CHECK(networks6_.Remove(NetworkKey6(tunnel.local, selector, tunnel.key_in)).ok());
  }
}

WriteResult TunnelTable::CheckTermination(const Tunnel& tunnel, InterfaceId gives_way) const {
  const TunnelSelector selector = tunnel.ReceiveSelector();
  if (tunnel.local.is_v4())
    return ipv4_.Check(
        TerminationKey4::Of(tunnel.local.v4().value, tunnel.remote.v4().value, selector, tunnel.key_in),
        tunnel.id, gives_way);
  return ipv6_.Check(TerminationKey6::Of(tunnel.local.v6(), tunnel.remote.v6(), selector, tunnel.key_in),
                     tunnel.id, gives_way);
}

WriteResult TunnelTable::Check(const Tunnel& tunnel, InterfaceId gives_way) const {
  if (tunnel.id == kNoInterface) return WriteResult::Refused(RefusalReason::kOutOfRange, tunnel.id);
  if (tunnel.id >= tunnels_.size()) return WriteResult::AtLimit(Limit::kInterfaces, tunnels_.size() - 1);
  if (!tunnel.is_overlay() && tunnel.local.is_v4() != tunnel.remote.is_v4())
    return WriteResult::Refused(RefusalReason::kOutOfRange, tunnel.id);
  if (retirement_.full()) return WriteResult::AtLimit(Limit::kPendingRemovals, retirement_.pending_max());
  const Tunnel* before = tunnels_.Find(tunnel.id);
  const bool moves = before != nullptr && !SameReceived(*before, tunnel);
  if (moves && host_counts_.contains(tunnel.id))
    return WriteResult::Refused(RefusalReason::kInUse, host_counts_.at(tunnel.id));
  const bool terminates = tunnel.terminates() && !tunnel.is_overlay() && (before == nullptr || moves);
  return terminates ? CheckTermination(tunnel, gives_way) : WriteResult::Accepted();
}

WriteResult TunnelTable::Put(const Tunnel& tunnel) {
  if (const WriteResult checked = Check(tunnel); !checked.ok()) return checked;
  const Tunnel* before = tunnels_.Find(tunnel.id);
  const bool moves = before != nullptr && !SameReceived(*before, tunnel);
  if (tunnel.terminates() && !tunnel.is_overlay() && (before == nullptr || moves))
    SLUICE_CHECK(Terminate(tunnel, tunnel.remote).ok());
  if (moves && !before->is_overlay()) {
    if (before->terminates()) SLUICE_CHECK(Unterminate(*before, before->remote).ok());
    far_ends_.erase({before->remote, tunnel.id});
  }
  if (!tunnel.is_overlay()) far_ends_[{tunnel.remote, tunnel.id}] = 1;
  if (moves) DisownNetwork(*before);
  if (before == nullptr || moves) OwnNetwork(tunnel);
  if (tunnel.kind == TunnelKind::kVxlan) vxlan_ports_.Add(tunnel.udp_port);
  if (before != nullptr && before->kind == TunnelKind::kVxlan) vxlan_ports_.Remove(before->udp_port);
  auto built = std::make_unique<Tunnel>(tunnel);
  built->BuildHeader();
  tunnels_.Publish(tunnel.id, std::move(built));
  return WriteResult::Accepted();
}

WriteResult TunnelTable::Remove(InterfaceId id) {
  const Tunnel* tunnel = id < tunnels_.size() ? tunnels_.Find(id) : nullptr;
  if (tunnel == nullptr) return WriteResult::Refused(RefusalReason::kNotFound, id);
  if (host_counts_.contains(id)) return WriteResult::Refused(RefusalReason::kInUse, host_counts_.at(id));
  if (retirement_.full()) return WriteResult::AtLimit(Limit::kPendingRemovals, retirement_.pending_max());
  // First what leads workers to it.
  if (!tunnel->is_overlay()) {
    if (tunnel->terminates()) SLUICE_CHECK(Unterminate(*tunnel, tunnel->remote).ok());
    far_ends_.erase({tunnel->remote, id});
  }
  DisownNetwork(*tunnel);
  if (tunnel->kind == TunnelKind::kVxlan) vxlan_ports_.Remove(tunnel->udp_port);
  tunnels_.Withdraw(id);
  return WriteResult::Accepted();
}

WriteResult TunnelTable::AddHost(InterfaceId id, const net::Address& provider) {
  const Tunnel* tunnel = id < tunnels_.size() ? tunnels_.Find(id) : nullptr;
  if (tunnel == nullptr) return WriteResult::Refused(RefusalReason::kNotFound, id);
  if (!tunnel->is_overlay() || provider.is_v4() != tunnel->local.is_v4())
    return WriteResult::Refused(RefusalReason::kOutOfRange, id);
  const auto known = far_ends_.find({provider, id});
  if (known != far_ends_.end()) {
    ++known->second;
    return WriteResult::Accepted();
  }
  if (const WriteResult added = Terminate(*tunnel, provider); !added.ok()) return added;
  far_ends_.emplace(std::pair(provider, id), 1);
  ++host_counts_[id];
  return WriteResult::Accepted();
}

WriteResult TunnelTable::RemoveHost(InterfaceId id, const net::Address& provider) {
  const Tunnel* tunnel = id < tunnels_.size() ? tunnels_.Find(id) : nullptr;
  const auto known = far_ends_.find({provider, id});
  if (known == far_ends_.end() || !tunnel->is_overlay())
    return WriteResult::Refused(RefusalReason::kNotFound, id);
  if (--known->second > 0) return WriteResult::Accepted();
  far_ends_.erase(known);
  if (--host_counts_[id] == 0) host_counts_.erase(id);
  SLUICE_CHECK(Unterminate(*tunnel, provider).ok());
  return WriteResult::Accepted();
}

const Tunnel* TunnelTable::FindSender(const net::Address& local, const net::Address& far_end,
                                      TunnelSelector selector, std::optional<uint32_t> key) const {
  for (auto at = far_ends_.lower_bound({far_end, kNoInterface});
       at != far_ends_.end() && at->first.first == far_end; ++at) {
    const Tunnel& tunnel = *tunnels_.Find(at->first.second);
    if (tunnel.local != local || tunnel.may_be_cut()) continue;
    if (tunnel.SendSelector().Word() == selector.Word() && key.value_or(tunnel.key_out) == tunnel.key_out)
      return &tunnel;
  }
  return nullptr;
}

}  // namespace sluice::dataplane
