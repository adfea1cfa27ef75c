// Invariants 1 and 4 while everything changes: records go through the channel and the agent,
// neighbours through the slow path, workers run, packets are under way. A packet meets the old
// state or the new one, never a third, and never another tenant's. SLUICE_CHURN_SEEDS sets how
// many gateways are tried; a failure names its seed, SLUICE_CHURN_SEED repeats it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>

#include "dataplane/nodes/icmp_error.h"
#include "dataplane/nodes/nodes.h"
#include "tests/graph/churn_gateway.h"
#include "tests/graph/churn_world.h"
#include "tests/graph/isolation_world.h"

namespace sluice::testing {
namespace {

using dataplane::DropReason;

constexpr unsigned kRounds = 12, kShotsPerRound = 96;

class Churn {
 public:
  Churn(uint64_t seed, uint16_t workers) : world_(seed), gateway_(workers, ChurnWorld::HostAt) {
    for (auto& record : world_.Initial(ports_)) gateway_.Send(std::move(record));
    gateway_.control().Flush();
    RequireNoRefusal();
    REQUIRE(Pump([&] { return HopsAreLive(); }));
  }

  void Round(uint8_t round) {
    const ChurnState before = world_.state();
    auto records = world_.Change(ports_);
    const size_t first = next_id_, steps = kShotsPerRound + records.size();
    // A packet of the round before may still be held.
    for (auto& [id, flight] : flights_)
      if (id + kShotsPerRound >= first) Allow(flight, before);
    for (size_t step = 0, sent = 0; step < steps; ++step) {
      if (sent < records.size() && world_.Below(static_cast<uint32_t>(steps - step)) < records.size() - sent)
        gateway_.Send(std::move(records[sent++]));
      else
        Shoot(round, before);
      if (step % 8 == 0) Collect();
    }
    gateway_.control().Flush();
    RequireNoRefusal();
    gateway_.graph().Settle();
    Collect();
  }

  // Every packet ends once, and what ends was one: flights, answers of our hosts that the
  // workers drop, and ICMP errors of ours, which may find no way back.
  void Finish() {
    const auto ended = [&] { return arrived_ + errors_arrived_ + Dropped(); };
    const auto begun = [&] { return flights_.size() + gateway_.AnswersNotTaken() + ErrorsSent(); };
    CHECK(Pump([&] { return ended() >= begun(); }));
    gateway_.graph().Settle();
    Collect();
    CHECK(ended() == begun());
    CHECK(held_and_sent_ > 0);
    CHECK(arrived_ > flights_.size() / 2);
  }

 private:
  struct Flight {
    Shot shot;
    Verdicts verdicts;
    std::set<uint8_t> tenants;
    bool arrived = false;
  };

  template <class Condition>
  bool Pump(Condition condition) {
    return dataplane::testing::Eventually([&] {
      Collect();
      return condition();
    });
  }

  void RequireNoRefusal() {
    for (const channel::Refusal& refusal : gateway_.control().Refusals())
      FAIL("record " << refusal.sequence << " refused: reason " << refusal.reason << " at "
                     << refusal.field_offset);
  }

  bool HopsAreLive() {
    for (uint32_t tenant = 0; tenant < kTenants; ++tenant)
      for (uint32_t hop = 0; hop < kHops; ++hop)
        for (uint32_t family = 0; family < 2; ++family)
          if (!gateway_.graph().tables().adjacencies.Load(100 + tenant * 20 + family * 10 + hop).live())
            return false;
    return true;
  }

  void Allow(Flight& flight, const ChurnState& before) {
    const ChurnState& after = world_.state();
    if (flight.shot.wander) {
      flight.tenants.insert({before.wanderer, after.wanderer});
      // Between two owners the VLAN is nobody's.
      flight.verdicts.dropped |= before.wanderer != after.wanderer;
    }
    for (const uint8_t tenant : flight.tenants) {
      ChurnWorld::Allow(before, tenant, flight.shot, flight.verdicts);
      ChurnWorld::Allow(after, tenant, flight.shot, flight.verdicts);
    }
  }

  void Shoot(uint8_t round, const ChurnState& before) {
    Flight flight{.shot = world_.RandomShot(round), .verdicts = {}, .tenants = {}};
    if (!flight.shot.wander) flight.tenants.insert(flight.shot.tenant);
    Allow(flight, before);
    const uint32_t id = next_id_++;
    const Bytes frame = ChurnWorld::FrameOf(flight.shot, id);
    gateway_.graph().Push(0, frame, static_cast<uint16_t>(world_.Below(gateway_.graph().workers())));
    flights_[id] = std::move(flight);
  }

  void Collect() {
    for (const SentFrame& frame : gateway_.Collect()) Check(frame);
  }

  void Check(const SentFrame& frame) {
    const auto id = IsolationWorld::IdOf(frame.bytes);
    INFO("out of port " << frame.port << " VLAN " << frame.vlan);
    REQUIRE(id);
    Flight& flight = flights_.at(*id);
    const Fields fields = Dissect(frame.bytes);
    INFO("packet " << *id << (flight.shot.v4 ? " IPv4" : " IPv6") << " tenant " << int{flight.shot.tenant}
                   << " route " << int{flight.shot.route} << " wander " << flight.shot.wander
                   << ", out of port " << frame.port << " VLAN " << frame.vlan << " to "
                   << fields.at("eth.destination"));
    const net::MacAddress to = Mac(fields.at("eth.destination"));
    const uint8_t tenant = ChurnWorld::TenantOf(to);
    // The invariant itself: a tenant that the packet is one of, on a VLAN of that tenant.
    CHECK(flight.tenants.contains(tenant));
    CHECK(frame.vlan == VlanOfTenant(tenant, frame.port));
    if (fields.contains("icmp.type")) {
      CHECK(frame.port == 0);
      CHECK(flight.verdicts.dropped);
      ++errors_arrived_;
      return;
    }
    CHECK(frame.port == 1);
    CHECK(flight.verdicts.to.contains(to));
    CHECK_FALSE(flight.arrived);
    flight.arrived = true;
    ++arrived_;
    held_and_sent_ += flight.shot.route < 0 ? 1 : 0;
  }

  // Drops of flights: an ICMP error that was not sent is about a packet that is
  // counted already, and what the slow path says of ARP and ND is not about flights.
  uint64_t Dropped() const {
    uint64_t total = 0;
    for (const dataplane::DropReasonName& row : dataplane::kDropReasons) {
      const std::string_view name = row.name;
      const bool of_neighbors =
          row.reason >= DropReason::kNeighborMalformed && row.reason <= DropReason::kNeighborRateLimited;
      if (of_neighbors || name.starts_with("icmp_error")) continue;
      for (uint32_t vrf = 0; vrf < gateway_.graph().tables().vrfs.size(); ++vrf)
        total += gateway_.graph().Drops(static_cast<dataplane::VrfId>(vrf), row.reason);
    }
    return total;
  }

  // What reached the node for them and was not refused there.
  uint64_t ErrorsSent() const {
    const auto nodes = dataplane::AllNodes();
    const auto node = std::find(nodes.begin(), nodes.end(), &dataplane::kIcmpErrorNode);
    const auto index = static_cast<uint32_t>(node - nodes.begin());
    uint64_t sent = 0;
    for (uint32_t worker = 0; worker < gateway_.graph().workers(); ++worker)
      sent += gateway_.graph().counters().Node(worker, index).packets;
    for (const DropReason reason :
         {DropReason::kIcmpErrorForbidden, DropReason::kIcmpErrorNoSource, DropReason::kIcmpErrorRateLimited})
      for (uint32_t vrf = 0; vrf < gateway_.graph().tables().vrfs.size(); ++vrf)
        sent -= gateway_.graph().Drops(static_cast<dataplane::VrfId>(vrf), reason);
    return sent;
  }

  ChurnWorld world_;
  mutable ChurnGateway gateway_;
  const std::array<uint16_t, 2> ports_ = {gateway_.graph().port(0).id(), gateway_.graph().port(1).id()};
  std::map<uint32_t, Flight> flights_;
  uint32_t next_id_ = 1;
  uint64_t arrived_ = 0, held_and_sent_ = 0, errors_arrived_ = 0;
};

void RunSeed(uint64_t seed, uint16_t workers) {
  INFO("repeat with SLUICE_CHURN_SEED=" << seed);
  Churn churn(seed, workers);
  for (unsigned round = 0; round < kRounds; ++round) churn.Round(static_cast<uint8_t>(round));
  churn.Finish();
}

void RunSeeds(uint16_t workers) {
  if (const char* one = std::getenv("SLUICE_CHURN_SEED"))
    return RunSeed(std::strtoull(one, nullptr, 10), workers);
  const char* many = std::getenv("SLUICE_CHURN_SEEDS");
  const uint64_t count = many != nullptr ? std::strtoull(many, nullptr, 10) : 3;
  for (uint64_t seed = 1; seed <= count; ++seed) RunSeed(seed * 1000 + workers, workers);
}

TEST_CASE("packets under way meet the old state or the new one of their own tenant, with one worker") {
  RunSeeds(1);
}
TEST_CASE("packets under way meet the old state or the new one of their own tenant, with two workers") {
  RunSeeds(2);
}
TEST_CASE("packets under way meet the old state or the new one of their own tenant, with four workers") {
  RunSeeds(4);
}

}  // namespace
}  // namespace sluice::testing
