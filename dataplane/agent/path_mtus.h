// The agent's half of path MTU discovery (RFC 1191 section 6.3, RFC 8201 section 4): which
// reports are believed, how long, and what is done with them.
#pragma once

#include <chrono>
#include <map>
#include <optional>

#include "dataplane/agent/adjacency_resolver.h"
#include "dataplane/packet/path_mtu_message.h"
#include "dataplane/slowpath/event_count.h"
#include "dataplane/tables/tables.h"

namespace sluice::dataplane {

// What became of reports.
struct PathMtuCounters {
  EventCount learned;
  EventCount forgotten;       // after kPathMtuAge
  EventCount unknown_remote;  // refused: no tunnel leads to where the quoted packet went
  EventCount unknown_tunnel;  // refused: none there has its source, key and kind
  EventCount too_small;       // refused: below kIpv4PathMtuMin or kIpv6PathMtuMin
  EventCount not_lower;       // refused: as much or less is sent there already
};

inline constexpr std::chrono::minutes kPathMtuAge{10};

// Agent's thread, but for counters(). What is known is at most one number for each far end
// that tunnels lead to, and goes with it.
class PathMtus {
 public:
  // Both must outlive it.
  PathMtus(Tables& tables, AdjacencyResolver& resolver) : tables_(tables), resolver_(resolver) {}

  // Believes the report if a tunnel of ours sends such packets there: then no tunnel sends
  // larger ones to that far end from now on, but those whose packets routers may cut.
  void Learn(const PathMtuReport& report, Instant now);

  // Forgets what is old: larger packets are tried again. A bounded number at a time.
  void Forget(Instant now);
  // When to call Forget next.
  Instant NextDeadline() const { return forget_at_; }

  // Since when PathMtu() of the far end holds; absent: there is none.
  std::optional<Instant> LearnedAt(const net::Address& far_end) const;
  // Any thread.
  const PathMtuCounters& counters() const { return counters_; }

 private:
  static constexpr unsigned kForgottenAtOnce = 1024;

  // 0: nothing is known, or nobody uses the far end.
  uint16_t Known(const net::Address& far_end) const;

  Tables& tables_;
  AdjacencyResolver& resolver_;
  PathMtuCounters counters_;
  // A far end whose number is 0 went, and may be back.
  std::map<net::Address, Instant> learned_;
  Instant forget_at_ = Instant::max();
};

}  // namespace sluice::dataplane
