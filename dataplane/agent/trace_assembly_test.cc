// Records of nodes become packets with steps in order, and only wanted ones are told.
#include "dataplane/agent/trace_assembly.h"

#include <catch2/catch.hpp>
#include <cstring>

namespace sluice::dataplane {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart = Instant{} + 1h;
const WorkerClock kClock(1000, 5'000'000'000, 2'000'000'000);

enum Node : uint32_t { kClassify, kForward, kPortTx, kDrop };
std::string NameOfNode(uint32_t node) {
  constexpr const char* kNames[] = {"classify", "ip4_forward", "port_tx", "drop"};
  return kNames[node];
}

TraceAssembly::Directory Names() {
  return {
      .node_name = NameOfNode,
      .subinterface = [](PortId port, uint16_t vlan) { return static_cast<InterfaceId>(port * 1000 + vlan); },
      .lookup =
          [](const LookupFlow& flow, v1::TraceStep& step) {
            step.set_prefix("18.0.0.0/24");
            step.set_next_hop(flow.destination.ToString());
          }};
}

TraceRecord Record(uint32_t id, Node node, DropReason reason = DropReason::kNone) {
  TraceRecord record{};
  record.trace_id = id;
  record.node = node;
  record.tsc = 3000;
  record.meta.vrf = 7;
  record.meta.interface = 3;
  record.meta.reason = reason;
  record.packet_bytes = 84;
  record.head_bytes = 4;
  std::memcpy(record.head, "head", 4);
  return record;
}

TEST_CASE("a packet is told when it reached an end, with its steps in order") {
  TraceAssembly assembly(kClock, Names(), false, std::nullopt);
  assembly.Add(Record(1, kClassify), kStart);
  assembly.Add(Record(2, kClassify), kStart);
  assembly.Add(Record(1, kForward), kStart);
  CHECK_FALSE(assembly.Take(kStart).has_value());
  assembly.Add(Record(1, kPortTx), kStart);
  const auto packet = assembly.Take(kStart);
  REQUIRE(packet.has_value());
  CHECK(packet->id() == 1);
  CHECK(packet->timestamp_ns() == 5'000'001'000);
  CHECK(packet->head() == "head");
  REQUIRE(packet->steps_size() == 3);
  CHECK(packet->steps(1).node() == "ip4_forward");
  CHECK(packet->steps(1).text() == "84 bytes");
  CHECK(packet->steps(1).interface() == 3);
  CHECK_FALSE(assembly.Take(kStart).has_value());
}

TEST_CASE("a step that forwards tells prefix and next hop, the last one where the frame leaves") {
  TraceAssembly assembly(kClock, Names(), false, std::nullopt);
  assembly.Add(Record(1, kClassify), kStart);
  TraceRecord forward = Record(1, kForward);
  forward.meta.adjacency = 4711;  // left by a packet that used the buffer before
  const uint8_t header[20] = {0x45, 0, 0, 20, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 10, 18, 0, 0, 10};
  std::memcpy(forward.head, header, sizeof header);
  forward.head_bytes = sizeof header;
  assembly.Add(forward, kStart);
  TraceRecord leaving = Record(1, kPortTx);
  leaving.port = 2;
  const uint8_t frame[18] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0x00, 0x00, 101, 0x08, 0x00};
  std::memcpy(leaving.head, frame, sizeof frame);
  leaving.head_bytes = sizeof frame;
  assembly.Add(leaving, kStart);
  const auto packet = assembly.Take(kStart);
  REQUIRE(packet.has_value());
  CHECK(packet->steps(0).prefix().empty());
  CHECK(packet->steps(1).prefix() == "18.0.0.0/24");
  CHECK(packet->steps(1).next_hop() == "18.0.0.10");
  CHECK(packet->steps(1).text().find("4711") == std::string::npos);
  CHECK(packet->steps(2).interface() == 2101);
}

TEST_CASE("a packet of which nothing more is heard is told after a while") {
  TraceAssembly assembly(kClock, Names(), false, std::nullopt);
  assembly.Add(Record(1, kClassify), kStart);
  CHECK_FALSE(assembly.Take(kStart + 99ms).has_value());
  CHECK(assembly.Take(kStart + 100ms).has_value());
}

TEST_CASE("who wants drops gets drops, and of one reason those alone") {
  const auto told = [](TraceAssembly& assembly) {
    assembly.Add(Record(1, kPortTx), kStart);
    assembly.Add(Record(2, kDrop, DropReason::kNoRoute), kStart);
    assembly.Add(Record(3, kDrop, DropReason::kUrpf), kStart);
    std::vector<uint64_t> ids;
    while (const auto packet = assembly.Take(kStart)) ids.push_back(packet->id());
    return ids;
  };
  TraceAssembly drops(kClock, Names(), true, std::nullopt);
  CHECK(told(drops) == std::vector<uint64_t>{2, 3});
  TraceAssembly urpf(kClock, Names(), true, DropReason::kUrpf);
  CHECK(told(urpf) == std::vector<uint64_t>{3});
}

}  // namespace
}  // namespace sluice::dataplane
