// Which reports of path MTUs are believed, what they change, and for how long.
#include "dataplane/agent/path_mtus.h"

#include <algorithm>
#include <functional>

#include "dataplane/agent/writer_fixture.h"
#include "dataplane/agent/writer_invariants.h"

namespace sluice::dataplane {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using channel::RecordType;

net::Address Ip(std::string_view text) {
  return *net::Address::Parse(text);
}

Record OtherGre(uint16_t more_flags = 0) {
  using channel::TunnelRecord;
  const auto flags =
      static_cast<uint16_t>(channel::kTunnelUp | channel::kTunnelKeyIn | channel::kTunnelKeyOut | more_flags);
  return GreIs(6, 1, "192.0.2.1", "198.51.100.2")
      .Set<uint32_t>(offsetof(TunnelRecord, key_in), 8)
      .Set<uint32_t>(offsetof(TunnelRecord, key_out), 8)
      .Set(offsetof(TunnelRecord, flags), flags);
}

// GRE 4 and 6 to 198.51.100.2 with the keys 7 and 8, VXLAN 5 with the hosts 198.51.100.2
// and .8, all with MTU 1400 and ends on 192.0.2.1; GRE 7 over IPv6. Adjacencies: 20 and 23
// through GRE, 21 and 22 to the hosts, 24 over IPv6.
struct PathMtuWriter : Writer, StateObserver {
  PathMtuWriter() {
    StateTenant();
    Take(InterfaceIs(10, 0, 300));
    Take(AddressIs(10, "203.0.113.1/24"));
    Take(AdjacencyTo(10, 10, "203.0.113.2"));
    Take(GroupOf(10, {10}));
    Take(RouteTo(0, "198.51.100.0/24", 10));
    Take(RouteTo(0, "2001:db8:e::/48", 10));
    Take(GreIs(4, 1, "192.0.2.1", "198.51.100.2"));
    Take(OtherGre());
    Take(OverlayIs(5, 1, "192.0.2.1", 5000));
    Take(GreIs(7, 1, "2001:db8:f::1", "2001:db8:e::2"));
    Take(AdjacencyThrough(20, 4));
    Take(AdjacencyThrough(21, 5, "198.51.100.2"));
    Take(AdjacencyThrough(22, 5, "198.51.100.8"));
    Take(AdjacencyThrough(23, 6));
    Take(AdjacencyThrough(24, 7));
    Learn(10, "203.0.113.2", "02:00:00:00:00:10");
    SweepAll();
    writer.resolver().SetObserver(this);
  }
  ~PathMtuWriter() override {
    writer.resolver().SetObserver(nullptr);
    CheckInvariants(writer);
  }
  void OnAdjacency(AdjacencyId id) override { told.push_back(id); }
  void OnNeighbor(const NeighborKey&) override {}
  void OnCarrier(PortId) override {}
  void OnPeer(InterfaceId) override {}

  void Say(const PathMtuReport& report) { writer.path_mtus().Learn(report, now); }
  void Say(uint16_t mtu) {
    PathMtuReport report = About();
    report.path_mtu = mtu;
    Say(report);
  }
  // About a packet of GRE 4, of which 1300 bytes pass.
  static PathMtuReport About() {
    return {Ip("192.0.2.1"), Ip("198.51.100.2"), TunnelKind::kGre, true, 0, 7, 1300};
  }
  std::vector<uint16_t> Mtus() const {
    std::vector<uint16_t> mtus;
    for (AdjacencyId id = 20; id <= 24; ++id) mtus.push_back(tables.adjacencies.Load(id).mtu());
    return mtus;
  }
  const PathMtuCounters& counted() const { return writer.path_mtus().counters(); }

  std::vector<AdjacencyId> told;
};

const std::vector<uint16_t> kUntouched(5, 1400);
// By GRE 28 of the 1300 bytes are taken, by VXLAN 50.
const std::vector<uint16_t> kLearned = {1272, 1250, 1400, 1272, 1400};

TEST_CASE("what passes on the way to a far end holds for every tunnel that leads there, at once") {
  PathMtuWriter to;
  CHECK(to.Mtus() == kUntouched);
  to.Say(1300);
  CHECK(to.Mtus() == kLearned);
  CHECK(to.tables.adjacencies.reader().LoadWay(20).mtu() == 1272);
  CHECK(to.tables.adjacencies.reader().LoadWay(21).mtu() == 1250);
  std::sort(to.told.begin(), to.told.end());
  CHECK(to.told == std::vector<AdjacencyId>{20, 21, 23});
  CHECK(to.writer.path_mtus().LearnedAt(Ip("198.51.100.2")) == to.now);
  CHECK(to.counted().learned == 1);

  // A tunnel that comes later, or an adjacency stated again, obeys it, too.
  to.Take(Delete(RecordType::kAdjacencyDelete, 23));
  to.Take(AdjacencyThrough(23, 6));
  CHECK(to.Mtus() == kLearned);

  PathMtuReport over6 = to.About();
  over6.local = Ip("2001:db8:f::1");
  over6.remote = Ip("2001:db8:e::2");
  to.Say(over6);
  CHECK(to.Mtus().back() == 1300 - 48);
}

TEST_CASE("a forged or useless report changes nothing and is counted by its fault") {
  PathMtuWriter to;
  struct Row {
    const char* what;
    std::function<void(PathMtuReport&)> change;
    const EventCount& counter;
  };
  const PathMtuCounters& counted = to.counted();
  const Row rows[] = {
      {"no tunnel leads there", [](auto& r) { r.remote = Ip("198.51.100.9"); }, counted.unknown_remote},
      {"a host of no tunnel over IPv6", [](auto& r) { r.remote = Ip("2001:db8:e::9"); },
       counted.unknown_remote},
      {"a wrong key", [](auto& r) { r.key = 9; }, counted.unknown_tunnel},
      {"without a key", [](auto& r) { r.has_key = false, r.key.reset(); }, counted.unknown_tunnel},
      {"from an address that no tunnel has", [](auto& r) { r.local = Ip("203.0.113.1"); },
       counted.unknown_tunnel},
      {"NVGRE", [](auto& r) { r.kind = TunnelKind::kNvgre; }, counted.unknown_tunnel},
      {"VXLAN to another port",
       [](auto& r) { r.kind = TunnelKind::kVxlan, r.udp_port = 4790, r.key.reset(); },
       counted.unknown_tunnel},
      {"VXLAN with another VNI",
       [](auto& r) { r.kind = TunnelKind::kVxlan, r.udp_port = 4789, r.key = 5001; }, counted.unknown_tunnel},
      {"too small", [](auto& r) { r.path_mtu = 575; }, counted.too_small},
      {"zero", [](auto& r) { r.path_mtu = 0; }, counted.too_small},
      {"too small for IPv6",
       [](auto& r) { r.local = Ip("2001:db8:f::1"), r.remote = Ip("2001:db8:e::2"), r.path_mtu = 1279; },
       counted.too_small},
      {"as much as is sent", [](auto& r) { r.path_mtu = 1428; }, counted.not_lower},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    PathMtuReport report = to.About();
    row.change(report);
    const uint64_t before = row.counter;
    to.Say(report);
    CHECK(row.counter == before + 1);
    CHECK(to.Mtus() == kUntouched);
  }
  CHECK(counted.learned == 0);
  CHECK(to.told.empty());
  to.Say(576);
  CHECK(to.Mtus().front() == 548);
}

TEST_CASE("a quote too short for the key is about any tunnel of its kind") {
  PathMtuWriter to;
  PathMtuReport report = to.About();
  report.key.reset();
  SECTION("GRE") {}
  SECTION("VXLAN") {
    report.kind = TunnelKind::kVxlan;
    report.udp_port = 4789;
  }
  to.Say(report);
  CHECK(to.Mtus() == kLearned);
}

TEST_CASE("a tunnel whose packets routers may cut sends as before, and is no witness") {
  PathMtuWriter to;
  to.Take(OtherGre(channel::kTunnelDfClear));
  to.Say(1300);
  CHECK(to.Mtus() == std::vector<uint16_t>{1272, 1250, 1400, 1400, 1400});
  PathMtuReport report = to.About();
  report.key = 8;
  report.path_mtu = 1200;
  to.Say(report);
  CHECK(to.counted().unknown_tunnel == 1);
}

TEST_CASE("a path MTU goes down only, and is forgotten ten minutes after it last did") {
  PathMtuWriter to;
  to.Say(1300);
  to.Pass(5min);
  to.Say(1350);
  to.Say(1300);
  CHECK(to.counted().not_lower == 2);
  CHECK(to.Mtus() == kLearned);
  to.Say(1200);
  CHECK(to.Mtus().front() == 1172);
  to.Pass(10min - 1ms);
  CHECK(to.Mtus().front() == 1172);
  to.told.clear();
  to.Pass(1ms);
  CHECK(to.Mtus() == kUntouched);
  CHECK(to.told.size() == 3);
  CHECK(to.counted().forgotten == 1);
  CHECK(!to.writer.path_mtus().LearnedAt(Ip("198.51.100.2")));
  to.Say(1300);
  CHECK(to.Mtus() == kLearned);
}

TEST_CASE("a path MTU goes with the last tunnel to its far end") {
  PathMtuWriter to;
  PathMtuReport report = to.About();
  report.remote = Ip("198.51.100.8");
  report.kind = TunnelKind::kVxlan;
  report.udp_port = 4789;
  report.key = 5000;
  to.Say(report);
  CHECK(to.Mtus()[2] == 1250);
  to.Take(Delete(RecordType::kAdjacencyDelete, 22));
  CHECK(!to.writer.path_mtus().LearnedAt(Ip("198.51.100.8")));
  to.Take(AdjacencyThrough(22, 5, "198.51.100.8"));
  CHECK(to.Mtus()[2] == 1400);
  CHECK(!to.writer.path_mtus().LearnedAt(Ip("198.51.100.8")));
  // What was known of the former one does not end what is learned of this one.
  to.Pass(5min);
  to.Say(report);
  to.Pass(6min);
  CHECK(to.Mtus()[2] == 1250);
  CHECK(to.counted().forgotten == 0);
}

}  // namespace
}  // namespace sluice::dataplane
