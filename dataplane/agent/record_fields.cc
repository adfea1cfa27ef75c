// The table of field rules, one row per field, and the loop over it.
#include "dataplane/agent/record_fields.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "dataplane/agent/tunnel_fields.h"
#include "dataplane/tables/ids.h"

namespace sluice::dataplane {
namespace {

using namespace channel;  // NOLINT: every name of the record contract is used below

enum class Rule : uint8_t {
  kRange,           // unsigned, `width` bytes, min..max
  kFamily,          // 4 or 6
  kFamilyOrNone,    // 0, 4 or 6
  kUnicastOrZero4,  // IPv4 address a host may have, or zero
  kUnicastOrZero6,
  kHostAddress,    // 16 bytes of the family at `other`: what an interface may have
  kPrefixAddress,  // 16 bytes of the family at `other`, whose length is at `other` + 1
  kPrefixLength,   // 0..32 or 128, family one byte before
  kSubnetLength,   // the same from 1 up
  kTunnelEnd,      // 16 bytes of the family at `other`: a host that routes lead to
  kTunnelEndOrZero,
  kMac,  // unicast, not zero
  kMacOrZero,
};

struct FieldRule {
  Rule rule;
  uint16_t offset;
  uint8_t width = 0;
  uint64_t min = 0;
  uint64_t max = 0;
  uint16_t other = 0;  // offset of the field that says the family
};

struct RecordRules {
  RecordType type;
  uint32_t length;  // of the record; of its fixed part for kNextHopGroup
  std::span<const FieldRule> fields;
};

#define FIELD(record, member) offsetof(record, member), sizeof(record::member)

constexpr uint64_t kAny32 = ~uint32_t{0};
constexpr uint64_t kVrfMax = std::numeric_limits<VrfId>::max();
constexpr uint64_t kInterfaceMax = std::numeric_limits<InterfaceId>::max();
// Worker-visible words of an adjacency have 16 bits for a policer.
constexpr uint64_t kPolicerMax = 0xffff;

constexpr FieldRule kScopeFields[] = {
    {Rule::kRange, FIELD(ScopeRecord, stale_deadline_ms), 0, kAny32},
    {Rule::kRange, FIELD(ScopeRecord, reserved), 0, 0},
};
constexpr FieldRule kVrfFields[] = {
    {Rule::kRange, FIELD(VrfRecord, vrf), 0, kVrfMax},
    {Rule::kRange, FIELD(VrfRecord, flags), 0, kVrfPuntBgp},
    {Rule::kUnicastOrZero4, FIELD(VrfRecord, router_ipv4)},
    {Rule::kUnicastOrZero6, FIELD(VrfRecord, router_ipv6)},
};
constexpr FieldRule kVrfIdFields[] = {
    {Rule::kRange, FIELD(IdRecord, id), 0, kVrfMax},
    {Rule::kRange, FIELD(IdRecord, reserved), 0, 0},
};
constexpr FieldRule kInterfaceIdFields[] = {
    {Rule::kRange, FIELD(IdRecord, id), 1, kInterfaceMax},
    {Rule::kRange, FIELD(IdRecord, reserved), 0, 0},
};
constexpr FieldRule kIdFields[] = {
    {Rule::kRange, FIELD(IdRecord, id), 1, kAny32},
    {Rule::kRange, FIELD(IdRecord, reserved), 0, 0},
};
constexpr FieldRule kInterfaceFields[] = {
    {Rule::kRange, FIELD(InterfaceRecord, interface), 1, kInterfaceMax},
    {Rule::kRange, FIELD(InterfaceRecord, vrf), 0, kVrfMax},
    {Rule::kRange, FIELD(InterfaceRecord, vlan), 0, 4094},
    {Rule::kRange, FIELD(InterfaceRecord, mtu), 576, 9000},
    {Rule::kRange, FIELD(InterfaceRecord, flags), 0,
     kInterfaceUp | kInterfaceStrictUrpf | kInterfaceClampMss},
    {Rule::kRange, FIELD(InterfaceRecord, policer_in), 0, kPolicerMax},
    {Rule::kRange, FIELD(InterfaceRecord, policer_out), 0, kPolicerMax},
    {Rule::kMacOrZero, FIELD(InterfaceRecord, mac)},
    {Rule::kRange, FIELD(InterfaceRecord, reserved), 0, 0},
    {Rule::kRange, FIELD(InterfaceRecord, reserved2), 0, 0},
};
constexpr uint16_t kTunnelFlags = kTunnelUp | kTunnelStrictUrpf | kTunnelKeyIn | kTunnelKeyOut |
                                  kTunnelGreChecksum | kTunnelUdpChecksum | kTunnelDfCopy | kTunnelDfClear |
                                  kTunnelPipe | kTunnelClampMss | kTunnelDscpInward;
constexpr FieldRule kTunnelFields[] = {
    {Rule::kRange, FIELD(TunnelRecord, interface), 1, kInterfaceMax},
    // Tunnels end in the underlay; they do not carry it.
    {Rule::kRange, FIELD(TunnelRecord, vrf), 1, kVrfMax},
    {Rule::kRange, FIELD(TunnelRecord, kind), 1, 3},
    {Rule::kFamily, FIELD(TunnelRecord, family)},
    {Rule::kRange, FIELD(TunnelRecord, flags), 0, kTunnelFlags},
    {Rule::kTunnelEnd, FIELD(TunnelRecord, local), 0, 0, offsetof(TunnelRecord, family)},
    {Rule::kTunnelEndOrZero, FIELD(TunnelRecord, remote), 0, 0, offsetof(TunnelRecord, family)},
    {Rule::kRange, FIELD(TunnelRecord, policer_in), 0, kPolicerMax},
    {Rule::kRange, FIELD(TunnelRecord, policer_out), 0, kPolicerMax},
    {Rule::kRange, FIELD(TunnelRecord, mtu), 576, 9000},
    {Rule::kRange, FIELD(TunnelRecord, dscp), 0, 63},
    {Rule::kMacOrZero, FIELD(TunnelRecord, mac)},
    {Rule::kRange, FIELD(TunnelRecord, probe), 0, 1},
    {Rule::kRange, FIELD(TunnelRecord, probe_misses), 0, kProbeMissesMax},
    {Rule::kRange, FIELD(TunnelRecord, probe_interval_s), 0, kProbeIntervalMax},
};
constexpr FieldRule kInterfaceAddressFields[] = {
    {Rule::kRange, FIELD(InterfaceAddressRecord, interface), 1, kInterfaceMax},
    {Rule::kFamily, FIELD(InterfaceAddressRecord, family)},
    {Rule::kSubnetLength, FIELD(InterfaceAddressRecord, prefix_length)},
    {Rule::kRange, FIELD(InterfaceAddressRecord, reserved), 0, 0},
    {Rule::kHostAddress, FIELD(InterfaceAddressRecord, address), 0, 0,
     offsetof(InterfaceAddressRecord, family)},
};
constexpr FieldRule kNeighborFields[] = {
    {Rule::kRange, FIELD(NeighborRecord, interface), 1, kInterfaceMax},
    {Rule::kFamily, FIELD(NeighborRecord, family)},
    {Rule::kRange, FIELD(NeighborRecord, reserved), 0, 0},
    {Rule::kMac, FIELD(NeighborRecord, mac)},
    {Rule::kHostAddress, FIELD(NeighborRecord, address), 0, 0, offsetof(NeighborRecord, family)},
    {Rule::kRange, FIELD(NeighborRecord, reserved2), 0, 0},
};
// A delete need not name the MAC.
constexpr FieldRule kNeighborDeleteFields[] = {
    {Rule::kRange, FIELD(NeighborRecord, interface), 1, kInterfaceMax},
    {Rule::kFamily, FIELD(NeighborRecord, family)},
    {Rule::kRange, FIELD(NeighborRecord, reserved), 0, 0},
    {Rule::kHostAddress, FIELD(NeighborRecord, address), 0, 0, offsetof(NeighborRecord, family)},
    {Rule::kRange, FIELD(NeighborRecord, reserved2), 0, 0},
};
constexpr FieldRule kAdjacencyFields[] = {
    {Rule::kRange, FIELD(AdjacencyRecord, adjacency), 1, kAny32},
    {Rule::kRange, FIELD(AdjacencyRecord, kind), 1, 5},
    {Rule::kFamilyOrNone, FIELD(AdjacencyRecord, family)},
    {Rule::kRange, FIELD(AdjacencyRecord, reserved), 0, 0},
    {Rule::kRange, FIELD(AdjacencyRecord, interface), 0, kInterfaceMax},
    {Rule::kMacOrZero, FIELD(AdjacencyRecord, mac)},
    {Rule::kRange, FIELD(AdjacencyRecord, reserved2), 0, 0},
    {Rule::kRange, FIELD(AdjacencyRecord, reserved3), 0, 0},
};
constexpr FieldRule kGroupFields[] = {
    {Rule::kRange, FIELD(NextHopGroupRecord, group), 1, kAny32},
    {Rule::kRange, FIELD(NextHopGroupRecord, member_count), 1, kMaxGroupMembers},
};
constexpr FieldRule kRouteFields[] = {
    {Rule::kRange, FIELD(RouteRecord, vrf), 0, kVrfMax},
    {Rule::kFamily, FIELD(RouteRecord, family)},
    {Rule::kPrefixLength, FIELD(RouteRecord, prefix_length)},
    {Rule::kRange, FIELD(RouteRecord, reserved), 0, 0},
    {Rule::kPrefixAddress, FIELD(RouteRecord, prefix), 0, 0, offsetof(RouteRecord, family)},
    {Rule::kRange, FIELD(RouteRecord, reserved2), 0, 0},
};
constexpr FieldRule kPolicerFields[] = {
    {Rule::kRange, FIELD(PolicerRecord, policer), 1, kPolicerMax},
    {Rule::kRange, FIELD(PolicerRecord, rate_kbps), 1, kAny32},
    {Rule::kRange, FIELD(PolicerRecord, reserved), 0, 0},
};
#undef FIELD

constexpr RecordRules kRecords[] = {
    {RecordType::kBeginSync, sizeof(ScopeRecord), kScopeFields},
    {RecordType::kEndOfSync, sizeof(ScopeRecord), kScopeFields},
    {RecordType::kVrf, sizeof(VrfRecord), kVrfFields},
    {RecordType::kVrfDelete, sizeof(IdRecord), kVrfIdFields},
    {RecordType::kInterface, sizeof(InterfaceRecord), kInterfaceFields},
    {RecordType::kInterfaceDelete, sizeof(IdRecord), kInterfaceIdFields},
    {RecordType::kTunnel, sizeof(TunnelRecord), kTunnelFields},
    {RecordType::kTunnelDelete, sizeof(IdRecord), kInterfaceIdFields},
    {RecordType::kInterfaceAddress, sizeof(InterfaceAddressRecord), kInterfaceAddressFields},
    {RecordType::kInterfaceAddressDelete, sizeof(InterfaceAddressRecord), kInterfaceAddressFields},
    {RecordType::kNeighbor, sizeof(NeighborRecord), kNeighborFields},
    {RecordType::kNeighborDelete, sizeof(NeighborRecord), kNeighborDeleteFields},
    {RecordType::kAdjacency, sizeof(AdjacencyRecord), kAdjacencyFields},
    {RecordType::kAdjacencyDelete, sizeof(IdRecord), kIdFields},
    {RecordType::kNextHopGroup, offsetof(NextHopGroupRecord, members), kGroupFields},
    {RecordType::kNextHopGroupDelete, sizeof(IdRecord), kIdFields},
    {RecordType::kRoute, sizeof(RouteRecord), kRouteFields},
    {RecordType::kRouteDelete, sizeof(RouteRecord), kRouteFields},
    {RecordType::kPolicer, sizeof(PolicerRecord), kPolicerFields},
    {RecordType::kPolicerDelete, sizeof(IdRecord), kIdFields},
};

uint64_t Unsigned(const uint8_t* at, uint8_t width) {
  uint64_t value = 0;
  std::memcpy(&value, at, width);
  return value;
}

bool IsZero(const uint8_t* at, size_t bytes) {
  return std::all_of(at, at + bytes, [](uint8_t byte) { return byte == 0; });
}

// RFC 1122 section 3.2.1.3, RFC 6890: addresses that one host may have.
bool IsHost4(const uint8_t* at) {
  return at[0] != 0 && at[0] != 127 && at[0] < 224;
}

bool IsHost6(const uint8_t* at) {
  const bool loopback = IsZero(at, 15) && at[15] == 1;
  const bool mapped = IsZero(at, 10) && at[10] == 0xff && at[11] == 0xff;
  return at[0] != 0xff && !IsZero(at, 16) && !loopback && !mapped;
}

// IPv4 addresses occupy the first four bytes; the rest must be zero.
bool IsHost(uint8_t family, const uint8_t* at) {
  return family == 4 ? IsHost4(at) && IsZero(at + 4, 12) : IsHost6(at);
}

// Link-local addresses are of one link, and a tunnel's end is looked up in routes.
bool IsTunnelEnd(uint8_t family, const uint8_t* at) {
  const bool link_local =
      family == 4 ? at[0] == 169 && at[1] == 254 : at[0] == 0xfe && (at[1] & 0xc0) == 0x80;
  return IsHost(family, at) && !link_local;
}

uint8_t BitsOf(uint8_t family) {
  return family == 4 ? 32 : 128;
}

bool IsMasked(uint8_t length, const uint8_t* at) {
  const size_t whole = length / 8;
  if (whole < 16 && length % 8 != 0 && (at[whole] & (0xff >> length % 8)) != 0) return false;
  return IsZero(at + (length + 7) / 8, 16 - (length + 7) / 8);
}

bool Holds(const FieldRule& rule, const uint8_t* record) {
  const uint8_t* at = record + rule.offset;
  switch (rule.rule) {
    case Rule::kRange: {
      const uint64_t value = Unsigned(at, rule.width);
      return value >= rule.min && value <= rule.max;
    }
    case Rule::kFamily:
      return *at == 4 || *at == 6;
    case Rule::kFamilyOrNone:
      return *at == 0 || *at == 4 || *at == 6;
    case Rule::kUnicastOrZero4:
      return IsZero(at, 4) || IsHost4(at);
    case Rule::kUnicastOrZero6:
      return IsZero(at, 16) || IsHost6(at);
    case Rule::kHostAddress:
      return IsHost(record[rule.other], at);
    case Rule::kPrefixAddress:
      return IsMasked(record[rule.other + 1], at);
    case Rule::kPrefixLength:
      return *at <= BitsOf(at[-1]);
    case Rule::kSubnetLength:
      return *at >= 1 && *at <= BitsOf(at[-1]);
    case Rule::kTunnelEnd:
      return IsTunnelEnd(record[rule.other], at);
    case Rule::kTunnelEndOrZero:
      return IsZero(at, 16) || IsTunnelEnd(record[rule.other], at);
    case Rule::kMac:
      return (*at & 1) == 0 && !IsZero(at, 6);
    case Rule::kMacOrZero:
      return (*at & 1) == 0;
  }
  return false;
}

// The value to report: of an integer field itself, of others the first 8 bytes at most.
uint64_t ValueAt(const FieldRule& rule, const uint8_t* record) {
  return Unsigned(record + rule.offset, std::min<uint8_t>(rule.width, 8));
}

MaybeRefusal CheckHeader(const RecordHeader& header, size_t bytes) {
  if (header.version != kRecordVersion)
    return Refuse(RefusalReason::kMalformed, offsetof(RecordHeader, version), header.version);
  if (header.length != bytes || bytes % kRecordAlignment != 0)
    return Refuse(RefusalReason::kMalformed, offsetof(RecordHeader, length), header.length);
  if (header.reserved != 0)
    return Refuse(RefusalReason::kMalformed, offsetof(RecordHeader, reserved), header.reserved);
  return std::nullopt;
}

MaybeRefusal CheckMembers(std::span<const std::byte> record) {
  uint32_t count;
  std::memcpy(&count, record.data() + offsetof(NextHopGroupRecord, member_count), sizeof count);
  const size_t head = offsetof(NextHopGroupRecord, members);
  if (record.size() != head + count * sizeof(channel::GroupMember))
    return Refuse(RefusalReason::kMalformed, offsetof(RecordHeader, length), record.size());
  for (uint32_t i = 0; i < count; ++i) {
    const size_t at = head + i * sizeof(channel::GroupMember);
    channel::GroupMember member;
    std::memcpy(&member, record.data() + at, sizeof member);
    if (member.adjacency == 0) return Refuse(RefusalReason::kOutOfRange, at, 0);
    if (member.weight == 0 || member.weight > 256)
      return Refuse(RefusalReason::kOutOfRange, at + offsetof(channel::GroupMember, weight), member.weight);
    if (member.flags != 0)
      return Refuse(RefusalReason::kOutOfRange, at + offsetof(channel::GroupMember, flags), member.flags);
  }
  return std::nullopt;
}

// What a tunnel's adjacency says of the far end: of an overlay its host's address
// and MAC, of GRE nothing. Which of the two it is, the tunnel says.
MaybeRefusal CheckTunnelAdjacency(const AdjacencyRecord& record) {
  const bool has_mac = !IsZero(record.mac, 6);
  if (IsZero(record.next_hop, 16)) {
    if (!has_mac) return std::nullopt;
    return Refuse(RefusalReason::kOutOfRange, offsetof(AdjacencyRecord, next_hop));
  }
  if (record.family == 0) return Refuse(RefusalReason::kOutOfRange, offsetof(AdjacencyRecord, family), 0);
  if (!IsTunnelEnd(record.family, record.next_hop))
    return Refuse(RefusalReason::kOutOfRange, offsetof(AdjacencyRecord, next_hop));
  if (!has_mac) return Refuse(RefusalReason::kOutOfRange, offsetof(AdjacencyRecord, mac));
  return std::nullopt;
}

// A neighbour has an address and an interface, a glean an interface, others nothing.
MaybeRefusal CheckAdjacency(std::span<const std::byte> bytes) {
  AdjacencyRecord record;
  std::memcpy(&record, bytes.data(), sizeof record);
  const auto kind = static_cast<AdjacencyKind>(record.kind);
  const bool sends =
      kind == AdjacencyKind::kNeighbor || kind == AdjacencyKind::kGlean || kind == AdjacencyKind::kTunnel;
  if (sends != (record.interface != 0))
    return Refuse(RefusalReason::kOutOfRange, offsetof(AdjacencyRecord, interface), record.interface);
  if (kind == AdjacencyKind::kTunnel) return CheckTunnelAdjacency(record);
  if (!IsZero(record.mac, 6)) return Refuse(RefusalReason::kOutOfRange, offsetof(AdjacencyRecord, mac));
  if (kind != AdjacencyKind::kNeighbor) {
    if (IsZero(record.next_hop, 16)) return std::nullopt;
    return Refuse(RefusalReason::kOutOfRange, offsetof(AdjacencyRecord, next_hop));
  }
  if (record.family == 0) return Refuse(RefusalReason::kOutOfRange, offsetof(AdjacencyRecord, family), 0);
  if (!IsHost(record.family, record.next_hop))
    return Refuse(RefusalReason::kOutOfRange, offsetof(AdjacencyRecord, next_hop));
  return std::nullopt;
}

}  // namespace

MaybeRefusal CheckFields(std::span<const std::byte> record) {
  RecordHeader header;
  if (record.size() < sizeof header) return Refuse(RefusalReason::kMalformed, 0, record.size());
  std::memcpy(&header, record.data(), sizeof header);
  if (auto refusal = CheckHeader(header, record.size())) return refusal;

  const auto* rules = std::find_if(std::begin(kRecords), std::end(kRecords), [&](const RecordRules& known) {
    return static_cast<uint16_t>(known.type) == header.type;
  });
  if (rules == std::end(kRecords))
    return Refuse(RefusalReason::kUnknownType, offsetof(RecordHeader, type), header.type);
  const bool group = rules->type == RecordType::kNextHopGroup;
  if (group ? record.size() < rules->length : record.size() != rules->length)
    return Refuse(RefusalReason::kMalformed, offsetof(RecordHeader, length), record.size());

  const auto* bytes = reinterpret_cast<const uint8_t*>(record.data());
  for (const FieldRule& rule : rules->fields)
    if (!Holds(rule, bytes)) return Refuse(RefusalReason::kOutOfRange, rule.offset, ValueAt(rule, bytes));
  if (group) return CheckMembers(record);
  if (rules->type == RecordType::kAdjacency) return CheckAdjacency(record);
  if (rules->type == RecordType::kTunnel) return CheckTunnelFields(record);
  return std::nullopt;
}

net::Address AddressOf(uint8_t family, const uint8_t* bytes) {
  if (family == 4) return net::Ipv4Address::FromBytes(bytes);
  return net::Ipv6Address::FromBytes(bytes);
}

}  // namespace sluice::dataplane
