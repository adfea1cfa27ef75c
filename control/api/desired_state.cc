// Keeping store, memory and programming the same.
#include "control/api/desired_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/api/gateway_status.h"
#include "control/api/tenant_status.h"
#include "control/store/secret_rows.h"
#include "control/store/static_route_rows.h"
#include "control/tenant/compile.h"
#include "control/tenant/next_hop_check.h"
#include "control/tenant/validate_gre.h"
#include "control/tenant/validate_virtual_network.h"

namespace sluice::api {
namespace {

// Routes per call to programming.
constexpr size_t kRoutesPerCall = 4096;

// Collects changes of a static set into calls to programming of a bounded size.
class StaticSetStatement {
 public:
  StaticSetStatement(ProgrammingSink& sink, const TenantRecord& record, uint64_t revision)
      : sink_(sink), record_(record), revision_(revision) {}

  void Put(const tenant::StaticRoute& route) {
    put_.push_back(
        tenant::CompileStaticRoute(route, record_.validated.model, record_.row.numbers, kStaticSetPath));
    if (put_.size() + remove_.size() >= kRoutesPerCall) Send(false);
  }
  void Remove(const net::Prefix& prefix) {
    remove_.push_back(prefix);
    if (put_.size() + remove_.size() >= kRoutesPerCall) Send(false);
  }
  // `complete`: nothing more of this revision follows.
  void End(bool complete) {
    if (complete || !put_.empty() || !remove_.empty()) Send(complete);
  }

 private:
  void Send(bool complete) {
    sink_.ChangeStaticSet(record_.row.numbers.vrf, put_, remove_, revision_, complete);
    put_.clear();
    remove_.clear();
  }

  ProgrammingSink& sink_;
  const TenantRecord& record_;
  const uint64_t revision_;
  std::vector<rib::RouteInput> put_;
  std::vector<net::Prefix> remove_;
};

uint64_t Unreachable(const TenantRecord& record) {
  tenant::NextHopCheck check(record.validated.model.connections);
  uint64_t count = 0;
  for (uint32_t i = 0; i < record.routes.hops_end(); ++i) {
    if (!record.routes.InUse(i)) continue;
    const auto& hops = record.routes.HopsAt(i);
    if (std::any_of(hops.begin(), hops.end(), [&](const auto& hop) { return !check.Complaint(hop).empty(); }))
      count += record.routes.RoutesOf(i);
  }
  return count;
}

std::optional<std::vector<tenant::PortFacts>> PortsOf(const DataplaneState& dataplane) {
  const auto ports = dataplane.Ports();
  if (!ports) return std::nullopt;
  std::vector<tenant::PortFacts> facts;
  for (const PortState& port : *ports) facts.push_back({port.name, port.mtu});
  return facts;
}

}  // namespace

DesiredState::DesiredState(Surroundings surroundings)
    : surroundings_(std::move(surroundings)), started_us_(surroundings_.now_us()) {}

TenantRecord* DesiredState::Find(std::string_view tenant) {
  const auto found = tenants_.find(tenant);
  return found == tenants_.end() ? nullptr : found->second.get();
}

absl::Status DesiredState::Load() {
  store::Database& database = store().database();
  if (auto row = store::LoadGateway(database)) gateway_.row = *std::move(row);
  ports_ = PortsOf(surroundings_.dataplane);
  for (store::TenantRow& row : store::LoadTenants(database)) {
    auto record = std::make_unique<TenantRecord>();
    record->row = std::move(row);
    record->secrets = store::SecretVersions(database, record->row.uid);
    record->unreadable_routes =
        store::LoadStaticRoutes(database, record->row.static_set,
                                [&](const tenant::StaticRoute& route) { record->routes.Put(route); });
    by_vrf_[record->row.numbers.vrf] = record.get();
    LoadMappings(*record);
    tenants_[record->row.name] = std::move(record);
  }
  if (!database.error().ok()) return database.TakeError();
  Revalidate();
  surroundings_.sink.InitialStateComplete();
  return absl::OkStatus();
}

tenant::Environment DesiredState::EnvironmentFor(std::string_view tenant) const {
  tenant::Environment environment;
  environment.limits = tenant::LimitsOf(gateway_.row.spec.limits());
  environment.capacity = tenant::CapacityOf(gateway_.row.spec.capacity());
  environment.ports = ports_;
  for (const auto& each : gateway_.row.spec.underlay_interfaces())
    environment.taken[{each.port(), static_cast<uint16_t>(each.vlan())}] =
        tenant::UnderlayInterfaceName(each.name());
  environment.underlay = gateway_.underlay;
  for (const auto& [name, record] : tenants_) {
    if (name == tenant) {
      environment.booked_before_kbps = record->validated.booked_kbps;
      continue;
    }
    environment.booked_by_others_kbps += record->validated.booked_kbps;
    AddClaims(*record, environment);
  }
  return environment;
}

tenant::Environment DesiredState::EnvironmentForUnderlay(const gateway::v1::GatewaySpec& spec) const {
  tenant::Environment environment;
  environment.limits = tenant::LimitsOf(spec.limits());
  environment.ports = ports_;
  for (const auto& [name, record] : tenants_) AddClaims(*record, environment);
  return environment;
}

// As stored, not as valid now: a port that is away for a while keeps its owners.
void DesiredState::AddClaims(const TenantRecord& record, tenant::Environment& environment) const {
  for (const auto& each : record.row.spec.connections()) {
    const std::string name = tenant::ConnectionName(record.row.name, each.name());
    if (each.has_l3()) environment.taken[{each.l3().port(), static_cast<uint16_t>(each.l3().vlan())}] = name;
    if (const auto ends = each.has_gre() ? tenant::EndsOf(each.gre()) : std::nullopt)
      environment.gre_taken[*ends] = name;
  }
  for (const auto& network : record.row.spec.virtual_networks())
    for (const auto& subnet : network.subnets())
      environment.network_ids[{tenant::EncapsulationOf(network), subnet.network_id()}] = absl::StrCat(
          tenant::VirtualNetworkName(record.row.name, network.name()), ", subnet ", subnet.name());
}

void DesiredState::RemoveClaims(const TenantRecord& record, tenant::Environment& environment) const {
  for (const auto& each : record.row.spec.connections()) {
    if (each.has_l3()) environment.taken.erase({each.l3().port(), static_cast<uint16_t>(each.l3().vlan())});
    if (const auto ends = each.has_gre() ? tenant::EndsOf(each.gre()) : std::nullopt)
      environment.gre_taken.erase(*ends);
  }
  for (const auto& network : record.row.spec.virtual_networks())
    for (const auto& subnet : network.subnets())
      environment.network_ids.erase({tenant::EncapsulationOf(network), subnet.network_id()});
}

void DesiredState::CountBooked() {
  booked_kbps_ = 0;
  for (const auto& [name, record] : tenants_) booked_kbps_ += record->validated.booked_kbps;
}

uint64_t DesiredState::StaticRoutes() const {
  uint64_t routes = 0;
  for (const auto& [name, record] : tenants_) routes += record->routes.size();
  return routes;
}

void DesiredState::State(TenantRecord& record) {
  programming::TenantObjects objects =
      tenant::Compile(record.validated.model, record.row.numbers, ports_, gateway_.underlay);
  for (const tenant::Finding& each : record.validated.findings.list()) {
    if (each.fault == tenant::Fault::kLimit || !objects.left_out.empty()) continue;
    objects.left_out = absl::StrCat(each.object, ": ", each.field, ": ", each.description);
  }
  surroundings_.sink.PutTenant(objects, ++revision_);
  record.spec_revision = revision_;
}

// An underlay that never was is not stated: nothing waits for the dataplane then.
bool DesiredState::StateUnderlay() {
  gateway::v1::GatewaySpec spec = gateway_.row.spec;
  gateway_.findings = tenant::Findings();
  const tenant::UnderlayModel before = std::exchange(
      gateway_.underlay, tenant::ValidateUnderlay(spec, EnvironmentForUnderlay(spec), gateway_.findings));
  if (gateway_.underlay.empty() && gateway_.spec_revision == 0) return false;
  surroundings_.sink.PutTenant(
      tenant::CompileUnderlay(gateway_.underlay, gateway_.row.underlay_numbers, ports_), ++revision_);
  gateway_.spec_revision = revision_;
  return gateway_.underlay.interfaces != before.interfaces;
}

void DesiredState::StateStaticSet(TenantRecord& record) {
  FinishFeed(record);
  record.unreachable_routes = Unreachable(record);
  if (record.routes.size() == 0) return;
  record.static_revision = ++revision_;
  StaticSetStatement statement(surroundings_.sink, record, record.static_revision);
  for (auto at = record.routes.routes().begin(); at != record.routes.routes().end(); ++at)
    statement.Put(record.routes.RouteAt(at));
  statement.End(true);
}

void DesiredState::Adopt(store::TenantRow row, tenant::ValidatedTenant validated,
                         std::map<std::string, uint64_t> secrets) {
  const std::string name = row.name;
  auto& slot = tenants_[name];
  if (slot == nullptr) slot = std::make_unique<TenantRecord>();
  TenantRecord& record = *slot;
  // What is under way was made for the numbers as they are.
  for (auto& [network, mappings] : record.networks) FinishMappingFeed(record, mappings);
  const bool same_links = record.validated.model.connections == validated.model.connections;
  const bool same_networks = record.validated.model.virtual_networks == validated.model.virtual_networks &&
                             record.row.numbers.subnets == row.numbers.subnets;
  for (const auto& old : record.row.spec.connections()) {
    if (row.numbers.connections.contains(old.name())) continue;
    watch_log_.Gone({WatchedKind::kConnection, name, old.name()});
    record.shown_connections.erase(old.name());
    record.connected_since_us.erase(old.name());
    record.connection_states.erase(old.name());
  }
  record.row = std::move(row);
  by_vrf_[record.row.numbers.vrf] = &record;
  record.validated = std::move(validated);
  record.secrets = std::move(secrets);
  CountBooked();
  FollowNetworks(record);
  State(record);
  // Next hops of the static set compile to interfaces of these connections.
  if (!same_links) StateStaticSet(record);
  // Mappings are judged by all subnets, and lead to interfaces of their own.
  if (!same_links || !same_networks) StateMappings(record);
  watch_log_.Changed({WatchedKind::kTenant, name, ""});
  watch_log_.Changed({WatchedKind::kGateway, "", ""});
}

void DesiredState::Remove(std::string_view tenant) {
  const auto found = tenants_.find(tenant);
  if (found == tenants_.end()) return;
  const store::TenantRow& row = found->second->row;
  surroundings_.sink.RemoveTenant(row.numbers.vrf);
  by_vrf_.erase(row.numbers.vrf);
  for (const auto& connection : row.spec.connections())
    watch_log_.Gone({WatchedKind::kConnection, row.name, connection.name()});
  watch_log_.Gone({WatchedKind::kTenant, row.name, ""});
  watch_log_.Changed({WatchedKind::kGateway, "", ""});
  tenants_.erase(found);
  CountBooked();
}

void DesiredState::AdoptGateway(store::GatewayRow row) {
  for (const auto& [name, number] : gateway_.row.underlay_numbers)
    if (!row.underlay_numbers.contains(name)) gateway_.interface_states.erase(name);
  gateway_.row = std::move(row);
  Revalidate();
  watch_log_.Changed({WatchedKind::kGateway, "", ""});
}

void DesiredState::AdoptStaticSet(TenantRecord& record, tenant::StaticRouteSet routes, uint64_t version,
                                  int64_t set) {
  FinishFeed(record);
  auto known = std::move(record.routes);
  record.routes = std::move(routes);
  record.static_revision = ++revision_;
  record.feed = std::make_unique<StaticFeed>(std::move(known), record.routes, record.static_revision);
  record.unreadable_routes = 0;
  record.row.static_set = set;
  record.row.static_version = version;
  record.unreachable_routes = Unreachable(record);
  watch_log_.Changed({WatchedKind::kTenant, record.row.name, ""});
}

std::unique_ptr<StaticFeed> DesiredState::FeedStaticSet(TenantRecord& record, size_t prefixes) {
  StaticSetStatement statement(surroundings_.sink, record, record.feed->revision);
  const bool more = record.feed->difference.Advance(
      prefixes, [&](const tenant::StaticRoute& route) { statement.Put(route); },
      [&](const net::Prefix& prefix) { statement.Remove(prefix); });
  statement.End(!more);
  return more ? nullptr : std::move(record.feed);
}

void DesiredState::FinishFeed(TenantRecord& record) {
  while (record.feed != nullptr) FeedStaticSet(record, kRoutesPerCall);
}

void DesiredState::AdoptStaticChanges(TenantRecord& record, const std::vector<tenant::StaticRoute>& put,
                                      const std::vector<net::Prefix>& remove, uint64_t version) {
  FinishFeed(record);
  record.static_revision = ++revision_;
  StaticSetStatement statement(surroundings_.sink, record, record.static_revision);
  for (const net::Prefix& prefix : remove)
    if (record.routes.Remove(prefix)) statement.Remove(prefix);
  for (const tenant::StaticRoute& route : put) {
    record.routes.Put(route);
    statement.Put(route);
  }
  statement.End(true);
  record.row.static_version = version;
  record.unreachable_routes = Unreachable(record);
  watch_log_.Changed({WatchedKind::kTenant, record.row.name, ""});
}

void DesiredState::ValidateEach(
    tenant::Environment environment,
    absl::FunctionRef<void(const TenantRecord&, tenant::ValidatedTenant&&)> validated) const {
  for (const auto& [name, record] : tenants_) {
    // All others' claims are in it; this tenant's own are out while it is looked at.
    RemoveClaims(*record, environment);
    environment.booked_by_others_kbps -= record->validated.booked_kbps;
    auto found = tenant::ValidateTenant(name, record->row.spec, environment);
    environment.booked_by_others_kbps += found.booked_kbps;
    AddClaims(*record, environment);
    validated(*record, std::move(found));
  }
}

// Stored tenants stay, whatever the environment has become: what was booked
// before does not count as growth, and what does not validate is shown.
void DesiredState::Revalidate() {
  const bool other_underlay = StateUnderlay();
  ValidateEach(EnvironmentFor(""), [&](const TenantRecord& known, tenant::ValidatedTenant&& validated) {
    TenantRecord& record = *Find(known.row.name);
    const bool first = record.spec_revision == 0;
    const bool changed = !(validated.model == record.validated.model);
    record.validated = std::move(validated);
    // MTUs may come from ports, so that an equal model can compile differently.
    State(record);
    if (first || changed) StateStaticSet(record);
    // Hosts may have become addresses of ours, or be none any more.
    if (first || changed || other_underlay) StateMappings(record);
    watch_log_.Changed({WatchedKind::kTenant, record.row.name, ""});
  });
  CountBooked();
}

uint64_t DesiredState::ObservedGatewayGeneration() {
  const bool all = std::all_of(tenants_.begin(), tenants_.end(), [&](const auto& each) {
    const TenantRecord& record = *each.second;
    return surroundings_.programming.Tenant(record.row.numbers.vrf).acknowledged_revision >=
           record.spec_revision;
  });
  UpdateObserved(gateway_, surroundings_);
  const bool underlay = gateway_.observed_generation == gateway_.row.generation;
  // Another dataplane, or none: what the former one had says nothing of it.
  if (!surroundings_.dataplane.attached()) observed_gateway_generation_ = 0;
  if (all && underlay && surroundings_.dataplane.attached())
    observed_gateway_generation_ = gateway_.row.generation;
  return observed_gateway_generation_;
}

bool DesiredState::PortsChanged() {
  auto ports = PortsOf(surroundings_.dataplane);
  const auto same = [](const tenant::PortFacts& a, const tenant::PortFacts& b) {
    return a.name == b.name && a.mtu == b.mtu;
  };
  if (ports.has_value() == ports_.has_value() &&
      (!ports || std::equal(ports->begin(), ports->end(), ports_->begin(), ports_->end(), same)))
    return false;
  ports_ = std::move(ports);
  return true;
}

void DesiredState::Refresh() {
  if (PortsChanged()) Revalidate();
  for (auto& [name, record] : tenants_) RefreshTenant(*record);
  RefreshGateway();
}

void DesiredState::Refresh(std::span<const uint32_t> vrfs) {
  if (PortsChanged()) Revalidate();
  for (const uint32_t vrf : vrfs)
    if (const auto at = by_vrf_.find(vrf); at != by_vrf_.end()) RefreshTenant(*at->second);
}

void DesiredState::RefreshPart(size_t parts) {
  if (PortsChanged()) Revalidate();
  auto at = tenants_.upper_bound(refreshed_last_);
  for (size_t left = (tenants_.size() + parts - 1) / parts; left > 0 && at != tenants_.end(); --left, ++at) {
    RefreshTenant(*at->second);
    refreshed_last_ = at->first;
  }
  if (at != tenants_.end()) return;
  // All have had their turn.
  refreshed_last_.clear();
  RefreshGateway();
}

void DesiredState::RefreshTenant(TenantRecord& record) {
  const std::string& name = record.row.name;
  UpdateObserved(record, surroundings_);
  const std::string shown = StatusDigest(record, *this);
  if (shown != record.shown) watch_log_.Changed({WatchedKind::kTenant, name, ""});
  record.shown = shown;
  for (const auto& connection : record.row.spec.connections()) {
    std::string digest = ConnectionDigest(record, connection.name(), *this);
    std::string& before = record.shown_connections[connection.name()];
    if (digest != before) watch_log_.Changed({WatchedKind::kConnection, name, connection.name()});
    before = std::move(digest);
  }
}

void DesiredState::RefreshGateway() {
  std::string shown = GatewayDigest(*this);
  if (shown != shown_gateway_) watch_log_.Changed({WatchedKind::kGateway, "", ""});
  shown_gateway_ = std::move(shown);
}

}  // namespace sluice::api
