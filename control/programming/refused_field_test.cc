// Refusals in words: the field, its value or its holder by name, never a number of the channel alone.
#include "control/programming/refused_field.h"

#include <catch2/catch.hpp>

#include "control/programming/refusal.h"

namespace sluice::programming {
namespace {

using channel::RefusalReason;

std::string NameOfNumber7(ObjectKind kind, uint32_t id) {
  if (id != 7) return "";
  return kind == ObjectKind::kInterface ? "tenant contoso: connection paris"
         : kind == ObjectKind::kVrf     ? "tenant contoso"
                                        : "tenant contoso: connection paris: inbound bandwidth";
}

#define AT(record, member) offsetof(channel::record, member)

TEST_CASE("a refusal names the field, and its value or who holds it") {
  struct Row {
    ObjectKind kind;
    RefusalReason reason;
    size_t offset;
    uint64_t value;
    const char* text;
  };
  const Row rows[] = {
      {ObjectKind::kInterface, RefusalReason::kConflict, AT(InterfaceRecord, vlan), 7,
       "another object has its VLAN or address (VLAN, held by tenant contoso: connection paris)"},
      {ObjectKind::kInterface, RefusalReason::kConflict, AT(InterfaceRecord, vlan), 8,
       "another object has its VLAN or address (VLAN, held by one that is not configured any more)"},
      {ObjectKind::kInterface, RefusalReason::kUnsupported, AT(InterfaceRecord, mtu), 1500,
       "the dataplane or the port cannot do this (MTU, 1500 at most)"},
      {ObjectKind::kInterface, RefusalReason::kOutOfRange, AT(InterfaceRecord, mtu), 500,
       "a value is out of the dataplane's range (MTU 500)"},
      {ObjectKind::kInterface, RefusalReason::kNotFound, AT(InterfaceRecord, policer_in), 7,
       "an object that it needs is not in the dataplane (inbound bandwidth: tenant contoso: connection "
       "paris: "
       "inbound bandwidth)"},
      {ObjectKind::kAddress, RefusalReason::kConflict, AT(InterfaceAddressRecord, address), 7,
       "another object has its VLAN or address (address, held by tenant contoso: connection paris)"},
      {ObjectKind::kAddress, RefusalReason::kConflict, AT(InterfaceAddressRecord, interface), 1000,
       "another object has its VLAN or address (MTU too small for IPv6: 1000)"},
      {ObjectKind::kGroup, RefusalReason::kConflict, AT(NextHopGroupRecord, members), 7,
       "another object has its VLAN or address (next hops, held by tenant contoso)"},
      {ObjectKind::kVrf, RefusalReason::kMalformed, 3, 9,
       "the dataplane finds the record malformed (byte 3 of the record, value 9)"},
      {ObjectKind::kVrf, RefusalReason::kScope, 0, 9, "it belongs to another owner"},
  };
  for (const Row& row : rows) {
    const channel::Refusal refusal{1, static_cast<uint16_t>(row.reason), static_cast<uint16_t>(row.offset), 0,
                                   row.value};
    CHECK(TextOf(refusal, FieldText(row.kind, false, refusal, NameOfNumber7)) == row.text);
  }
  const channel::Refusal tunnel{1, static_cast<uint16_t>(RefusalReason::kConflict), AT(TunnelRecord, key_in),
                                0, 7};
  CHECK(TextOf(tunnel, FieldText(ObjectKind::kInterface, true, tunnel, NameOfNumber7)) ==
        "another object has its VLAN or address (key, held by tenant contoso: connection paris)");
  const channel::Refusal route{1, static_cast<uint16_t>(RefusalReason::kConflict), AT(RouteRecord, group), 0,
                               7};
  CHECK(TextOf(route, RouteFieldText(route, NameOfNumber7)) ==
        "another object has its VLAN or address (next hops, held by tenant contoso)");
}
#undef AT

TEST_CASE("a limit has its name, and its figure where it is known") {
  const channel::Refusal refusal{1, static_cast<uint16_t>(RefusalReason::kLimit), 0,
                                 static_cast<uint32_t>(channel::Limit::kVrfs), 4096};
  CHECK(TextOf(refusal, "") == "limit vrfs (4096) is reached");
  CHECK(TextOf(CodeOf(refusal), 4096) == "limit vrfs (4096) is reached");
  CHECK(TextOf(CodeOf(refusal), 0) == "limit vrfs is reached");
}

}  // namespace
}  // namespace sluice::programming
