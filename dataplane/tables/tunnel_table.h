// All tunnels: how packets are put into them (Tunnel, RemoteTable) and whose the
// packets are that arrive (TerminationMap). Workers read the members, the agent
// is the single writer.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "dataplane/tables/published_array.h"
#include "dataplane/tables/remote_table.h"
#include "dataplane/tables/table_limits.h"
#include "dataplane/tables/termination_map.h"
#include "dataplane/tables/tunnel.h"
#include "dataplane/tables/write_result.h"

namespace sluice::dataplane {

// Which UDP destination ports carry VXLAN: what classify asks of every UDP packet
// from the underlay.
class UdpPortSet {
 public:
  // Any reader.
  bool Contains(uint16_t port) const {
    return (words_[port >> 6].load(std::memory_order_relaxed) >> (port & 63) & 1) != 0;
  }
  // Writer. Counted: as many removals as additions.
  void Add(uint16_t port);
  void Remove(uint16_t port);

 private:
  std::atomic<uint64_t> words_[1024]{};
  std::map<uint16_t, uint32_t> uses_;
};

class TunnelTable {
 public:
  // `retirement` must outlive the table.
  TunnelTable(const TableLimits& limits, Retirement& retirement);

  // --- Readers ---
  // Null when the interface is not a tunnel; `id` at most the limit of interfaces.
  const Tunnel* Find(InterfaceId id) const { return tunnels_.Find(id); }
  const TerminationMap4& ipv4() const { return ipv4_; }
  const TerminationMap6& ipv6() const { return ipv6_; }
  const UdpPortSet& vxlan_ports() const { return vxlan_ports_; }
  // The overlay that receives these packets of its hosts, whoever sent this one; null when
  // there is none. Of two that share them by their hosts, one.
  const Tunnel* OverlayOf(const net::Address& local, TunnelSelector selector, uint32_t key) const;

  // --- The writer; a refused write changed nothing ---
  // Creates or changes; `tunnel` without its header, which is built here. What
  // tells its packets apart may change only while it has no hosts (kInUse).
  // kConflict: another tunnel receives the same packets.
  WriteResult Put(const Tunnel& tunnel);
  // What Put would say after `gives_way` is gone; nothing changes.
  WriteResult Check(const Tunnel& tunnel, InterfaceId gives_way = kNoInterface) const;
  // kInUse while it has hosts.
  WriteResult Remove(InterfaceId id);
  // A host of an overlay: packets from `provider` are the tunnel's from now on.
  // Counted: as many removals as additions.
  WriteResult AddHost(InterfaceId id, const net::Address& provider);
  WriteResult RemoveHost(InterfaceId id, const net::Address& provider);

  // A tunnel whose packets to `far_end` are like this, with DF set; without a `key`, of any. Null: none.
  const Tunnel* FindSender(const net::Address& local, const net::Address& far_end, TunnelSelector selector,
                           std::optional<uint32_t> key) const;

  RemoteTable remotes;
  uint32_t used() const { return tunnels_.used(); }
  // Different hosts of an overlay; 0 of any other interface.
  uint32_t HostsOf(InterfaceId id) const {
    const auto count = host_counts_.find(id);
    return count == host_counts_.end() ? 0 : count->second;
  }
  uint32_t terminations() const { return ipv4_.used() + ipv6_.used(); }

 private:
  WriteResult CheckTermination(const Tunnel& tunnel, InterfaceId gives_way) const;
  WriteResult Terminate(const Tunnel& tunnel, const net::Address& remote);
  WriteResult Unterminate(const Tunnel& tunnel, const net::Address& remote);
  void OwnNetwork(const Tunnel& tunnel);
  void DisownNetwork(const Tunnel& tunnel);

  PublishedArray<Tunnel> tunnels_;
  TerminationMap4 ipv4_;
  TerminationMap6 ipv6_;
  // Overlays by the same keys, without remotes.
  TerminationMap4 networks4_;
  TerminationMap6 networks6_;
  UdpPortSet vxlan_ports_;
  Retirement& retirement_;
  // Far ends of each tunnel, with the number of users: the hosts of an overlay, the one end of GRE.
  std::map<std::pair<net::Address, InterfaceId>, uint32_t> far_ends_;
  std::map<InterfaceId, uint32_t> host_counts_;
};

}  // namespace sluice::dataplane
