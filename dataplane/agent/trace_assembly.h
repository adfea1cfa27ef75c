// Puts the records that nodes left of one packet together again, and says in
// words what each node was about to do.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "dataplane/agent/route_lookup.h"
#include "dataplane/graph/observation.h"
#include "dataplane/slowpath/instant.h"
#include "sluice/dataplane/v1/dataplane.pb.h"

namespace sluice::dataplane {

// When a worker's time stamp was, in nanoseconds of UNIX time.
class WorkerClock {
 public:
  // `tsc` and `unix_ns` were read at the same moment.
  WorkerClock(uint64_t tsc, uint64_t unix_ns, uint64_t ticks_per_second);
  uint64_t UnixNs(uint64_t tsc) const;

 private:
  uint64_t tsc_;
  uint64_t unix_ns_;
  double ns_per_tick_;
};

class TraceAssembly {
 public:
  // What records say by numbers.
  struct Directory {
    // The name of a node by its rte_graph id.
    std::function<std::string(uint32_t)> node_name;
    // The subinterface of a port and VLAN; kNoInterface when there is none.
    std::function<InterfaceId(PortId, uint16_t)> subinterface;
    // Fills in prefix and next hop of a forward step.
    std::function<void(const LookupFlow&, v1::TraceStep&)> lookup;
  };
  // `clock` outlives the assembly.
  TraceAssembly(const WorkerClock& clock, Directory directory, bool drops_only,
                std::optional<DropReason> reason);

  void Add(const TraceRecord& record, Instant now);
  // A packet that reached an end, or of which nothing was heard for a while;
  // absent when there is none.
  std::optional<v1::TracedPacket> Take(Instant now);

 private:
  struct Pending {
    v1::TracedPacket packet;
    std::map<int, LookupFlow> flows;  // by step
    bool ended = false;
    DropReason reason = DropReason::kNone;
    Instant last;
  };
  bool Wanted(const Pending& pending) const;

  const WorkerClock& clock_;
  Directory directory_;
  bool drops_only_;
  std::optional<DropReason> reason_;
  std::map<uint32_t, Pending> pending_;  // by trace id
};

}  // namespace sluice::dataplane
