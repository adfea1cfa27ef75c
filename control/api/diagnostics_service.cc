// Lists of what the dataplane counts and knows, with names for its numbers.
#include "control/api/diagnostics_service.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "control/api/conditions.h"
#include "control/api/examination.h"
#include "control/api/refusal.h"
#include "control/api/write_rules.h"
#include "control/store/audit_rows.h"
#include "control/tenant/validate_tenant.h"
#include "control/tenant/validate_underlay.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;
namespace dp = ::sluice::dataplane::v1;

// Rows of one answer; about 2 MiB.
constexpr int kRowsMax = 20'000;
constexpr uint32_t kAuditDefault = 100;
constexpr uint32_t kAuditMax = 1000;

absl::Status TooManyRows(const char* limit) {
  return LimitReached(limit, absl::StrCat("more than ", kRowsMax, " rows; limit ", limit, " is ", kRowsMax,
                                          ", ask tenant by tenant"));
}

v1::NeighborState StateOf(const std::string& text) {
  if (text == "incomplete") return v1::NEIGHBOR_STATE_INCOMPLETE;
  if (text == "reachable") return v1::NEIGHBOR_STATE_REACHABLE;
  if (text == "stale") return v1::NEIGHBOR_STATE_STALE;
  if (text == "delay" || text == "probe") return v1::NEIGHBOR_STATE_PROBE;
  if (text == "failed") return v1::NEIGHBOR_STATE_FAILED;
  if (text == "static") return v1::NEIGHBOR_STATE_STATIC;
  return v1::NEIGHBOR_STATE_UNSPECIFIED;
}

void Describe(const dp::PortState& port, const NameTable& names, v1::PortDescription& out) {
  out.set_name(port.name());
  out.set_device(port.device());
  out.set_driver(port.driver());
  out.set_mac(port.mac());
  out.set_mtu(port.mtu());
  out.set_admin_up(true);
  out.set_link_up(port.link_up());
  out.set_speed_kbps(uint64_t{port.link_mbps()} * 1000);
  out.set_rx_queues(port.queues());
  out.set_tx_queues(port.queues());
  for (const auto& [offload, where] : port.offloads()) out.add_offloads(absl::StrCat(offload, ": ", where));
  std::sort(out.mutable_offloads()->begin(), out.mutable_offloads()->end());
  v1::PortFlowSteering& steering = *out.mutable_flow_steering();
  steering.set_answer(port.flow_api());
  steering.set_steered(port.flow_rules().steered());
  steering.set_unmarked(port.flow_rules().unmarked());
  steering.set_refused(port.flow_rules().refused());
  steering.set_refusal(port.flow_rules().refusal());
  out.set_rx_packets(port.counters().rx_packets());
  out.set_rx_bytes(port.counters().rx_bytes());
  out.set_rx_missed(port.counters().rx_missed());
  out.set_rx_errors(port.counters().rx_errors() + port.counters().rx_nombuf());
  out.set_tx_packets(port.counters().tx_packets());
  out.set_tx_bytes(port.counters().tx_bytes());
  out.set_tx_errors(port.counters().tx_errors() + port.counters().tx_dropped());
  for (const auto& [interface, link] : names.links())
    if (link.port == port.name())
      out.add_connections(link.tenant.empty() ? tenant::UnderlayInterfaceName(link.connection)
                                              : tenant::ConnectionName(link.tenant, link.connection));
}

// Addresses in the order of their numbers, not of their text.
bool ComesBefore(const v1::Neighbor& a, const v1::Neighbor& b) {
  const auto key = [](const v1::Neighbor& each) {
    return std::tuple(each.tenant(), each.connection(), net::Address::Parse(each.address()), each.address());
  };
  return key(a) < key(b);
}

v1::AuditEvent Show(const store::AuditRow& row) {
  v1::AuditEvent event;
  event.set_id(static_cast<uint64_t>(row.id));
  SetTimestamp(*event.mutable_time(), row.time_us);
  event.set_who(row.who);
  event.set_method(row.method);
  event.set_object(row.object);
  for (const std::string& change : row.changes) event.add_changes(change);
  event.set_result(row.result);
  event.set_break_glass(row.break_glass);
  return event;
}

}  // namespace

absl::StatusOr<NameTable> DiagnosticsService::Names() {
  auto names = RunOnCore(core_.executor, [&] { return NameTable(core_.state); });
  if (!names) return ShuttingDown();
  return *std::move(names);
}

std::map<uint32_t, dp::DropReasonName> DiagnosticsService::DropReasons() {
  const auto reply = dataplane_.ListDropReasons();
  const std::lock_guard lock(reasons_mutex_);
  // A dataplane that is away or slow to answer leaves the names of before.
  if (reply.ok())
    for (const auto& reason : reply->reasons()) reasons_[reason.number()] = reason;
  return reasons_;
}

grpc::Status DiagnosticsService::ListDrops(grpc::ServerContext*, const v1::ListDropsRequest* request,
                                           v1::ListDropsResponse* response) {
  const auto names = Names();
  if (!names.ok()) return ToGrpc(names.status());
  std::optional<uint32_t> vrf;
  if (request->has_tenant()) {
    const auto found = names->VrfOf(request->tenant());
    if (!found.ok()) return ToGrpc(found.status());
    vrf = *found;
  }
  const auto drops = RunOnCore(core_.executor, [&] { return core_.state.surroundings().dataplane.Drops(); });
  if (!drops) return ToGrpc(ShuttingDown());
  const auto reasons = DropReasons();
  for (const DropCount& drop : *drops) {
    if (drop.packets == 0 || (vrf && drop.vrf != *vrf)) continue;
    if (response->drops_size() == kRowsMax) return ToGrpc(TooManyRows("drops-per-answer"));
    auto& row = *response->add_drops();
    row.set_tenant(names->TenantOf(drop.vrf));
    const auto reason = reasons.find(drop.reason);
    row.set_reason(reason == reasons.end() ? absl::StrCat("reason_", drop.reason) : reason->second.name());
    if (reason != reasons.end()) row.set_description(reason->second.description());
    row.set_packets(drop.packets);
  }
  std::stable_sort(response->mutable_drops()->begin(), response->mutable_drops()->end(),
                   [](const v1::Drop& a, const v1::Drop& b) { return a.packets() > b.packets(); });
  return grpc::Status::OK;
}

grpc::Status DiagnosticsService::DescribePorts(grpc::ServerContext*, const v1::DescribePortsRequest*,
                                               v1::DescribePortsResponse* response) {
  const auto names = Names();
  if (!names.ok()) return ToGrpc(names.status());
  const auto ports = dataplane_.ListPorts();
  if (!ports.ok()) return ToGrpc(ports.status());
  for (const dp::PortState& port : ports->ports()) Describe(port, *names, *response->add_ports());
  return grpc::Status::OK;
}

grpc::Status DiagnosticsService::ListNeighbors(grpc::ServerContext*, const v1::ListNeighborsRequest* request,
                                               v1::ListNeighborsResponse* response) {
  const auto names = Names();
  if (!names.ok()) return ToGrpc(names.status());
  dp::ListNeighborsRequest list;
  std::optional<uint32_t> wanted;
  if (request->has_tenant()) {
    const auto vrf = names->VrfOf(request->tenant());
    if (!vrf.ok()) return ToGrpc(vrf.status());
    list.set_vrf(*vrf);
  }
  if (request->has_connection()) {
    if (!request->has_tenant())
      return ToGrpc(InvalidField(
          "tenant", absl::StrCat("missing; accepted: the tenant of connection ", request->connection())));
    const auto interface = names->InterfaceOf(request->tenant(), request->connection());
    if (!interface.ok()) return ToGrpc(interface.status());
    wanted = *interface;
  }
  const auto neighbors = dataplane_.ListNeighbors(list);
  if (!neighbors.ok()) return ToGrpc(neighbors.status());
  for (const dp::Neighbor& each : *neighbors) {
    if (wanted && each.interface() != *wanted) continue;
    if (response->neighbors_size() == kRowsMax) return ToGrpc(TooManyRows("neighbors-per-answer"));
    auto& neighbor = *response->add_neighbors();
    neighbor.set_tenant(names->TenantOf(each.vrf()));
    if (const auto* link = names->LinkOf(each.interface())) neighbor.set_connection(link->connection);
    neighbor.set_address(each.address());
    neighbor.set_mac(each.mac());
    neighbor.set_state(StateOf(each.state()));
    if (each.has_age_ms()) neighbor.mutable_age()->set_seconds(static_cast<int64_t>(each.age_ms() / 1000));
  }
  std::sort(response->mutable_neighbors()->begin(), response->mutable_neighbors()->end(), ComesBefore);
  return grpc::Status::OK;
}

grpc::Status DiagnosticsService::Doctor(grpc::ServerContext*, const v1::DoctorRequest* request,
                                        v1::DoctorResponse* response) {
  return OnCore(core_, response, [&]() -> absl::StatusOr<v1::DoctorResponse> {
    const std::string tenant = LabelOf("tenants", request->tenant());
    if (request->has_tenant() && core_.state.Find(tenant) == nullptr) return NoSuchTenant(tenant);
    return Examine(core_.state, tenant);
  });
}

grpc::Status DiagnosticsService::ListAuditEvents(grpc::ServerContext*,
                                                 const v1::ListAuditEventsRequest* request,
                                                 v1::ListAuditEventsResponse* response) {
  return OnCore(core_, response, [&]() -> absl::StatusOr<v1::ListAuditEventsResponse> {
    const uint32_t limit = request->limit() == 0 ? kAuditDefault : std::min(request->limit(), kAuditMax);
    std::optional<std::string> tenant;
    if (request->has_tenant()) tenant = LabelOf("tenants", request->tenant());
    const int64_t since_us = request->since().seconds() * 1'000'000 + request->since().nanos() / 1000;
    v1::ListAuditEventsResponse events;
    for (const store::AuditRow& row :
         store::LoadAudit(core_.state.store().database(), tenant, since_us, limit))
      *events.add_events() = Show(row);
    return events;
  });
}

}  // namespace sluice::api
