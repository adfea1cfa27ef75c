// Connections for people; see connection_text.h.
#include "tools/sluicectl/connection_text.h"

#include <algorithm>

#include "tools/sluicectl/enum_text.h"
#include "tools/sluicectl/outer_header_text.h"
#include "tools/sluicectl/quantity_text.h"
#include "tools/sluicectl/tenant_text.h"
#include "tools/sluicectl/text_table.h"

namespace sluice::ctl {
namespace {

std::string L3Text(const api::L3Connection& l3) {
  std::string out = "l3 " + l3.port();
  if (l3.has_vlan()) out += " vlan " + std::to_string(l3.vlan());
  if (l3.has_untagged()) out += " untagged";
  return out;
}

std::string GreText(const api::GreConnection& gre) {
  std::string out = "gre " + gre.local_endpoint().public_address() + " to " + gre.remote_address();
  if (gre.has_key()) out += " key " + std::to_string(gre.key());
  if (gre.has_send_key()) out += ", sends key " + std::to_string(gre.send_key());
  return out;
}

std::string Reason(const api::ConnectionStatus& status) {
  if (status.error_reason().empty()) return status.unreachability_reason();
  if (status.unreachability_reason().empty()) return status.error_reason();
  return status.error_reason() + "; " + status.unreachability_reason();
}

std::string LimitText(bool limited, uint64_t kbps) {
  return limited ? RateText(kbps) : "unlimited";
}

std::string NextHopsText(const api::StaticRoute& route) {
  std::string out;
  for (const auto& hop : route.next_hops()) {
    out += (out.empty() ? "" : ", ") + (hop.address().empty() ? hop.connection() : hop.address());
    if (hop.has_weight()) out += " weight " + std::to_string(hop.weight());
  }
  return out;
}

std::string DirectionsTable(const ConnectionView& view) {
  const auto& s = view.status.statistics();
  return TableText({{"DIRECTION"},
                    {"PACKETS", Align::kRight},
                    {"BYTES", Align::kRight},
                    {"RATE", Align::kRight},
                    {"RATE LIMITED", Align::kRight},
                    {"LIMIT", Align::kRight}},
                   {{"inbound", CountText(s.inbound_packets()), CountText(s.inbound_bytes()),
                     RateText(s.inbound_rate_kbps()), CountText(s.inbound_packets_rate_limited()),
                     LimitText(view.spec.has_inbound_kbps(), view.spec.inbound_kbps())},
                    {"outbound", CountText(s.outbound_packets()), CountText(s.outbound_bytes()),
                     RateText(s.outbound_rate_kbps()), CountText(s.outbound_packets_rate_limited()),
                     LimitText(view.spec.has_outbound_kbps(), view.spec.outbound_kbps())}});
}

std::string MtuText(const api::ConnectionStatus& status) {
  if (status.mtu() == 0) return "";
  return std::to_string(status.mtu()) + (status.mtu_reason().empty() ? "" : ": " + status.mtu_reason());
}

std::string MssText(const api::Connection& connection) {
  const bool clamps = connection.has_clamp_mss() ? connection.clamp_mss() : !connection.has_l3();
  return clamps ? "clamped to the mtu" : "left as it is";
}

std::string OuterText(const api::Connection& connection) {
  if (!connection.has_gre()) return "";
  return OuterHeaderText(connection.gre()) + (connection.gre().checksum() ? ", with checksum" : "");
}

// "keepalive every 2 s, silent after 3; 40 sent, 39 answered"
std::string ProbeText(const ConnectionView& view) {
  if (!view.spec.gre().has_probe()) return "";
  const api::PeerProbe& probe = view.spec.gre().probe();
  const auto& counted = view.status.statistics();
  return "keepalive every " + std::to_string(probe.has_interval_s() ? probe.interval_s() : 10) +
         " s, silent after " + std::to_string(probe.has_misses() ? probe.misses() : 3) + " unanswered; " +
         CountText(counted.probes_sent()) + " sent, " + CountText(counted.probes_answered()) + " answered";
}

std::string ReturnedText(const api::ConnectionStatistics& counted) {
  return counted.keepalives_returned() == 0 ? "" : CountText(counted.keepalives_returned()) + " returned";
}

std::string RoutesTable(const api::Connection& connection) {
  std::vector<Row> rows;
  for (const auto& route : connection.routes()) {
    rows.push_back(
        {route.prefix(), NextHopsText(route), std::to_string(route.has_metric() ? route.metric() : 1)});
  }
  return TableText({{"ROUTE"}, {"NEXT HOPS"}, {"METRIC", Align::kRight}}, rows);
}

}  // namespace

std::vector<ConnectionView> ConnectionsOf(const api::Tenant& tenant) {
  std::vector<ConnectionView> out;
  for (const auto& spec : tenant.spec().connections()) {
    ConnectionView view{tenant.name(), spec, {}};
    for (const auto& status : tenant.status().connections()) {
      if (status.name() == spec.name()) view.status = status;
    }
    out.push_back(std::move(view));
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.spec.name() < b.spec.name(); });
  return out;
}

std::string CarrierText(const api::Connection& connection) {
  switch (connection.kind_case()) {
    case api::Connection::kL3:
      return L3Text(connection.l3());
    case api::Connection::kGre:
      return GreText(connection.gre());
    case api::Connection::kIpsec:
      return "ipsec";
    case api::Connection::KIND_NOT_SET:
      return "";
  }
  return "";
}

namespace {

// From the connection's own name on.
Row ConnectionRow(const ConnectionView& view) {
  const auto& statistics = view.status.statistics();
  return {view.spec.name(),
          CarrierText(view.spec),
          Joined(view.spec.addresses()),
          Joined(view.spec.peer_addresses()),
          EnumText(view.status.state()),
          view.status.has_uptime() ? DurationText(view.status.uptime()) : "",
          CountText(statistics.inbound_packets()),
          CountText(statistics.outbound_packets()),
          Reason(view.status)};
}

const std::vector<Column> kColumns = {{"CONNECTION"},
                                      {"KIND"},
                                      {"ADDRESSES"},
                                      {"PEERS"},
                                      {"STATE"},
                                      {"UPTIME", Align::kRight},
                                      {"PACKETS IN", Align::kRight},
                                      {"PACKETS OUT", Align::kRight},
                                      {"REASON"}};

}  // namespace

std::string ConnectionsTable(const std::vector<ConnectionView>& connections) {
  std::vector<Column> columns = kColumns;
  columns.insert(columns.begin(), {"TENANT"});
  std::vector<Row> rows;
  for (const auto& view : connections) {
    Row& row = rows.emplace_back(ConnectionRow(view));
    row.insert(row.begin(), view.tenant);
  }
  return TableText(columns, rows);
}

std::string TenantConnectionsTable(const std::vector<ConnectionView>& connections) {
  std::vector<Row> rows;
  for (const auto& view : connections) rows.push_back(ConnectionRow(view));
  return TableText(kColumns, rows);
}

std::string ConnectionDescription(const ConnectionView& view) {
  const std::string facts = FactsText({
      {"kind", CarrierText(view.spec)},
      {"state", EnumText(view.status.state())},
      {"configuration", StateText(view.status.configuration_state())},
      {"since", view.status.has_last_state_change() ? TimeText(view.status.last_state_change()) : ""},
      {"uptime", view.status.has_uptime() ? DurationText(view.status.uptime()) : ""},
      {"reason", Reason(view.status)},
      {"addresses", Joined(view.spec.addresses())},
      {"peers", Joined(view.spec.peer_addresses())},
      {"outer header", OuterText(view.spec)},
      {"mtu", MtuText(view.status)},
      {"tcp mss", MssText(view.spec)},
      {"probe", ProbeText(view)},
      {"peer's keepalives", ReturnedText(view.status.statistics())},
      {"gateway", view.status.gateway()},
      {"counted", TimeText(view.status.statistics().last_updated())},
  });
  std::string body = facts + "\n" + DirectionsTable(view);
  if (view.spec.routes_size() > 0) body += "\n" + RoutesTable(view.spec);
  if (view.status.conditions_size() > 0) body += "\n" + ConditionsTable(view.status.conditions());
  return "connection " + view.tenant + "/" + view.spec.name() + "\n" + Indented(body, 2);
}

}  // namespace sluice::ctl
