// A dataplane's agent reduced to its bookkeeping: applies channel records, keeps
// the order of dependence, owner epochs, limits and sweeps, and refuses like the
// real one. For tests of control without a dataplane.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "proto/channel/records.h"

namespace sluice::testing {

class FakeAgent {
 public:
  using Bytes16 = std::array<uint8_t, 16>;
  struct RouteKey {
    uint32_t vrf;
    uint8_t family;
    uint8_t length;
    Bytes16 prefix;
    auto operator<=>(const RouteKey&) const = default;
  };
  struct AddressKey {
    uint32_t interface;
    uint8_t family;
    Bytes16 address;
    auto operator<=>(const AddressKey&) const = default;
  };
  template <typename Record>
  struct Held {
    Record record;
    uint32_t epoch;
  };

  // Applies one record; the refusal if it is refused.
  std::optional<channel::Refusal> Apply(const channel::RecordHeader* header, uint32_t bytes) {
    namespace ch = channel;
    refusal_ = {header->sequence, 0, 0, 0, 0};
    epoch_ = header->epoch;
    switch (static_cast<ch::RecordType>(header->type)) {
      case ch::RecordType::kBeginSync:
        break;
      case ch::RecordType::kEndOfSync:
        Sweep();
        break;
      case ch::RecordType::kVrf:
        PutVrf(Copy<ch::VrfRecord>(header, bytes));
        break;
      case ch::RecordType::kVrfDelete:
        DeleteVrf(Copy<ch::IdRecord>(header, bytes).id);
        break;
      case ch::RecordType::kInterface:
        PutInterface(Copy<ch::InterfaceRecord>(header, bytes));
        break;
      case ch::RecordType::kInterfaceDelete:
        DeleteInterface(Copy<ch::IdRecord>(header, bytes).id);
        break;
      case ch::RecordType::kInterfaceAddress:
        PutAddress(Copy<ch::InterfaceAddressRecord>(header, bytes));
        break;
      case ch::RecordType::kInterfaceAddressDelete:
        Erase(addresses, KeyOf(Copy<ch::InterfaceAddressRecord>(header, bytes)), false);
        break;
      case ch::RecordType::kNeighbor:
        PutNeighbor(Copy<ch::NeighborRecord>(header, bytes));
        break;
      case ch::RecordType::kTunnel:
        PutTunnel(Copy<ch::TunnelRecord>(header, bytes));
        break;
      case ch::RecordType::kTunnelDelete: {
        const uint32_t id = Copy<ch::IdRecord>(header, bytes).id;
        Erase(tunnels, id, IsUsed(id));
        break;
      }
      case ch::RecordType::kNeighborDelete:
        Erase(neighbors, KeyOf(Copy<ch::NeighborRecord>(header, bytes)), false);
        break;
      case ch::RecordType::kAdjacency:
        PutAdjacency(Copy<ch::AdjacencyRecord>(header, bytes));
        break;
      case ch::RecordType::kAdjacencyDelete: {
        const uint32_t id = Copy<ch::IdRecord>(header, bytes).id;
        Erase(adjacencies, id, UsersOfAdjacency(id) > 0);
        break;
      }
      case ch::RecordType::kNextHopGroup:
        PutGroup(Copy<ch::NextHopGroupRecord>(header, bytes));
        break;
      case ch::RecordType::kNextHopGroupDelete: {
        const uint32_t id = Copy<ch::IdRecord>(header, bytes).id;
        Erase(groups, id, group_users[id] > 0);
        break;
      }
      case ch::RecordType::kRoute:
        PutRoute(Copy<ch::RouteRecord>(header, bytes));
        break;
      case ch::RecordType::kRouteDelete:
        DeleteRoute(KeyOf(Copy<ch::RouteRecord>(header, bytes)));
        break;
      case ch::RecordType::kPolicer: {
        const auto record = Copy<ch::PolicerRecord>(header, bytes);
        policers[record.policer] = {record, epoch_};
        break;
      }
      case ch::RecordType::kPolicerDelete: {
        const uint32_t id = Copy<ch::IdRecord>(header, bytes).id;
        Erase(policers, id, UsersOfPolicer(id) > 0);
        break;
      }
    }
    if (refusal_.reason == 0) return std::nullopt;
    return refusal_;
  }

  // Limits; a test lowers them.
  size_t vrfs_max = 4096;
  size_t routes_max = 16'777'216;
  bool hosts_refused = false;  // another tunnel has them

  std::map<uint32_t, Held<channel::VrfRecord>> vrfs;
  std::map<uint32_t, Held<channel::InterfaceRecord>> interfaces;
  std::map<uint32_t, Held<channel::TunnelRecord>> tunnels;
  std::map<uint32_t, Held<channel::PolicerRecord>> policers;
  std::map<AddressKey, Held<channel::InterfaceAddressRecord>> addresses;
  std::map<AddressKey, Held<channel::NeighborRecord>> neighbors;
  std::map<uint32_t, Held<channel::AdjacencyRecord>> adjacencies;
  std::map<uint32_t, Held<channel::NextHopGroupRecord>> groups;
  std::map<RouteKey, Held<channel::RouteRecord>> routes;
  std::map<uint32_t, size_t> group_users;
  std::map<uint32_t, size_t> vrf_routes;

  // The members of a route's group as "interface/kind/next hop bytes", independent of numbers.
  std::set<std::string> TargetsOf(const channel::RouteRecord& route) const {
    std::set<std::string> targets;
    const channel::NextHopGroupRecord& group = groups.at(route.group).record;
    for (uint32_t i = 0; i < group.member_count; ++i) {
      const channel::AdjacencyRecord& adjacency = adjacencies.at(group.members[i].adjacency).record;
      std::string text = std::to_string(adjacency.interface) + "/" + std::to_string(adjacency.kind) + "/";
      text.append(reinterpret_cast<const char*>(adjacency.next_hop), 16);
      targets.insert(text);
    }
    return targets;
  }

 private:
  template <typename Record>
  static Record Copy(const channel::RecordHeader* header, uint32_t bytes) {
    Record record{};
    std::memcpy(static_cast<void*>(&record), header, bytes < sizeof(record) ? bytes : sizeof(record));
    return record;
  }
  static Bytes16 BytesOf(const uint8_t bytes[16]) {
    Bytes16 copy;
    std::memcpy(copy.data(), bytes, 16);
    return copy;
  }
  static AddressKey KeyOf(const channel::InterfaceAddressRecord& record) {
    return {record.interface, record.family, BytesOf(record.address)};
  }
  static AddressKey KeyOf(const channel::NeighborRecord& record) {
    return {record.interface, record.family, BytesOf(record.address)};
  }
  static RouteKey KeyOf(const channel::RouteRecord& record) {
    return {record.vrf, record.family, record.prefix_length, BytesOf(record.prefix)};
  }
  bool Refuse(channel::RefusalReason reason) {
    refusal_.reason = static_cast<uint16_t>(reason);
    return false;
  }
  bool RefuseLimit(channel::Limit limit, uint64_t value) {
    refusal_.limit = static_cast<uint32_t>(limit);
    refusal_.value = value;
    return Refuse(channel::RefusalReason::kLimit);
  }
  bool Need(bool there) { return there || Refuse(channel::RefusalReason::kNotFound); }
  template <typename Map, typename Key>
  void Erase(Map& map, const Key& key, bool in_use) {
    if (!Need(map.contains(key))) return;
    if (in_use) {
      Refuse(channel::RefusalReason::kInUse);
      return;
    }
    map.erase(key);
  }
  bool HasVrf(uint32_t vrf) const { return vrf == 0 || vrfs.contains(vrf); }

  void PutVrf(const channel::VrfRecord& record) {
    if (!vrfs.contains(record.vrf) && vrfs.size() >= vrfs_max) {
      RefuseLimit(channel::Limit::kVrfs, vrfs_max);
      return;
    }
    vrfs[record.vrf] = {record, epoch_};
  }
  void DeleteVrf(uint32_t id) {
    bool in_use = vrf_routes[id] > 0;
    for (const auto& [key, held] : interfaces) in_use |= held.record.vrf == id;
    for (const auto& [key, held] : tunnels) in_use |= held.record.vrf == id;
    Erase(vrfs, id, in_use);
  }
  void PutInterface(const channel::InterfaceRecord& record) {
    if (!Need(HasVrf(record.vrf))) return;
    if (!NeedPolicers(record.policer_in, record.policer_out)) return;
    if (tunnels.contains(record.interface)) {
      Refuse(channel::RefusalReason::kConflict);
      return;
    }
    for (const auto& [key, held] : interfaces) {
      if (key != record.interface && held.record.port == record.port && held.record.vlan == record.vlan) {
        Refuse(channel::RefusalReason::kConflict);
        return;
      }
    }
    interfaces[record.interface] = {record, epoch_};
  }
  bool NeedPolicers(uint32_t in, uint32_t out) {
    for (const uint32_t policer : {in, out}) {
      if (policer != 0 && !Need(policers.contains(policer))) return false;
    }
    return true;
  }
  static bool ReceivesTheSame(const channel::TunnelRecord& a, const channel::TunnelRecord& b) {
    const auto selector = [](const channel::TunnelRecord& of) {
      return std::tuple(of.kind, of.family, BytesOf(of.local), BytesOf(of.remote),
                        of.flags & channel::kTunnelKeyIn, of.key_in);
    };
    return a.kind == static_cast<uint8_t>(channel::TunnelKind::kGre) && selector(a) == selector(b);
  }
  void PutTunnel(const channel::TunnelRecord& record) {
    if (!Need(HasVrf(record.vrf)) || !NeedPolicers(record.policer_in, record.policer_out)) return;
    if (interfaces.contains(record.interface)) {
      Refuse(channel::RefusalReason::kConflict);
      return;
    }
    for (const auto& [key, held] : tunnels) {
      const bool stale = held.epoch != epoch_;
      if (key == record.interface || stale || !ReceivesTheSame(held.record, record)) continue;
      Refuse(channel::RefusalReason::kConflict);
      return;
    }
    tunnels[record.interface] = {record, epoch_};
  }
  bool IsUsed(uint32_t interface) const {
    bool in_use = false;
    for (const auto& [key, held] : addresses) in_use |= key.interface == interface;
    for (const auto& [key, held] : neighbors) in_use |= key.interface == interface;
    for (const auto& [key, held] : adjacencies) in_use |= held.record.interface == interface;
    return in_use;
  }
  void DeleteInterface(uint32_t id) { Erase(interfaces, id, IsUsed(id)); }
  void PutAddress(const channel::InterfaceAddressRecord& record) {
    const auto tunnel = tunnels.find(record.interface);
    if (!Need(tunnel != tunnels.end() || interfaces.contains(record.interface))) return;
    const uint32_t vrf =
        tunnel != tunnels.end() ? tunnel->second.record.vrf : interfaces[record.interface].record.vrf;
    const uint8_t host_length = record.family == 4 ? 32 : 128;
    const auto route = routes.find({vrf, record.family, host_length, BytesOf(record.address)});
    if (route != routes.end() && route->second.epoch == epoch_) {
      Refuse(channel::RefusalReason::kConflict);
      return;
    }
    addresses[KeyOf(record)] = {record, epoch_};
  }
  void PutNeighbor(const channel::NeighborRecord& record) {
    if (Need(interfaces.contains(record.interface))) neighbors[KeyOf(record)] = {record, epoch_};
  }
  void PutAdjacency(const channel::AdjacencyRecord& record) {
    const auto tunnel = tunnels.find(record.interface);
    const bool is_tunnel = tunnel != tunnels.end();
    if (!Need(record.interface == 0 || is_tunnel || interfaces.contains(record.interface))) return;
    if (is_tunnel != (record.kind == static_cast<uint8_t>(channel::AdjacencyKind::kTunnel))) {
      Refuse(channel::RefusalReason::kUnsupported);
      return;
    }
    constexpr uint8_t kNoMac[6] = {};
    const bool has_host = std::memcmp(record.mac, kNoMac, sizeof kNoMac) != 0;
    if (has_host !=
        (is_tunnel && tunnel->second.record.kind != static_cast<uint8_t>(channel::TunnelKind::kGre))) {
      Refuse(channel::RefusalReason::kOutOfRange);
      return;
    }
    if (has_host && hosts_refused) {
      Refuse(channel::RefusalReason::kConflict);
      refusal_.field_offset = offsetof(channel::AdjacencyRecord, next_hop);
      return;
    }
    const auto at = adjacencies.find(record.adjacency);
    // A number of a former life with another meaning would redirect its routes.
    if (at != adjacencies.end() && at->second.epoch != epoch_ &&
        std::memcmp(&at->second.record.kind, &record.kind,
                    sizeof(record) - offsetof(channel::AdjacencyRecord, kind)) != 0) {
      Refuse(channel::RefusalReason::kConflict);
      return;
    }
    adjacencies[record.adjacency] = {record, epoch_};
  }
  void PutGroup(const channel::NextHopGroupRecord& record) {
    for (uint32_t i = 0; i < record.member_count; ++i) {
      if (!Need(adjacencies.contains(record.members[i].adjacency))) return;
    }
    const auto at = groups.find(record.group);
    if (at != groups.end() && at->second.epoch != epoch_ &&
        std::memcmp(&at->second.record.member_count, &record.member_count,
                    sizeof(record) - offsetof(channel::NextHopGroupRecord, member_count)) != 0) {
      Refuse(channel::RefusalReason::kConflict);
      return;
    }
    groups[record.group] = {record, epoch_};
  }
  void PutRoute(const channel::RouteRecord& record) {
    if (!Need(HasVrf(record.vrf) && groups.contains(record.group))) return;
    const RouteKey key = KeyOf(record);
    const auto at = routes.find(key);
    if (at == routes.end() && routes.size() >= routes_max) {
      RefuseLimit(channel::Limit::kIpv4Routes, routes_max);
      return;
    }
    if (at != routes.end()) {
      --group_users[at->second.record.group];
    } else {
      ++vrf_routes[record.vrf];
    }
    ++group_users[record.group];
    routes[key] = {record, epoch_};
  }
  void DeleteRoute(const RouteKey& key) {
    const auto at = routes.find(key);
    if (!Need(at != routes.end())) return;
    --group_users[at->second.record.group];
    --vrf_routes[key.vrf];
    routes.erase(at);
  }
  size_t UsersOfAdjacency(uint32_t id) const {
    size_t users = 0;
    for (const auto& [key, held] : groups) {
      for (uint32_t i = 0; i < held.record.member_count; ++i) users += held.record.members[i].adjacency == id;
    }
    return users;
  }
  size_t UsersOfPolicer(uint32_t id) const {
    size_t users = 0;
    for (const auto& [key, held] : interfaces) {
      users += held.record.policer_in == id || held.record.policer_out == id;
    }
    for (const auto& [key, held] : tunnels) {
      users += held.record.policer_in == id || held.record.policer_out == id;
    }
    return users;
  }
  template <typename Map>
  std::vector<typename Map::key_type> StaleOf(const Map& map) const {
    std::vector<typename Map::key_type> stale;
    for (const auto& [key, held] : map) {
      if (held.epoch != epoch_) stale.push_back(key);
    }
    return stale;
  }
  void Sweep() {
    for (const auto& key : StaleOf(routes)) DeleteRoute(key);
    for (const auto& key : StaleOf(groups)) groups.erase(key);
    for (const auto& key : StaleOf(adjacencies)) adjacencies.erase(key);
    for (const auto& key : StaleOf(neighbors)) neighbors.erase(key);
    for (const auto& key : StaleOf(addresses)) addresses.erase(key);
    for (const auto& key : StaleOf(interfaces)) interfaces.erase(key);
    for (const auto& key : StaleOf(tunnels)) tunnels.erase(key);
    for (const auto& key : StaleOf(policers)) policers.erase(key);
    for (const auto& key : StaleOf(vrfs)) vrfs.erase(key);
  }

  channel::Refusal refusal_{};
  uint32_t epoch_ = 0;
};

}  // namespace sluice::testing
