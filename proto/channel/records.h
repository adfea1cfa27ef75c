// The records of the shared-memory channel between sluice-gateway (writer) and
// sluice-dataplane (reader). Both sides are built from this header; a layout
// change needs a new kRecordVersion. Everything is in host byte order except
// addresses, which are in network byte order, 16 bytes, IPv4 in the first four.
// The reader copies a record once, checks every field of the copy and refuses
// what it does not like; nothing here may be trusted.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::channel {

inline constexpr uint16_t kRecordVersion = 3;
inline constexpr uint32_t kRecordAlignment = 8;
inline constexpr uint32_t kMaxGroupMembers = 64;
inline constexpr uint32_t kMaxRecordBytes = 1024;

enum class RecordType : uint16_t {
  kBeginSync = 1,  // ScopeRecord: a new epoch of a scope starts
  kEndOfSync = 2,  // ScopeRecord: sweep what the scope owns and did not re-state
  kVrf = 10,
  kVrfDelete = 11,
  kInterface = 12,
  kInterfaceDelete = 13,
  kInterfaceAddress = 14,
  kInterfaceAddressDelete = 15,
  kNeighbor = 16,  // static neighbour entry
  kNeighborDelete = 17,
  kAdjacency = 18,
  kAdjacencyDelete = 19,
  kNextHopGroup = 20,
  kNextHopGroupDelete = 21,
  kRoute = 22,
  kRouteDelete = 23,
  kPolicer = 24,
  kPolicerDelete = 25,
  kTunnel = 26,
  kTunnelDelete = 27,
};

// Who owns an object, so that a resynchronisation sweeps only what its owner
// did not state again.
enum class ScopeKind : uint8_t {
  kConfiguration = 1,  // id 0
  kBgp = 2,            // id = VRF, family = 4 or 6
  kIke = 3,            // id = VRF
  kDataplane = 4,      // learned by the dataplane itself; never swept by control
};

struct Scope {
  uint8_t kind;    // ScopeKind
  uint8_t family;  // 4, 6, or 0 where it does not matter
  uint16_t reserved;
  uint32_t id;
};
static_assert(sizeof(Scope) == 8);

struct RecordHeader {
  uint16_t type;      // RecordType
  uint16_t version;   // kRecordVersion
  uint32_t length;    // of the whole record in bytes, a multiple of kRecordAlignment
  uint64_t sequence;  // counts up by one per record within an attachment, from 1
  Scope scope;
  uint32_t epoch;
  uint32_t reserved;
};
static_assert(sizeof(RecordHeader) == 32);
static_assert(offsetof(RecordHeader, sequence) == 8 && offsetof(RecordHeader, epoch) == 24);

struct ScopeRecord {
  RecordHeader header;
  // kBeginSync: how long the scope's old objects stay in use without an
  // EndOfSync, in milliseconds; 0 = for ever.
  uint32_t stale_deadline_ms;
  uint32_t reserved;
};
static_assert(sizeof(ScopeRecord) == 40);

enum VrfFlag : uint32_t {
  kVrfPuntBgp = 1 << 0,  // control speaks BGP in it: TCP port 179 at our addresses is punted
};

// A tenant's routing instance. VRF 0 is the underlay and always exists.
struct VrfRecord {
  RecordHeader header;
  uint32_t vrf;
  uint32_t flags;            // VrfFlag
  uint8_t router_ipv4[4];    // the tenant's router address, zero = none
  uint8_t router_ipv6[16];   // likewise
  uint32_t ipv4_routes_max;  // 0 = only the dataplane's own limits
  uint32_t ipv6_routes_max;
  uint32_t neighbors_max;
};
static_assert(sizeof(VrfRecord) == 72 && offsetof(VrfRecord, ipv4_routes_max) == 60);

// Records that name one object by number: the deletes of VRF, interface, tunnel,
// adjacency, next-hop group and policer.
struct IdRecord {
  RecordHeader header;
  uint32_t id;
  uint32_t reserved;
};
static_assert(sizeof(IdRecord) == 40);

enum InterfaceFlag : uint16_t {
  kInterfaceUp = 1 << 0,          // administratively up
  kInterfaceStrictUrpf = 1 << 1,  // RFC 3704 section 2.2
  kInterfaceClampMss = 1 << 2,    // the MSS of TCP connections, both ways, to the MTU
};

// An L3 subinterface: (port, VLAN) -> VRF. VLAN 0 is the untagged one.
struct InterfaceRecord {
  RecordHeader header;
  uint32_t interface;
  uint32_t vrf;
  uint32_t connection;  // the connection it belongs to, for counters; 0 = none
  uint16_t port;        // the dataplane's port number
  uint16_t vlan;        // 1..4094, or 0
  uint16_t mtu;         // largest IP packet in bytes, 576 (1280 with IPv6)..9000
  uint16_t flags;       // InterfaceFlag
  uint32_t policer_in;  // 0 = none; traffic from the connection
  uint32_t policer_out;
  uint8_t mac[6];  // zero = the port's own
  uint16_t reserved;
  uint32_t reserved2;
};
static_assert(sizeof(InterfaceRecord) == 72 && offsetof(InterfaceRecord, policer_in) == 52);

enum class TunnelKind : uint8_t {
  kGre = 1,    // RFC 2784, 2890: IP in GRE
  kVxlan = 2,  // RFC 7348
  kNvgre = 3,  // RFC 7637: Ethernet in GRE, the key is VSID << 8 | FlowID
  kEsp = 4,    // RFC 4303 in tunnel mode: what goes in and out, its SAs say
};

enum TunnelFlag : uint16_t {
  kTunnelUp = 1 << 0,           // administratively up
  kTunnelStrictUrpf = 1 << 1,   // RFC 3704 section 2.2
  kTunnelKeyIn = 1 << 2,        // kGre: packets carry key_in; else they carry none
  kTunnelKeyOut = 1 << 3,       // kGre: key_out is sent
  kTunnelGreChecksum = 1 << 4,  // kGre: send the checksum; one that is received is always checked
  kTunnelUdpChecksum = 1 << 5,  // kVxlan over IPv6: send it; else zero (RFC 6935)
  // Outer DF (IPv4) is set, unless one of these says otherwise.
  kTunnelDfCopy = 1 << 6,   // as in the inner packet; of IPv6: set
  kTunnelDfClear = 1 << 7,  // and what is too large leaves in outer fragments
  // Outer DSCP is `dscp`; else the inner one is copied (RFC 2983 section 4.1).
  kTunnelPipe = 1 << 8,
  kTunnelClampMss = 1 << 9,  // the MSS of TCP connections, both ways, to the effective MTU
  // What comes out takes the outer DSCP over (RFC 2983 section 5.1); never with kTunnelPipe.
  kTunnelDscpInward = 1 << 10,
};

// How the dataplane asks a tunnel's far end for signs of life.
enum class ProbeKind : uint8_t {
  kNone = 0,       // not at all
  kKeepalive = 1,  // kGre: an empty packet of GRE that the far end routes back to us
};
inline constexpr uint16_t kProbeIntervalMax = 600;
inline constexpr uint8_t kProbeMissesMax = 10;

// A tunnel is an interface: of a VRF, with addresses, policers and counters, and
// its number is one of an interface. Many of a kind may end on one local address.
struct TunnelRecord {
  RecordHeader header;
  uint32_t interface;
  uint32_t vrf;
  uint32_t connection;  // 0 = the tenant's virtual network
  uint8_t kind;         // TunnelKind
  uint8_t family;       // of local and remote: 4 or 6
  uint16_t flags;       // TunnelFlag
  uint8_t local[16];    // ours in the underlay; it is answered on as on an interface's
  uint8_t remote[16];   // kGre; zero for the others, whose hosts are those of their adjacencies
  uint32_t key_in;      // GRE key; VNI or VSID (24 bits)
  uint32_t key_out;     // of VXLAN and NVGRE the same as key_in
  uint32_t policer_in;  // 0 = none; traffic out of the tunnel
  uint32_t policer_out;
  uint16_t mtu;       // largest inner IP packet in bytes, 576 (1280 with IPv6)..9000
  uint16_t udp_port;  // kVxlan: destination port, both ways; else 0
  uint8_t ttl;        // of the outer header; 0 = that of the inner packet, which leaves with no more
  uint8_t dscp;       // with kTunnelPipe, 0..63
  uint8_t mac[6];     // kVxlan, kNvgre: ours in the inner frames
  uint8_t probe;      // ProbeKind
  // Probes in a row that go unanswered before the far end counts as silent: 1..kProbeMissesMax;
  // 0 without a probe.
  uint8_t probe_misses;
  uint16_t probe_interval_s;  // 1..kProbeIntervalMax; 0 without a probe
};
static_assert(sizeof(TunnelRecord) == 112 && offsetof(TunnelRecord, key_in) == 80 &&
              offsetof(TunnelRecord, mac) == 102 && offsetof(TunnelRecord, probe_interval_s) == 110);

struct InterfaceAddressRecord {
  RecordHeader header;
  uint32_t interface;
  uint8_t family;  // 4 or 6
  uint8_t prefix_length;
  uint16_t reserved;
  uint8_t address[16];
};
static_assert(sizeof(InterfaceAddressRecord) == 56);

struct NeighborRecord {
  RecordHeader header;
  uint32_t interface;
  uint8_t family;
  uint8_t reserved;
  uint8_t mac[6];
  uint8_t address[16];
  uint32_t reserved2;
};
static_assert(sizeof(NeighborRecord) == 64 && offsetof(NeighborRecord, address) == 44);

// What to do with a packet that matched.
enum class AdjacencyKind : uint8_t {
  kDrop = 1,      // counted as a blackhole route
  kNeighbor = 2,  // to next_hop on interface, resolved by the dataplane
  kGlean = 3,     // connected prefix: to the packet's own destination on interface
  kLocal = 4,     // an address of ours
  kTunnel = 5,    // through the tunnel `interface`; over an overlay to the host `next_hop`
};

struct AdjacencyRecord {
  RecordHeader header;
  uint32_t adjacency;
  uint8_t kind;  // AdjacencyKind
  // Of next_hop; the same adjacency may carry both families for kDrop, kLocal and kTunnel.
  uint8_t family;
  uint16_t reserved;
  uint32_t interface;    // kNeighbor, kGlean and kTunnel, else 0
  uint8_t next_hop[16];  // kNeighbor; kTunnel over VXLAN and NVGRE: the host's provider address
  uint8_t mac[6];        // kTunnel over VXLAN and NVGRE: destination of the inner frame
  uint16_t reserved2;
  uint32_t reserved3;
};
static_assert(sizeof(AdjacencyRecord) == 72 && offsetof(AdjacencyRecord, mac) == 60);

struct GroupMember {
  uint32_t adjacency;
  uint16_t weight;  // 1..256
  uint16_t flags;   // none yet, must be 0
};
static_assert(sizeof(GroupMember) == 8);

// A next-hop group; `length` in the header says how many members are present.
struct NextHopGroupRecord {
  RecordHeader header;
  uint32_t group;
  uint32_t member_count;  // 1..kMaxGroupMembers
  GroupMember members[kMaxGroupMembers];
};
static_assert(sizeof(NextHopGroupRecord) == 40 + 8 * kMaxGroupMembers);
static_assert(sizeof(NextHopGroupRecord) <= kMaxRecordBytes);

struct RouteRecord {
  RecordHeader header;
  uint32_t vrf;
  uint8_t family;
  uint8_t prefix_length;
  uint16_t reserved;
  uint8_t prefix[16];
  uint32_t group;  // ignored by kRouteDelete
  uint32_t reserved2;
};
static_assert(sizeof(RouteRecord) == 64);

struct PolicerRecord {
  RecordHeader header;
  uint32_t policer;
  uint32_t rate_kbps;    // of inner L3 bytes; at least 1
  uint32_t burst_bytes;  // 0 = the default, max(50 ms at rate, 15,000)
  uint32_t reserved;
};
static_assert(sizeof(PolicerRecord) == 48);

// Why a record was refused. The order is part of the channel's contract.
enum class RefusalReason : uint16_t {
  kMalformed = 1,  // length, version, reserved bits
  kUnknownType = 2,
  kOutOfRange = 3,   // `field` has a value that no object may have
  kNotFound = 4,     // it names an object that does not exist
  kInUse = 5,        // a delete of an object that others still name
  kConflict = 6,     // (port, VLAN) or address is another object's
  kLimit = 7,        // `limit` is reached
  kScope = 8,        // the object belongs to another scope, or the epoch is not the scope's
  kUnsupported = 9,  // well formed but this build or port cannot do it
};

// Answer to one refused record; accepted ones are acknowledged by the sequence
// number alone.
struct Refusal {
  uint64_t sequence;
  uint16_t reason;        // RefusalReason
  uint16_t field_offset;  // of the offending field in the record, 0 = none
  uint32_t limit;         // Limit, with kLimit
  uint64_t value;         // the offending value, or the limit's figure
};
static_assert(sizeof(Refusal) == 24);

// Named limits of the dataplane (the names are what operators see).
enum class Limit : uint32_t {
  kVrfs = 1,
  kInterfaces = 2,
  kAddresses = 3,
  kNeighbors = 4,
  kNeighborsPerVrf = 5,
  kAdjacencies = 6,
  kNextHopGroups = 7,
  kGroupBuckets = 8,
  kPolicers = 9,
  kIpv4Routes = 10,
  kIpv4RoutesPerVrf = 11,
  kIpv6Routes = 12,
  kIpv6RoutesPerVrf = 13,
  kFibMemory = 14,
  kPendingRemovals = 15,
  kTunnelTerminations = 16,
  kTunnelRemotes = 17,
  kSas = 18,
};

}  // namespace sluice::channel
