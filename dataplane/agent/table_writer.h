// The single writer of all tables: applies the channel's records one by one, each
// completely or not at all, and knows who owns what. Everything runs on the
// agent's thread; nothing waits.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/agent/adjacency_resolver.h"
#include "dataplane/agent/interface_writer.h"
#include "dataplane/agent/path_mtus.h"
#include "dataplane/agent/record_fields.h"
#include "dataplane/agent/route_writer.h"
#include "dataplane/agent/scope_table.h"
#include "dataplane/agent/stale_holders.h"
#include "dataplane/tables/tables.h"

namespace sluice::dataplane {

// Deletes are refused (kInUse) while other objects name the object: control sends
// them in order of dependence. Objects that a sweep finds still in use, by another
// scope, stay stale and are tried again with the next sweep and every second.
// What control states in place of a stale object (its port and VLAN, its address)
// gets the place. An object has one owner; stated by another scope it is refused,
// except a route, which then belongs to the other: the RIB's best path changed.
class TableWriter : private StaleHolders {
 public:
  // All must outlive the writer. `ports` is indexed by PortId and has as many
  // entries as the tables were made for. Objects that are created count from zero
  // in `counters`; those that are stated again go on.
  TableWriter(Tables& tables, std::vector<PortState> ports, NeighborRequests& requests,
              const channel::CounterOrigin& counters = {});

  // One record as it came out of the ring: any bytes, 8-byte aligned. The refusal
  // is without its sequence number.
  MaybeRefusal Apply(std::span<const std::byte> record, Instant now);

  // Control attached: only records of `epoch` are taken from now on.
  void OnAttach(uint32_t epoch, Instant now);
  // Control went: everything stays.
  void OnDetach() { scopes_.OnDetach(); }

  // A bounded piece of work on stale objects (about `kSweepStep` removals), and on
  // tunnels whose underlay changed. True: there is more to do now.
  bool Sweep();
  // Deadlines, retries and memory that readers let go of. Returns when to call it next.
  Instant OnTime(Instant now);

  // Called after an interface or tunnel came, changed or went; must not wait.
  void SetInterfaceObserver(std::function<void()> observer) { interfaces_.SetObserver(std::move(observer)); }

  AdjacencyResolver& resolver() { return resolver_; }
  const AdjacencyResolver& resolver() const { return resolver_; }
  PathMtus& path_mtus() { return path_mtus_; }
  const PathMtus& path_mtus() const { return path_mtus_; }
  const ScopeTable& scopes() const { return scopes_; }
  Tables& tables() { return tables_; }
  const Tables& tables() const { return tables_; }

 private:
  static constexpr unsigned kSweepStep = 256;
  static constexpr unsigned kScanStep = 4096;
  static constexpr std::chrono::seconds kRetry{1};

  enum class Phase : uint8_t {
    kRoutes,
    kGroups,
    kAdjacencies,
    kNeighbors,
    kAddresses,
    kInterfaces,
    kPolicers,
    kVrfs
  };
  struct Job {
    ScopeIndex scope;
    Phase phase = Phase::kRoutes;
    bool forget = false;               // the scope's VRF is gone
    bool left_over = false;            // something stale was in use
    uint32_t cursor = 0;               // id; of routes VRF * 2, plus 1 for IPv6
    std::optional<net::Prefix> route;  // where the table of routes goes on
  };

  MaybeRefusal Dispatch(std::span<const std::byte> record, ScopeIndex scope, Instant now);
  MaybeRefusal BeginSync(const channel::ScopeRecord& record, Instant now);
  MaybeRefusal EndOfSync(ScopeIndex scope);
  MaybeRefusal CheckOwner(const Owner& owner, ScopeIndex scope) const;
  void Claim(Owner& owner, ScopeIndex scope);
  void Disown(Owner& owner);

  MaybeRefusal OnVrf(const channel::VrfRecord& record, ScopeIndex scope);
  MaybeRefusal OnVrfDelete(VrfId vrf, ScopeIndex scope);
  MaybeRefusal OnInterface(const channel::InterfaceRecord& record, ScopeIndex scope, Instant now);
  MaybeRefusal OnInterfaceDelete(InterfaceId id, ScopeIndex scope, Instant now);
  MaybeRefusal OnTunnel(const channel::TunnelRecord& record, ScopeIndex scope, Instant now);
  MaybeRefusal OnTunnelDelete(InterfaceId id, ScopeIndex scope, Instant now);
  MaybeRefusal OnAddress(const channel::InterfaceAddressRecord& record, ScopeIndex scope);
  MaybeRefusal OnAddressDelete(const channel::InterfaceAddressRecord& record, ScopeIndex scope);
  MaybeRefusal OnNeighbor(const channel::NeighborRecord& record, ScopeIndex scope, Instant now);
  MaybeRefusal OnNeighborDelete(const channel::NeighborRecord& record, ScopeIndex scope, Instant now);
  MaybeRefusal OnAdjacency(const channel::AdjacencyRecord& record, ScopeIndex scope, Instant now);
  MaybeRefusal OnAdjacencyDelete(AdjacencyId id, ScopeIndex scope);
  MaybeRefusal OnGroup(std::span<const std::byte> record, ScopeIndex scope);
  MaybeRefusal OnGroupDelete(GroupId id, ScopeIndex scope);
  MaybeRefusal OnPolicer(const channel::PolicerRecord& record, ScopeIndex scope);
  MaybeRefusal OnPolicerDelete(PolicerId id, ScopeIndex scope);

  MaybeRefusal DeleteInterface(InterfaceId id, bool tunnel, ScopeIndex scope, Instant now);
  MaybeRefusal RemoveInterface(InterfaceId id, Instant now, bool force);
  MaybeRefusal PutAdjacency(const channel::AdjacencyRecord& record, const Adjacency& wanted, Instant now);
  MaybeRefusal RemoveVrf(VrfId vrf);
  WriteResult RemovePolicer(PolicerId id);

  // eviction.cc: what is in the way of a new object.
  bool MayEvict(std::span<const InterfaceId> interfaces) override;
  bool MayEvict(InterfaceId interface, const net::Address& address) override;
  bool MayEvict(VrfId vrf, const net::Prefix& prefix, const RouteValue& route) override;
  void Evict(InterfaceId interface) override;
  void Evict(InterfaceId interface, const net::Address& address) override;
  uint64_t RemovalsOf(InterfaceId interface) const;
  bool HasRoomFor(uint64_t removals);
  void SettleDisplacedRoutes();

  void ForgetScopesOf(VrfId vrf);

  bool SweepStale();
  bool SweepVrf(VrfId vrf);
  void StartSweep(ScopeIndex scope, bool forget = false);
  void Retag(ScopeIndex scope);
  // Each returns true when its phase is done.
  bool SweepPhase(Job& job);
  bool SweepRoutes(Job& job);
  template <class Routes>
  bool SweepTable(Job& job, const Routes& routes, VrfId vrf);
  template <class Remove>
  bool SweepIds(Job& job, const std::vector<Owner>& owners, Remove remove);
  bool SweepNeighbors(Job& job);
  bool SweepAddresses(Job& job);
  void FinishSweep();

  Tables& tables_;
  const channel::CounterOrigin counters_;
  ScopeTable scopes_;
  AdjacencyResolver resolver_;
  PathMtus path_mtus_;
  InterfaceWriter interfaces_;
  RouteWriter routes_;
  uint32_t epoch_ = 0;
  Instant now_{};  // of the call that is running, for what sweeps and evictions do

  std::vector<Owner> vrf_owners_, interface_owners_, adjacency_owners_, group_owners_, policer_owners_;
  // As control said them: what tells a re-statement from a change.
  struct PolicerValues {
    uint32_t rate_kbps = 0;
    uint32_t burst_bytes = 0;
  };
  std::vector<PolicerValues> policers_;

  std::deque<Job> sweeps_;
  std::vector<Job> left_over_;  // to be tried again
  std::optional<Instant> retry_at_;
};

}  // namespace sluice::dataplane
