// The gateway for people; see gateway_text.h.
#include "tools/sluicectl/gateway_text.h"

#include <algorithm>
#include <cstdio>

#include "tools/sluicectl/enum_text.h"
#include "tools/sluicectl/quantity_text.h"
#include "tools/sluicectl/tenant_text.h"
#include "tools/sluicectl/text_table.h"

namespace sluice::ctl {
namespace {

std::string PercentText(double percent) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f%%", percent);
  return text;
}

std::string MarkText(api::DoctorFinding::Verdict verdict) {
  switch (verdict) {
    case api::DoctorFinding::VERDICT_OK:
      return "ok      ";
    case api::DoctorFinding::VERDICT_WARNING:
      return "warning ";
    case api::DoctorFinding::VERDICT_PROBLEM:
      return "PROBLEM ";
    default:
      return "unknown ";
  }
}

std::string LinkText(const api::PortDescription& port) {
  if (!port.admin_up()) return "admin down";
  if (!port.link_up()) return "no carrier";
  return port.speed_kbps() == 0 ? "up" : "up " + RateText(port.speed_kbps());
}

// How long ago the neighbour last answered.
std::string ConfirmedText(const api::Neighbor& neighbor) {
  if (neighbor.has_age()) return DurationText(neighbor.age());
  return neighbor.state() == api::NEIGHBOR_STATE_STATIC ? "" : "never";
}

std::string KindsText(const api::GatewaySpec& spec) {
  std::string out;
  for (const int kind : spec.kinds()) {
    out += (out.empty() ? "" : ", ") + EnumText(static_cast<api::GatewayKind>(kind));
  }
  return out;
}

std::string UnderlayCarrierText(const api::UnderlayInterface& spec) {
  return spec.port() + (spec.has_vlan() ? " vlan " + std::to_string(spec.vlan()) : " untagged");
}

std::string UnderlayTable(const api::Gateway& gateway) {
  std::vector<Row> rows;
  for (const auto& spec : gateway.spec().underlay_interfaces()) {
    Row& row = rows.emplace_back(Row{spec.name(), UnderlayCarrierText(spec), Joined(spec.addresses())});
    for (const auto& status : gateway.status().underlay_interfaces()) {
      if (status.name() != spec.name()) continue;
      const auto& counted = status.statistics();
      row.insert(row.end(),
                 {EnumText(status.state()), std::to_string(status.mtu()),
                  CountText(counted.inbound_packets()), CountText(counted.outbound_packets()),
                  status.error_reason().empty() ? status.unreachability_reason() : status.error_reason()});
    }
  }
  return TableText({{"UNDERLAY INTERFACE"},
                    {"PORT"},
                    {"ADDRESSES"},
                    {"STATE"},
                    {"MTU", Align::kRight},
                    {"PACKETS IN", Align::kRight},
                    {"PACKETS OUT", Align::kRight},
                    {"REASON"}},
                   rows);
}

std::string UnderlayRoutesTable(const api::GatewaySpec& spec) {
  std::vector<Row> rows;
  for (const auto& route : spec.underlay_routes()) {
    std::string hops;
    for (const auto& hop : route.next_hops())
      hops += (hops.empty() ? "" : ", ") + hop.address() +
              (hop.has_weight() ? " weight " + std::to_string(hop.weight()) : "");
    rows.push_back({route.prefix(), hops, std::to_string(route.has_metric() ? route.metric() : 1)});
  }
  return TableText({{"UNDERLAY ROUTE"}, {"NEXT HOPS"}, {"METRIC", Align::kRight}}, rows);
}

}  // namespace

std::string GatewayTable(const api::Gateway& gateway) {
  const auto& s = gateway.status();
  return TableText(
      {{"STATE"},
       {"HEALTH"},
       {"VERSION"},
       {"UPTIME", Align::kRight},
       {"TENANTS", Align::kRight},
       {"CONNECTIONS", Align::kRight},
       {"BOOKED", Align::kRight},
       {"CAPACITY", Align::kRight},
       {"INSTANCE"}},
      {{EnumText(s.state()), EnumText(s.health()), s.version(), DurationText(s.uptime()),
        CountText(s.tenants()), CountText(s.connections()), RateText(s.booked_kbps()),
        s.total_capacity_kbps() == 0 ? "unlimited" : RateText(s.total_capacity_kbps()), s.instance_id()}});
}

std::string WorkersTable(const api::GatewayStatus& status) {
  std::vector<Row> rows;
  for (const auto& worker : status.workers()) {
    rows.push_back({std::to_string(worker.worker()), std::to_string(worker.core()),
                    PercentText(worker.busy_percent()), worker.stuck() ? "STUCK" : "running"});
  }
  return TableText({{"WORKER", Align::kRight}, {"CORE", Align::kRight}, {"BUSY", Align::kRight}, {"STATE"}},
                   rows);
}

bool KeepFill(const std::string& name, api::GatewayStatus& status) {
  if (name.empty()) return true;
  auto& fills = *status.mutable_fills();
  fills.erase(
      std::remove_if(fills.begin(), fills.end(), [&](const auto& each) { return each.name() != name; }),
      fills.end());
  return !fills.empty();
}

std::string FillsTable(const api::GatewayStatus& status) {
  std::vector<api::Fill> fills(status.fills().begin(), status.fills().end());
  const auto share = [](const api::Fill& fill) {
    return fill.limit() == 0 ? 0.0 : static_cast<double>(fill.used()) / static_cast<double>(fill.limit());
  };
  std::stable_sort(fills.begin(), fills.end(),
                   [&](const api::Fill& a, const api::Fill& b) { return share(a) > share(b); });
  std::vector<Row> rows;
  for (const auto& fill : fills) {
    rows.push_back(
        {fill.name(), CountText(fill.used()), CountText(fill.limit()), ShareText(fill.used(), fill.limit())});
  }
  return TableText({{"LIMIT"}, {"USED", Align::kRight}, {"OF", Align::kRight}, {"FILL", Align::kRight}},
                   rows);
}

std::string GatewayDescription(const api::Gateway& gateway) {
  const auto& s = gateway.status();
  std::string body = FactsText({
      {"state", EnumText(s.state())},
      {"health", EnumText(s.health())},
      {"configuration", StateText(s.configuration_state())},
      {"programmed", GenerationText(s.observed_generation(), gateway.generation())},
      {"kinds", KindsText(gateway.spec())},
      {"labels", LabelsText(gateway.spec().labels())},
      {"version", s.version()},
      {"uptime", DurationText(s.uptime())},
      {"instance", s.instance_id()},
      {"dataplane", s.dataplane_instance_id().empty() ? "not attached" : s.dataplane_instance_id()},
      {"tenants", CountText(s.tenants())},
      {"connections", CountText(s.connections())},
      {"capacity", s.total_capacity_kbps() == 0 ? "unlimited" : RateText(s.total_capacity_kbps())},
      {"booked", RateText(s.booked_kbps())},
      {"available", s.total_capacity_kbps() == 0 ? "unlimited" : RateText(s.available_capacity_kbps())},
      {"etag", gateway.etag()},
      {"changed", TimeText(gateway.update_time())},
  });
  if (gateway.spec().underlay_interfaces_size() > 0) body += "\n" + UnderlayTable(gateway);
  if (gateway.spec().underlay_routes_size() > 0) body += "\n" + UnderlayRoutesTable(gateway.spec());
  if (s.workers_size() > 0) body += "\n" + WorkersTable(s);
  if (s.fills_size() > 0) body += "\n" + FillsTable(s);
  if (s.conditions_size() > 0) body += "\n" + ConditionsTable(s.conditions());
  return "gateway\n" + Indented(body, 2);
}

std::string PortsTable(const api::DescribePortsResponse& ports) {
  std::vector<Row> rows;
  for (const auto& port : ports.ports()) {
    rows.push_back({port.name(), port.device(), port.mac(), std::to_string(port.mtu()), LinkText(port),
                    CountText(port.rx_packets()), CountText(port.tx_packets()), CountText(port.rx_missed()),
                    CountText(port.rx_errors() + port.tx_errors()), std::to_string(port.connections_size())});
  }
  return TableText({{"PORT"},
                    {"DEVICE"},
                    {"MAC"},
                    {"MTU", Align::kRight},
                    {"LINK"},
                    {"RX PACKETS", Align::kRight},
                    {"TX PACKETS", Align::kRight},
                    {"MISSED", Align::kRight},
                    {"ERRORS", Align::kRight},
                    {"CONNECTIONS", Align::kRight}},
                   rows);
}

std::string SteeringText(const api::PortFlowSteering& steering) {
  if (steering.answer() != "yes")
    return "none, spread by the port's hash (" +
           (steering.answer().empty() ? "not asked" : steering.answer()) + ")";
  std::string text = CountText(steering.steered()) + " steered";
  if (steering.unmarked() != 0) text += " (" + CountText(steering.unmarked()) + " unmarked)";
  text += ", " + CountText(steering.refused()) + " refused";
  if (!steering.refusal().empty()) text += ": " + steering.refusal();
  return text;
}

std::string PortDescriptionText(const api::PortDescription& port) {
  return "ports/" + port.name() + "\n" +
         Indented(FactsText({
                      {"device", port.device()},
                      {"driver", port.driver()},
                      {"mac", port.mac()},
                      {"mtu", std::to_string(port.mtu()) + " bytes"},
                      {"link", LinkText(port)},
                      {"queues",
                       std::to_string(port.rx_queues()) + " rx, " + std::to_string(port.tx_queues()) + " tx"},
                      {"offloads", Joined(port.offloads())},
                      {"flow rules", SteeringText(port.flow_steering())},
                      {"received", CountText(port.rx_packets()) + " packets, " + BytesText(port.rx_bytes())},
                      {"sent", CountText(port.tx_packets()) + " packets, " + BytesText(port.tx_bytes())},
                      {"missed", CountText(port.rx_missed())},
                      {"errors", CountText(port.rx_errors()) + " rx, " + CountText(port.tx_errors()) + " tx"},
                      {"connections", Joined(port.connections())},
                  }),
                  2);
}

std::string NeighborsTable(const api::ListNeighborsResponse& neighbors) {
  std::vector<Row> rows;
  for (const auto& n : neighbors.neighbors()) {
    rows.push_back({n.tenant(), n.connection(), n.address(), n.mac(), EnumText(n.state()), ConfirmedText(n)});
  }
  return TableText(
      {{"TENANT"}, {"CONNECTION"}, {"ADDRESS"}, {"MAC"}, {"STATE"}, {"CONFIRMED", Align::kRight}}, rows);
}

std::string DropsTable(const api::ListDropsResponse& drops) {
  std::vector<Row> rows;
  for (const auto& drop : drops.drops()) {
    rows.push_back({CountText(drop.packets()), drop.reason(), drop.tenant(), drop.description()});
  }
  return TableText({{"PACKETS", Align::kRight}, {"REASON"}, {"TENANT"}, {"DESCRIPTION"}}, rows);
}

std::string FindingsText(const api::DoctorResponse& findings) {
  std::string out;
  for (const auto& finding : findings.findings()) {
    out += MarkText(finding.verdict()) + finding.subject() + ": " + finding.message() + "\n";
    if (!finding.remedy().empty()) out += "        remedy: " + finding.remedy() + "\n";
  }
  return out;
}

std::string AuditTable(const api::ListAuditEventsResponse& events) {
  std::vector<Row> rows;
  for (const auto& e : events.events()) {
    rows.push_back({TimeText(e.time()), e.who(), e.method(), e.object(), e.result(),
                    e.break_glass() ? "yes" : "", Joined(e.changes())});
  }
  return TableText(
      {{"TIME (UTC)"}, {"WHO"}, {"METHOD"}, {"OBJECT"}, {"RESULT"}, {"BREAK GLASS"}, {"CHANGES"}}, rows);
}

}  // namespace sluice::ctl
