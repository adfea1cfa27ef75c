// The live table; see top_text.h.
#include "tools/sluicectl/top_text.h"

#include <algorithm>
#include <map>

#include "tools/sluicectl/connection_text.h"
#include "tools/sluicectl/enum_text.h"
#include "tools/sluicectl/gateway_text.h"
#include "tools/sluicectl/quantity_text.h"
#include "tools/sluicectl/text_table.h"

namespace sluice::ctl {
namespace {

using std::chrono::milliseconds;

uint64_t PerSecond(uint64_t before, uint64_t now, milliseconds between) {
  if (now < before || between.count() <= 0) return 0;
  return (now - before) * 1000 / static_cast<uint64_t>(between.count());
}

uint64_t BitsPerSecondInKilo(uint64_t bytes_per_second) {
  return bytes_per_second * 8 / 1000;
}

// Rows with the figure they are sorted by.
struct RankedRow {
  uint64_t rank;
  Row row;
};

std::vector<Row> Ranked(std::vector<RankedRow> rows, size_t lines_max) {
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.rank > b.rank; });
  std::vector<Row> out;
  for (size_t i = 0; i < std::min(lines_max, rows.size()); ++i) out.push_back(std::move(rows[i].row));
  return out;
}

using StatisticsByName = std::map<std::string, sluice::gateway::v1::ConnectionStatistics>;

StatisticsByName StatisticsOf(const GatewayReading& reading) {
  StatisticsByName out;
  for (const auto& tenant : reading.tenants) {
    for (const auto& view : ConnectionsOf(tenant))
      out[view.tenant + "/" + view.spec.name()] = view.status.statistics();
  }
  return out;
}

std::string ConnectionsText(const GatewayReading& before, const GatewayReading& now, milliseconds between,
                            size_t lines_max) {
  auto old = StatisticsOf(before);
  std::vector<RankedRow> rows;
  for (const auto& tenant : now.tenants) {
    for (const auto& view : ConnectionsOf(tenant)) {
      const std::string name = view.tenant + "/" + view.spec.name();
      const auto& s = view.status.statistics();
      // One that is new has no rate yet.
      const auto& o = old.contains(name) ? old[name] : s;
      const uint64_t in = PerSecond(o.inbound_packets(), s.inbound_packets(), between);
      const uint64_t out = PerSecond(o.outbound_packets(), s.outbound_packets(), between);
      const uint64_t limited =
          PerSecond(o.inbound_packets_rate_limited() + o.outbound_packets_rate_limited(),
                    s.inbound_packets_rate_limited() + s.outbound_packets_rate_limited(), between);
      rows.push_back(
          {in + out,
           {name, EnumText(view.status.state()), CountText(in),
            RateText(BitsPerSecondInKilo(PerSecond(o.inbound_bytes(), s.inbound_bytes(), between))),
            CountText(out),
            RateText(BitsPerSecondInKilo(PerSecond(o.outbound_bytes(), s.outbound_bytes(), between))),
            CountText(limited)}});
    }
  }
  return TableText({{"CONNECTION"},
                    {"STATE"},
                    {"IN/S", Align::kRight},
                    {"IN", Align::kRight},
                    {"OUT/S", Align::kRight},
                    {"OUT", Align::kRight},
                    {"LIMITED/S", Align::kRight}},
                   Ranked(std::move(rows), lines_max));
}

std::string DropsText(const GatewayReading& before, const GatewayReading& now, milliseconds between,
                      size_t lines_max) {
  std::map<std::pair<std::string, std::string>, uint64_t> old;
  for (const auto& drop : before.drops.drops()) old[{drop.tenant(), drop.reason()}] = drop.packets();
  std::vector<RankedRow> rows;
  for (const auto& drop : now.drops.drops()) {
    const uint64_t rate = PerSecond(old[{drop.tenant(), drop.reason()}], drop.packets(), between);
    if (rate > 0)
      rows.push_back({rate, {CountText(rate), drop.reason(), drop.tenant(), CountText(drop.packets())}});
  }
  if (rows.empty()) return "\nno drops\n";
  return "\n" + TableText({{"DROPS/S", Align::kRight}, {"REASON"}, {"TENANT"}, {"TOTAL", Align::kRight}},
                          Ranked(std::move(rows), lines_max));
}

std::string PortRatesText(const GatewayReading& before, const GatewayReading& now, milliseconds between) {
  std::map<std::string, sluice::gateway::v1::PortDescription> old;
  for (const auto& port : before.ports.ports()) old[port.name()] = port;
  std::vector<Row> rows;
  for (const auto& port : now.ports.ports()) {
    const auto& o = old.contains(port.name()) ? old[port.name()] : port;
    rows.push_back({port.name(), port.link_up() ? "up" : "down",
                    CountText(PerSecond(o.rx_packets(), port.rx_packets(), between)),
                    RateText(BitsPerSecondInKilo(PerSecond(o.rx_bytes(), port.rx_bytes(), between))),
                    CountText(PerSecond(o.tx_packets(), port.tx_packets(), between)),
                    RateText(BitsPerSecondInKilo(PerSecond(o.tx_bytes(), port.tx_bytes(), between))),
                    CountText(PerSecond(o.rx_missed(), port.rx_missed(), between))});
  }
  return TableText({{"PORT"},
                    {"LINK"},
                    {"RX/S", Align::kRight},
                    {"RX", Align::kRight},
                    {"TX/S", Align::kRight},
                    {"TX", Align::kRight},
                    {"MISSED/S", Align::kRight}},
                   rows);
}

}  // namespace

std::string TopText(const GatewayReading& before, const GatewayReading& now, milliseconds between,
                    size_t lines_max) {
  return GatewayTable(now.gateway) + "\n" + WorkersTable(now.gateway.status()) + "\n" +
         PortRatesText(before, now, between) + "\n" + ConnectionsText(before, now, between, lines_max) +
         DropsText(before, now, between, lines_max);
}

}  // namespace sluice::ctl
