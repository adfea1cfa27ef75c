// Invariant 1: a packet of one tenant never leaves through another. Random
// gateways with overlapping tenants, random packets, and a slow model that says
// where each comes out or why not. SLUICE_ISOLATION_SEEDS sets how many
// gateways are tried; a failure names its seed, SLUICE_ISOLATION_SEED repeats it.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/graph/isolation_world.h"

namespace sluice::testing {
namespace {

using Drops = std::map<std::string, uint64_t>;

struct Burst {
  std::map<uint32_t, Fate> expected;  // by packet id
  std::map<uint32_t, IsolationWorld::Arrival> arrivals;
  std::map<uint32_t, std::vector<std::pair<uint16_t, Bytes>>> sent;  // (port, frame)
  std::map<uint32_t, std::vector<Punted>> punted;
};

// Field by field, but for what is the gateway's to choose: the identification of a packet
// of ours, and what spreads the flows of a tunnel.
bool Matches(Fields got, Fields expected, bool ours, bool tunnel) {
  const std::string ip = tunnel ? "inner.ip." : "ip.";
  for (Fields* fields : {&got, &expected}) {
    if (ours) fields->erase(ip + "identification");
    if (!tunnel) continue;
    fields->erase("outer.ip.identification");
    fields->erase("outer.ip.flow_label");
  }
  return got == expected;
}

uint16_t VlanOf(const Fields& fields) {
  const auto vlan = fields.find("vlan.id");
  return vlan == fields.end() ? uint16_t{0} : static_cast<uint16_t>(std::stoi(vlan->second));
}

std::string Text(const Fields& fields) {
  std::string text;
  for (const auto& [name, value] : fields) text += name + "=" + value.substr(0, 80) + " ";
  return text;
}

std::string Text(const Drops& drops) {
  std::string text;
  for (const auto& [name, count] : drops) text += name + ": " + std::to_string(count) + "; ";
  return text;
}

// The frames are the fragments of one packet, none above the MTU. Those of a tunnel are
// inner frames, each in a packet of its own.
void CheckFragments(const std::vector<std::pair<uint16_t, Bytes>>& frames, const Fate::Frame& whole) {
  std::map<int, Fields> by_offset;
  Bytes whole_inner;
  if (whole.tunnel) DissectTunnel(whole.bytes, &whole_inner);
  const Fields expected = whole.tunnel ? Dissect(whole_inner) : whole.fields;
  Fields envelope = whole.fields;
  for (const auto& [port, frame] : frames) {
    CHECK(port == whole.port);
    Bytes inner;
    if (whole.tunnel) {
      Fields outer = DissectTunnel(frame, &inner);
      for (const char* same :
           {"eth.destination", "ip.source", "ip.destination", "ip.ttl", "ip.tos", "ip.flags"})
        CHECK(outer["outer." + std::string(same)] == envelope["outer." + std::string(same)]);
      CHECK(outer["tunnel.key"] == envelope["tunnel.key"]);
      if (outer.contains("tunnel.checksum")) CHECK(outer["tunnel.checksum"] != "bad");
    }
    const Fields fields = Dissect(whole.tunnel ? inner : frame);
    by_offset[std::stoi(fields.at("ip.offset"))] = fields;
  }
  // It may be a fragment itself: its offset and its last bit are kept.
  const int first = std::stoi(expected.at("ip.offset"));
  std::string payload;
  for (const auto& [offset, fields] : by_offset) {
    CHECK(static_cast<size_t>(offset - first) * 2 == payload.size());
    CHECK(std::stoi(fields.at("ip.length")) <= whole.fragment_mtu);
    CHECK(fields.at("ip.checksum") == "good");
    for (const char* same : {"eth.destination", "eth.source", "ip.source", "ip.destination", "ip.ttl",
                             "ip.tos", "ip.protocol", "ip.identification"})
      CHECK(fields.at(same) == expected.at(same));
    CHECK(VlanOf(fields) == VlanOf(expected));
    const bool last = offset == by_offset.rbegin()->first;
    CHECK(fields.at("ip.flags") == (last ? expected.at("ip.flags") : "1"));
    payload += fields.at("payload");
  }
  CHECK(payload == expected.at("payload"));
}

// The invariant itself, whatever the model thinks of the packet: the frame leaves on an
// interface of the tenant, or in the underlay through a tunnel of the tenant.
bool StaysInTenant(const IsolationModel& model, uint16_t vrf, uint16_t port, const Bytes& frame) {
  const Fields fields = Dissect(frame);
  for (const auto& [id, interface] : model.interfaces) {
    if (interface.tunnel || interface.port != port || interface.vlan != VlanOf(fields)) continue;
    if (interface.vrf == vrf) return true;
    if (interface.vrf != 0) return false;
  }
  Fields tunnel = DissectTunnel(frame);
  for (const auto& [id, interface] : model.interfaces) {
    if (!interface.tunnel || interface.vrf != vrf) continue;
    const ModelTunnel& own = *interface.tunnel;
    constexpr const char* kKinds[] = {"gre", "vxlan", "nvgre"};
    if (tunnel["tunnel.kind"] == kKinds[own.kind] && tunnel["outer.ip.source"] == own.local.ToString() &&
        own.remotes.contains(Ip(tunnel["outer.ip.destination"])) &&
        tunnel["tunnel.key"] == (own.key_out ? std::to_string(*own.key_out) : ""))
      return true;
  }
  return false;
}

// An ICMP message that is not the one that arrived.
bool IsAnswer(const Fields& got, const Bytes& arrived, bool tunnel) {
  const std::string inner = tunnel ? "inner." : "";
  if (!got.contains(inner + "icmp.type")) return false;
  const std::string& source = got.at(inner + "ip.source");
  return source != Dissect(arrived)["ip.source"] && source != DissectTunnel(arrived)["inner.ip.source"];
}

void CheckPacket(uint32_t id, const Burst& burst, const IsolationModel& model) {
  const Fate& fate = burst.expected.at(id);
  INFO("packet " << id << " on port " << burst.arrivals.at(id).port << ": "
                 << Text(Dissect(burst.arrivals.at(id).frame)));
  const auto sent = burst.sent.find(id);
  const size_t frames = sent == burst.sent.end() ? 0 : sent->second.size();
  if (sent != burst.sent.end())
    for (const auto& [port, frame] : sent->second) CHECK(StaysInTenant(model, fate.vrf, port, frame));
  const auto punted = burst.punted.find(id);
  CHECK((punted != burst.punted.end()) == fate.punted);
  if (punted != burst.punted.end())
    for (const Punted& packet : punted->second) CHECK(packet.meta.vrf == fate.punt_vrf);
  if (fate.alternatives.empty()) {
    for (const auto& [vrf, reason] : fate.drops) UNSCOPED_INFO("expected drop: vrf " << vrf << " " << reason);
    CHECK(frames == 0);
    return;
  }
  INFO("expected on port " << fate.alternatives[0].port << ": " << Text(fate.alternatives[0].fields));
  REQUIRE(frames >= 1);
  const bool tunnel = fate.alternatives.front().tunnel;
  const Fields got = tunnel ? DissectTunnel(sent->second[0].second) : Dissect(sent->second[0].second);
  INFO("got on port " << sent->second[0].first << ": " << Text(got));
  if (fate.alternatives.front().fragment_mtu != 0) {
    // Which member was taken shows in the frame; the rest is alike.
    const char* station = tunnel ? "outer.eth.destination" : "eth.destination";
    for (const Fate::Frame& alternative : fate.alternatives)
      if (got.at(station) == alternative.fields.at(station) &&
          (!tunnel || got.at("outer.ip.destination") == alternative.fields.at("outer.ip.destination")))
        return CheckFragments(sent->second, alternative);
    FAIL_CHECK("fragments to nobody");
    return;
  }
  CHECK(frames == 1);
  const bool ours = IsAnswer(got, burst.arrivals.at(id).frame, tunnel);
  CHECK(std::any_of(fate.alternatives.begin(), fate.alternatives.end(), [&](const Fate::Frame& alternative) {
    return alternative.port == sent->second[0].first && Matches(got, alternative.fields, ours, tunnel);
  }));
}

Drops Difference(Drops after, const Drops& before) {
  for (const auto& [name, count] : before)
    if ((after[name] -= count) == 0) after.erase(name);
  return after;
}

// One burst through the gateway, held against the model.
void RunBurst(GraphHarness& gateway, const IsolationModel& model, IsolationWorld& world, uint32_t& next_id) {
  Burst burst;
  Drops expected_drops;
  const Drops before = gateway.AllDrops();
  for (uint32_t i = 0; i < 48; ++i) {
    const uint32_t id = next_id++;
    const auto arrival = world.RandomPacket(id);
    const Fate fate = model.Predict(arrival.port, arrival.frame);
    for (const auto& [vrf, reason] : fate.drops)
      ++expected_drops["vrf " + std::to_string(vrf) + " " + reason];
    burst.expected[id] = fate;
    burst.arrivals[id] = arrival;
    gateway.Push(arrival.port, arrival.frame, static_cast<uint16_t>(world.Below(gateway.workers())));
  }
  gateway.Settle();
  for (uint16_t port = 0; port < 2; ++port)
    for (Bytes& frame : gateway.Sent(port)) {
      const auto id = IsolationWorld::IdOf(frame);
      INFO("sent on port " << port << ": " << Text(Dissect(frame)));
      REQUIRE(id);
      REQUIRE(burst.expected.contains(*id));
      burst.sent[*id].emplace_back(port, std::move(frame));
    }
  for (Punted& packet : gateway.TakePunted()) {
    const auto id = IsolationWorld::IdOf(packet.bytes);
    REQUIRE(id);
    burst.punted[*id].push_back(std::move(packet));
  }
  for (const auto& [id, unused] : burst.expected) CheckPacket(id, burst, model);
  CHECK(Text(Difference(gateway.AllDrops(), before)) == Text(expected_drops));
}

void RunSeed(uint64_t seed, uint16_t workers) {
  INFO("repeat with SLUICE_ISOLATION_SEED=" << seed);
  GraphHarness gateway({.workers = workers, .icmp = {100'000'000, 100'000'000}});
  IsolationModel model;
  IsolationWorld world(seed, gateway, model);
  if (workers > 1) gateway.StartWorkers();
  uint32_t next_id = 1;
  for (unsigned burst = 0; burst < 12; ++burst) {
    RunBurst(gateway, model, world, next_id);
    for (uint32_t i = world.Below(6); i > 0; --i) world.Change();
  }
  gateway.StopWorkers();
}

void RunSeeds(uint16_t workers) {
  if (const char* one = std::getenv("SLUICE_ISOLATION_SEED"))
    return RunSeed(std::strtoull(one, nullptr, 10), workers);
  const char* many = std::getenv("SLUICE_ISOLATION_SEEDS");
  const uint64_t count = many != nullptr ? std::strtoull(many, nullptr, 10) : 12;
  for (uint64_t seed = 1; seed <= count; ++seed) RunSeed(seed * 1000 + workers, workers);
}

TEST_CASE("no packet leaves through another tenant, and each ends as predicted, with one worker") {
  RunSeeds(1);
}
TEST_CASE("no packet leaves through another tenant, and each ends as predicted, with two workers") {
  RunSeeds(2);
}
TEST_CASE("no packet leaves through another tenant, and each ends as predicted, with four workers") {
  RunSeeds(4);
}

}  // namespace
}  // namespace sluice::testing
