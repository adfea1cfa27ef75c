// Trace and capture as the worker writes them: which packets, in which nodes,
// with which bytes; and nothing while nothing is armed.
#include <catch2/catch.hpp>

#include "dataplane/graph/rte_graph_lean.h"
#include "tests/graph/tenant_pair.h"

namespace sluice::testing {
namespace {

using dataplane::CaptureRecord;
using dataplane::DropReason;
using dataplane::Observation;
using dataplane::TraceRecord;

std::vector<TraceRecord> TakeTraced(Observation& observation) {
  std::vector<TraceRecord> records;
  for (; const TraceRecord* record = observation.traced.Front(); observation.traced.Release())
    records.push_back(*record);
  return records;
}

struct Captured {
  DropReason reason;
  bool outbound;
  Bytes bytes;
};
std::vector<Captured> TakeCaptured(Observation& observation) {
  std::vector<Captured> records;
  for (; const CaptureRecord* record = observation.captured.Front(); observation.captured.Release())
    records.push_back(
        {record->reason, record->outbound, Bytes(record->bytes, record->bytes + record->bytes_present)});
  return records;
}

TEST_CASE("a trace follows the packets of one tenant through the nodes") {
  TenantPair tenant;
  Observation& observation = tenant.worker(0).observation();
  const auto push = [&] {
    tenant.Push(0, tenant.In().Ipv4({}).Udp(1, 2).frame());
    tenant.Push(0, tenant.In(11).Ipv4({}).Udp(1, 2).frame());  // nobody's: VRF 0
    tenant.Push(0, tenant.In().Ipv4({.ttl = 1}).Udp(1, 2).frame());
    tenant.Settle();
    tenant.Sent(0);
    tenant.Sent(1);
  };
  push();
  CHECK(TakeTraced(observation).empty());

  observation.trace_filter.Arm({.vrf = 1});
  push();
  std::map<uint32_t, std::vector<std::string>> ways;
  for (const TraceRecord& record : TakeTraced(observation)) {
    CHECK(record.meta.vrf == 1);
    ways[record.trace_id].push_back(rte_node_id_to_name(record.node));
  }
  REQUIRE(ways.size() == 2);
  CHECK(ways.begin()->second == std::vector<std::string>{"ip4_forward", "port_tx"});
  CHECK(ways.rbegin()->second ==
        std::vector<std::string>{"ip4_forward", "icmp_error", "ip4_forward", "port_tx"});

  observation.trace_filter.Disarm();
  push();
  CHECK(TakeTraced(observation).empty());
}

TEST_CASE("a capture shows frames as they came, as they left, and why they did not") {
  TenantPair tenant;
  Observation& observation = tenant.worker(0).observation();
  const Bytes good = tenant.In().Ipv4({}).Udp(1, 2).frame();
  const Bytes bad = tenant.In().Ipv4({.checksum = 1}).Udp(1, 2).frame();
  SECTION("everything of an interface") {
    observation.capture_filter.Arm({.interface = 1});
    tenant.Push(0, good);
    tenant.Settle();
    const auto captured = TakeCaptured(observation);
    REQUIRE(captured.size() == 2);
    CHECK(captured[0].bytes == good);
    CHECK_FALSE(captured[0].outbound);
    CHECK(captured[1].bytes == tenant.Out().Ipv4({.ttl = 63}).Udp(1, 2).frame());
    CHECK(captured[1].outbound);
  }
  SECTION("drops of one reason, with the frame's L2 header") {
    observation.capture_filter.Arm({.drop_reason = DropReason::kIpChecksum});
    tenant.Push(0, good);
    tenant.Push(0, bad);
    tenant.Push(0, tenant.In().Ipv4({.source = "127.0.0.1"}).Udp(1, 2).frame());
    tenant.Settle();
    const auto captured = TakeCaptured(observation);
    REQUIRE(captured.size() == 1);
    CHECK(captured[0].reason == DropReason::kIpChecksum);
    CHECK(captured[0].bytes == bad);
  }
  SECTION("only the bytes asked for, and no more records than the ring holds") {
    observation.capture_snap_bytes = 20;
    observation.capture_filter.Arm({.port = tenant.port(0).id(), .drops_only = true});
    for (uint32_t i = 0; i < dataplane::kCaptureRecords + 7; ++i) tenant.Push(0, bad);
    tenant.Settle();
    const auto captured = TakeCaptured(observation);
    CHECK(captured.size() == dataplane::kCaptureRecords);
    CHECK(captured[0].bytes == Bytes(bad.begin(), bad.begin() + 20));
    CHECK(observation.captured.missed() == 7);
  }
}

TEST_CASE("graph streams never grow, whatever arrives in one walk") {
  // A burst on every port and a burst of injected packets meet in port_tx, each of 9000 bytes cut for an
  // MTU of 576: into 17 without options, into 18 with 40 bytes of options copied into every fragment.
  // That is so close to what is reckoned with that one fragment less for each packet, or one source
  // forgotten, makes a stream grow.
  constexpr uint16_t kPorts = 4, kBurst = 64, kInjected = 32;
  constexpr size_t kFragments = 17 * kPorts * kBurst + 18 * kInjected;
  TenantPair tenant({.ports = kPorts, .burst = kBurst, .mbufs = 8192, .ring_depth = 8192}, 576);
  for (uint16_t port = 0; port < kPorts; ++port) {
    const auto interface = static_cast<dataplane::InterfaceId>(20 + port);
    tenant.AddInterface({.id = interface, .vrf = 1, .port = port, .vlan = 50, .mtu = 9000});
    const Packet to_us = Packet().Ethernet(tenant.port(port).mac(), kHost).Vlan(50);
    const Bytes frame = Packet(to_us).Ipv4({}).Udp(1, 2, 9000 - 20 - 8).frame();
    for (unsigned i = 0; i < kBurst; ++i) tenant.Push(port, frame);
  }
  Bytes copied(40, 0);
  copied[0] = 0x9e;  // an experiment's option, with the copied flag
  copied[1] = 40;
  dataplane::PacketMetadata meta{};
  meta.vrf = 1;
  meta.inject_kind = dataplane::InjectKind::kForward;
  const Bytes injected = Packet().Ipv4({.options = copied}).Udp(1, 2, 9000 - 60 - 8).ip();
  for (unsigned i = 0; i < kInjected; ++i) tenant.Inject(meta, injected);
  tenant.Settle();
  CHECK(tenant.Sent(1).size() == kFragments);
  CHECK(tenant.worker(0).graph().StreamsAreAsMade());
}

}  // namespace
}  // namespace sluice::testing
