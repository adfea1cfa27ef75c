// What control knows of the dataplane without asking it: cached port inventory,
// liveness and the counters in shared memory. Never blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/net/address.h"

namespace sluice::api {

struct PortState {
  std::string name;
  uint16_t mtu = 0;  // largest IP packet, bytes
  bool link_up = false;

  friend bool operator==(const PortState&, const PortState&) = default;
};

// Totals of one subinterface since the dataplane (or, where control carried the
// mark over, the interface) started. Inbound is from outside into the gateway;
// bytes are those of IP packets.
struct InterfaceCounters {
  uint64_t inbound_packets = 0;
  uint64_t inbound_bytes = 0;
  uint64_t outbound_packets = 0;
  uint64_t outbound_bytes = 0;
  uint64_t inbound_dropped = 0;
  uint64_t outbound_dropped = 0;
  uint64_t inbound_rate_limited = 0;
  uint64_t outbound_rate_limited = 0;
  uint64_t inbound_kbps = 0;  // over about the last second
  uint64_t outbound_kbps = 0;
  // Of a tunnel; in none of the figures above.
  uint64_t probes_sent = 0;
  uint64_t probes_answered = 0;
  uint64_t keepalives_returned = 0;
};

struct DropCount {
  uint32_t vrf = 0;     // 0: packets that reached no tenant
  uint32_t reason = 0;  // the dataplane's number; names come from DataplaneView::ListDropReasons
  uint64_t packets = 0;
};

struct StuckWorker {
  uint32_t worker = 0;
  uint32_t core = 0;
  friend bool operator==(const StuckWorker&, const StuckWorker&) = default;
};

enum class NeighborLiveness : uint8_t { kUnknown, kResolving, kReachable, kFailed };

// A far end of a tunnel that routes lead to, as the dataplane sees it.
struct TunnelPath {
  std::string far_end;  // in the underlay
  bool live = false;
  std::string down_reason;  // "no route to 198.51.100.2"; empty when it is live
  // Largest outer packet that passes there, bytes, where that is less than the tunnel was
  // made for; else 0. And when that was learned, since 1970.
  uint16_t path_mtu = 0;
  int64_t path_mtu_learned_us = 0;

  friend bool operator==(const TunnelPath&, const TunnelPath&) = default;
};

// All of a tunnel's paths, of which an overlay may have a hundred thousand.
struct TunnelReach {
  uint64_t paths = 0;
  uint64_t down = 0;
  std::vector<TunnelPath> some_down;  // at most kDownPathsShown
  uint64_t narrow = 0;                // those with a path_mtu
  TunnelPath narrowest;               // of these
};
inline constexpr size_t kDownPathsShown = 3;

// Core thread only.
class DataplaneState {
 public:
  virtual ~DataplaneState() = default;

  virtual bool attached() const = 0;
  // Changes when the dataplane restarts; empty before the first attachment.
  virtual std::string instance() const = 0;
  // Absent before the first attachment; afterwards the last that was seen, also
  // while the dataplane is away.
  virtual std::optional<std::vector<PortState>> Ports() const = 0;
  virtual NeighborLiveness Liveness(uint32_t interface, const net::Address& address) const = 0;
  // Neighbours on the interface that do not answer, in order.
  virtual std::vector<net::Address> FailedNeighbors(uint32_t interface) const = 0;
  // Of a tunnel's interface: one of GRE, those of the hosts of an overlay. None while no route
  // leads through it, or the dataplane is away.
  virtual std::vector<TunnelPath> TunnelPaths(uint32_t interface) const = 0;
  virtual TunnelReach Reach(uint32_t interface) const = 0;
  // When the far end of a tunnel that leaves probes unanswered gave its last sign of life, or was first
  // asked, microseconds since 1970; absent: it is not silent, not asked, or the dataplane is away.
  virtual std::optional<int64_t> SilentSince(uint32_t interface) const = 0;
  // The dataplane's limit of that name ("vrfs"); 0 before the first attachment or when it has none.
  virtual uint64_t Limit(std::string_view name) const = 0;
  // Workers that have given no sign of life for more than a second; none while the dataplane is away.
  virtual std::vector<StuckWorker> StuckWorkers() const = 0;
  virtual InterfaceCounters Counters(uint32_t interface) const = 0;
  virtual std::vector<DropCount> Drops() const = 0;
};

}  // namespace sluice::api
