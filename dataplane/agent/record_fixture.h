// Makes channel records in tests, benchmarks and fuzz seeds: each with the fields
// that its test is about, all others valid.
#pragma once

#include <cstring>
#include <initializer_list>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "proto/channel/records.h"
#include "proto/net/mac_address.h"
#include "proto/net/prefix.h"

namespace sluice::dataplane::testing {

inline constexpr channel::Scope kConfigurationScope{.kind = 1, .family = 0, .reserved = 0, .id = 0};
inline constexpr channel::Scope BgpScope(uint32_t vrf, uint8_t family) {
  return {.kind = 2, .family = family, .reserved = 0, .id = vrf};
}

// A record as bytes, 8-byte aligned.
class Record {
 public:
  template <class T>
  Record(channel::RecordType type, T fields, size_t bytes = sizeof(T))
      : words_((bytes + 7) / 8), bytes_(bytes) {
    fields.header.type = static_cast<uint16_t>(type);
    fields.header.version = channel::kRecordVersion;
    fields.header.length = static_cast<uint32_t>(bytes);
    fields.header.scope = kConfigurationScope;
    fields.header.epoch = 1;
    std::memcpy(words_.data(), &fields, bytes);
  }

  Record& In(const channel::Scope& scope) { return Set(offsetof(channel::RecordHeader, scope), scope); }
  Record& Epoch(uint32_t epoch) { return Set(offsetof(channel::RecordHeader, epoch), epoch); }
  template <class T>
  Record& Set(size_t offset, T value) {
    std::memcpy(reinterpret_cast<std::byte*>(words_.data()) + offset, &value, sizeof value);
    return *this;
  }

  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(words_)).first(bytes_); }
  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(words_)).first(bytes_); }

 private:
  std::vector<uint64_t> words_;
  size_t bytes_;
};

inline uint8_t FamilyOf(const net::Address& address) {
  return static_cast<uint8_t>(address.family());
}

inline void Store(const net::Address& address, uint8_t (&to)[16]) {
  std::memset(to, 0, sizeof to);
  if (!address.is_v4()) {
    std::memcpy(to, address.v6().bytes.data(), sizeof to);
    return;
  }
  for (unsigned i = 0; i < 4; ++i) to[i] = static_cast<uint8_t>(address.v4().value >> (24 - 8 * i));
}

inline Record BeginSync(uint32_t stale_deadline_ms = 0) {
  return Record(channel::RecordType::kBeginSync,
                channel::ScopeRecord{.stale_deadline_ms = stale_deadline_ms});
}
inline Record EndOfSync() {
  return Record(channel::RecordType::kEndOfSync, channel::ScopeRecord{});
}

inline Record VrfIs(uint32_t vrf, std::string_view router_ipv4 = "") {
  channel::VrfRecord record{.vrf = vrf};
  if (const auto router = net::Ipv4Address::Parse(router_ipv4)) {
    uint8_t bytes[16];
    Store(*router, bytes);
    std::memcpy(record.router_ipv4, bytes, 4);
  }
  return Record(channel::RecordType::kVrf, record);
}

inline Record InterfaceIs(uint32_t interface, uint32_t vrf, uint16_t vlan, uint16_t port = 0) {
  return Record(channel::RecordType::kInterface, channel::InterfaceRecord{.interface = interface,
                                                                          .vrf = vrf,
                                                                          .connection = 1,
                                                                          .port = port,
                                                                          .vlan = vlan,
                                                                          .mtu = 1500,
                                                                          .flags = channel::kInterfaceUp});
}

inline Record AddressIs(uint32_t interface, std::string_view text,
                        channel::RecordType type = channel::RecordType::kInterfaceAddress) {
  const auto address = *net::InterfaceAddress::Parse(text);
  channel::InterfaceAddressRecord record{
      .interface = interface, .family = FamilyOf(address.address), .prefix_length = address.length};
  Store(address.address, record.address);
  return Record(type, record);
}

inline Record NeighborIs(uint32_t interface, std::string_view text, std::string_view mac,
                         channel::RecordType type = channel::RecordType::kNeighbor) {
  const auto address = *net::Address::Parse(text);
  channel::NeighborRecord record{.interface = interface, .family = FamilyOf(address)};
  std::memcpy(record.mac, net::MacAddress::Parse(mac)->bytes.data(), sizeof record.mac);
  Store(address, record.address);
  return Record(type, record);
}

inline Record AdjacencyTo(uint32_t adjacency, uint32_t interface, std::string_view next_hop) {
  const auto address = *net::Address::Parse(next_hop);
  channel::AdjacencyRecord record{.adjacency = adjacency,
                                  .kind = static_cast<uint8_t>(channel::AdjacencyKind::kNeighbor),
                                  .family = FamilyOf(address),
                                  .interface = interface};
  Store(address, record.next_hop);
  return Record(channel::RecordType::kAdjacency, record);
}
inline Record AdjacencyIs(uint32_t adjacency, channel::AdjacencyKind kind, uint32_t interface = 0) {
  return Record(channel::RecordType::kAdjacency,
                channel::AdjacencyRecord{
                    .adjacency = adjacency, .kind = static_cast<uint8_t>(kind), .interface = interface});
}

// A GRE tunnel with a key each way, both 7, and MTU 1400.
inline Record GreIs(uint32_t interface, uint32_t vrf, std::string_view local_text,
                    std::string_view remote_text) {
  const auto local = *net::Address::Parse(local_text);
  channel::TunnelRecord record{.interface = interface,
                               .vrf = vrf,
                               .connection = 1,
                               .kind = static_cast<uint8_t>(channel::TunnelKind::kGre),
                               .family = FamilyOf(local),
                               .flags = channel::kTunnelUp | channel::kTunnelKeyIn | channel::kTunnelKeyOut,
                               .key_in = 7,
                               .key_out = 7,
                               .mtu = 1400,
                               .ttl = 64};
  Store(local, record.local);
  Store(*net::Address::Parse(remote_text), record.remote);
  return Record(channel::RecordType::kTunnel, record);
}
// The same with a probe.
inline Record WithProbe(Record gre, uint16_t interval_s, uint8_t misses) {
  return gre.Set(offsetof(channel::TunnelRecord, probe), static_cast<uint8_t>(channel::ProbeKind::kKeepalive))
      .Set(offsetof(channel::TunnelRecord, probe_misses), misses)
      .Set(offsetof(channel::TunnelRecord, probe_interval_s), interval_s);
}
// VXLAN, or NVGRE, with the gateway's MAC 02:00:5e:00:53:01.
inline Record OverlayIs(uint32_t interface, uint32_t vrf, std::string_view local_text, uint32_t vni,
                        channel::TunnelKind kind = channel::TunnelKind::kVxlan) {
  const auto local = *net::Address::Parse(local_text);
  const bool vxlan = kind == channel::TunnelKind::kVxlan;
  channel::TunnelRecord record{.interface = interface,
                               .vrf = vrf,
                               .kind = static_cast<uint8_t>(kind),
                               .family = FamilyOf(local),
                               .flags = channel::kTunnelUp,
                               .key_in = vni,
                               .key_out = vni,
                               .mtu = 1400,
                               .udp_port = static_cast<uint16_t>(vxlan ? 4789 : 0),
                               .mac = {2, 0, 0x5e, 0, 0x53, 1}};
  Store(local, record.local);
  return Record(channel::RecordType::kTunnel, record);
}
// Through a GRE tunnel; or through an overlay to the host with this address and MAC.
inline Record AdjacencyThrough(uint32_t adjacency, uint32_t tunnel, std::string_view provider = "",
                               std::string_view mac = "02:00:5e:00:53:99") {
  channel::AdjacencyRecord record{.adjacency = adjacency,
                                  .kind = static_cast<uint8_t>(channel::AdjacencyKind::kTunnel),
                                  .interface = tunnel};
  if (!provider.empty()) {
    const auto address = *net::Address::Parse(provider);
    record.family = FamilyOf(address);
    Store(address, record.next_hop);
    std::memcpy(record.mac, net::MacAddress::Parse(mac)->bytes.data(), sizeof record.mac);
  }
  return Record(channel::RecordType::kAdjacency, record);
}

inline Record GroupOf(uint32_t group, std::initializer_list<uint32_t> adjacencies) {
  channel::NextHopGroupRecord record{.group = group,
                                     .member_count = static_cast<uint32_t>(adjacencies.size())};
  size_t i = 0;
  for (const uint32_t adjacency : adjacencies)
    record.members[i++] = {.adjacency = adjacency, .weight = 1, .flags = 0};
  return Record(channel::RecordType::kNextHopGroup, record,
                offsetof(channel::NextHopGroupRecord, members) + i * sizeof(channel::GroupMember));
}

inline Record RouteTo(uint32_t vrf, std::string_view prefix_text, uint32_t group,
                      channel::RecordType type = channel::RecordType::kRoute) {
  const auto prefix = *net::Prefix::Parse(prefix_text);
  channel::RouteRecord record{
      .vrf = vrf, .family = FamilyOf(prefix.address()), .prefix_length = prefix.length(), .group = group};
  Store(prefix.address(), record.prefix);
  return Record(type, record);
}

inline Record PolicerIs(uint32_t policer, uint32_t rate_kbps) {
  return Record(channel::RecordType::kPolicer,
                channel::PolicerRecord{.policer = policer, .rate_kbps = rate_kbps});
}

inline Record Delete(channel::RecordType type, uint32_t id) {
  return Record(type, channel::IdRecord{.id = id});
}

}  // namespace sluice::dataplane::testing
