// Notes of traced packets, and where a captured frame was seen.
#include "control/api/packet_words.h"

#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>

namespace sluice::api {
namespace {

const NameTable::Link* Named(uint32_t interface) {
  static const NameTable::Link kInside{"contoso", "inside", "port1", 102, 1};
  static const NameTable::Link kDatacenter{"contoso", "datacenter", "port0", 0, 1};
  return interface == 1 ? &kInside : interface == 2 ? &kDatacenter : nullptr;
}

}  // namespace

TEST_CASE("the note of a step names connections, prefix and next hop") {
  struct Row {
    const char* step;
    const char* note;
  };
  const Row rows[] = {
      {"node: 'classify' text: '98 bytes' interface: 1",
       "98 bytes in by connection contoso/inside (port1, VLAN 102)"},
      {"node: 'ip4_forward' text: '84 bytes' interface: 1 prefix: '18.0.0.0/24' next_hop: '15.0.0.1' "
       "next_hop_interface: 2",
       "matches 18.0.0.0/24, next hop 15.0.0.1 over connection datacenter"},
      {"node: 'ip4_forward' text: '84 bytes' interface: 1", "84 bytes"},
      {"node: 'port_tx' text: '98 bytes' interface: 2",
       "98 bytes out by connection contoso/datacenter (port0, untagged)"},
      {"node: 'port_tx' text: '98 bytes'", "98 bytes"},
      {"node: 'drop' text: 'no route matches the destination' interface: 1",
       "no route matches the destination"},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.note) {
      dataplane::v1::TraceStep step;
      REQUIRE(google::protobuf::TextFormat::ParseFromString(row.step, &step));
      CHECK(StepNote(step, Named) == row.note);
    }
  }
}

TEST_CASE("a captured frame belongs to the connection it comes in by or leaves by") {
  dataplane::v1::CapturedPacket packet;
  packet.set_interface(1);
  packet.set_egress_interface(2);
  CHECK(InterfaceOfFrame(packet) == 1);
  packet.set_outbound(true);
  CHECK(InterfaceOfFrame(packet) == 2);
}

}  // namespace sluice::api
