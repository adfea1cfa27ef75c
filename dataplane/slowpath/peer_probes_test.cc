// Probes of far ends over simulated time: when they are sent, what silence and answers
// mean, and what ten thousand tunnels cost.
#include "dataplane/slowpath/peer_probes.h"

#include <catch2/catch.hpp>

namespace sluice::dataplane {
namespace {

using namespace std::chrono_literals;

// Far ends that answer a probe after `delay`, unless they are dead. Time passes in steps of
// a millisecond, as the slow path's does.
struct Network {
  void Watch(InterfaceId id, std::chrono::seconds interval = 2s, uint8_t misses = 3) {
    ProbeOutputs out;
    probes.Handle(now, {id, interval, misses}, out);
    Perform(out);
  }
  void Perform(const ProbeOutputs& outputs) {
    for (const ProbeOutput& output : outputs) {
      if (const auto* report = std::get_if<PeerReport>(&output)) {
        reports.emplace_back(now, *report);
        continue;
      }
      const InterfaceId id = std::get<SendProbe>(output).interface;
      sent[id].push_back(now);
      if (!dead.contains(id)) under_way.insert({now + delay, id});
      if (full) probes.NotSent(id);
    }
  }
  void Pass(Duration time) {
    for (const Instant end = now + time; now < end;) {
      now += 1ms;
      while (!under_way.empty() && under_way.begin()->first <= now) {
        ++answers[under_way.begin()->second];
        under_way.erase(under_way.begin());
      }
      const auto deadline = probes.NextDeadline();
      if (!deadline || *deadline > now) continue;
      ProbeOutputs out;
      probes.HandleTime(
          now,
          [this](InterfaceId id) {
            ++looks;
            return answers[id];
          },
          out);
      Perform(out);
    }
  }
  // What was said since the last call, without the time.
  std::vector<PeerReport> TakeReports() {
    std::vector<PeerReport> taken;
    for (const auto& [at, report] : reports) taken.push_back(report);
    reports.clear();
    return taken;
  }

  Instant now{1000s};
  PeerProbes probes{1};
  Duration delay = 20ms;
  std::set<InterfaceId> dead;
  bool full = false;  // no probe can be sent
  std::multimap<Instant, InterfaceId> under_way;
  std::map<InterfaceId, uint64_t> answers;
  std::map<InterfaceId, std::vector<Instant>> sent;
  std::vector<std::pair<Instant, PeerReport>> reports;
  uint64_t looks = 0;
};

TEST_CASE("nobody is asked without a watch, and nothing is due") {
  Network network;
  CHECK_FALSE(network.probes.NextDeadline());
  network.Watch(7);
  network.Pass(10s);
  network.Watch(7, 0s, 0);
  CHECK_FALSE(network.probes.NextDeadline());
  network.sent.clear();
  network.reports.clear();
  network.Pass(10s);
  CHECK(network.sent.empty());
  CHECK(network.reports.empty());
  CHECK(network.probes.size() == 0);
}

TEST_CASE("a far end that answers is asked at its interval, less a tenth at most, and is never silent") {
  Network network;
  const Instant begin = network.now;
  network.Watch(7);
  CHECK(network.TakeReports() == std::vector<PeerReport>{{7, false, begin}});
  network.Pass(200s);
  CHECK(network.reports.empty());
  const auto& sent = network.sent[7];
  REQUIRE(sent.size() >= 100);
  CHECK(sent.size() <= 112);
  CHECK(sent[0] - begin <= 1s);
  std::set<Duration> gaps;
  for (size_t i = 1; i < sent.size(); ++i) {
    CHECK(sent[i] - sent[i - 1] >= 1800ms);
    CHECK(sent[i] - sent[i - 1] <= 2001ms);
    gaps.insert(sent[i] - sent[i - 1]);
  }
  CHECK(gaps.size() > 20);  // jitter
}

TEST_CASE("silence is said when the interval of the last of so many probes has passed, and since when") {
  const auto [misses, interval] = GENERATE(std::pair(1, 1), std::pair(3, 2), std::pair(10, 1));
  CAPTURE(misses, interval);
  Network network;
  network.Watch(7, std::chrono::seconds(interval), static_cast<uint8_t>(misses));
  network.Pass(60s);
  network.reports.clear();
  network.dead.insert(7);
  const size_t before = network.sent[7].size();
  network.Pass(std::chrono::seconds(interval) * (misses + 2));
  REQUIRE(network.reports.size() == 1);
  const auto& [at, report] = network.reports[0];
  CHECK(report.silent);
  const auto& sent = network.sent[7];
  // With the probe after the last one that counts.
  CHECK(at == sent.at(before + static_cast<size_t>(misses)));
  // The answer is seen at the next look.
  CHECK(report.since - (sent.at(before - 1) + network.delay) <= PeerProbes::kLookEvery + 1ms);
  CHECK(report.since >= sent.at(before - 1) + network.delay);
  network.Pass(60s);
  CHECK(network.reports.size() == 1);  // once
  CHECK(network.sent[7].size() > before + static_cast<size_t>(misses) + 10 / static_cast<size_t>(interval));
}

TEST_CASE("a far end that never answered is silent since it is asked") {
  Network network;
  network.dead.insert(7);
  const Instant begin = network.now;
  network.Watch(7);
  network.Pass(20s);
  CHECK(network.TakeReports() == std::vector<PeerReport>{{7, false, begin}, {7, true, begin}});
}

TEST_CASE("the first answer ends the silence at once, and it takes as many misses to begin again") {
  Network network;
  network.Watch(7);
  network.dead.insert(7);
  network.Pass(20s);
  network.reports.clear();
  network.dead.clear();
  const size_t before = network.sent[7].size();
  network.Pass(3s);
  REQUIRE(network.reports.size() == 1);
  const auto& [at, report] = network.reports[0];
  CHECK_FALSE(report.silent);
  CHECK(report.since == at);
  CHECK(at - network.sent[7].at(before) <= network.delay + PeerProbes::kLookEvery + 1ms);
  network.dead.insert(7);
  network.reports.clear();
  network.Pass(5s);
  CHECK(network.reports.empty());
  network.Pass(4s);
  CHECK(network.TakeReports().size() == 1);
}

TEST_CASE("losses that are not in a row do not make a far end silent") {
  Network network;
  network.Watch(7, 1s, 3);
  network.reports.clear();
  for (int i = 0; i < 50; ++i) {
    const size_t sent = network.sent[7].size();
    network.dead.insert(7);
    while (network.sent[7].size() < sent + 2) network.Pass(1ms);
    network.dead.clear();
    while (network.sent[7].size() < sent + 3) network.Pass(1ms);
    network.Pass(100ms);
  }
  CHECK(network.reports.empty());
}

TEST_CASE("an answer that takes longer than the interval counts") {
  Network network;
  network.delay = 2500ms;
  network.Watch(7, 1s, 4);
  network.reports.clear();
  network.Pass(100s);
  CHECK(network.reports.empty());
}

TEST_CASE("answers that nobody asked for do not count") {
  Network network;
  network.dead.insert(7);
  network.Watch(7);
  network.Pass(10s);
  network.reports.clear();
  // Between the answer to a probe and the next probe nobody looks; here, all came before it.
  network.full = true;
  network.Pass(3s);
  network.answers[7] += 1000;
  network.full = false;
  network.Pass(30s);
  CHECK(network.reports.empty());
}

TEST_CASE("a probe that could not be sent is not missed") {
  Network network;
  network.Watch(7);
  network.Pass(10s);
  network.reports.clear();
  network.dead.insert(7);
  network.full = true;
  network.Pass(100s);
  CHECK(network.reports.empty());
  network.full = false;
  network.Pass(10s);
  CHECK(network.TakeReports().size() == 1);
}

TEST_CASE("who does not come to ask for a minute finds nobody silent for that") {
  Network network;
  network.Watch(7, 1s, 3);
  network.Pass(10s);
  network.reports.clear();
  network.now += 60s;
  for (auto& [id, count] : network.answers) count += network.under_way.count(network.now);
  network.Pass(10s);
  CHECK(network.reports.empty());
}

TEST_CASE("an answer that there was no time to look at is seen before the next probe") {
  Network network;
  network.delay = 900ms;  // nearly all probes are open
  for (InterfaceId id = 1; id <= 2000; ++id) network.Watch(id, 1s, 1);
  network.Pass(5s);
  network.reports.clear();
  network.now += 1200ms;
  network.Pass(100ms);
  CHECK(network.reports.empty());
}

TEST_CASE("tunnels that are made together are not asked together") {
  Network network;
  for (InterfaceId id = 1; id <= 60; ++id) network.Watch(id, 600s, 1);
  network.Pass(1001ms);
  std::set<Instant> first;
  for (const auto& [id, times] : network.sent) first.insert(times.at(0));
  CHECK(network.sent.size() == 60);
  CHECK(first.size() > 40);
}

TEST_CASE("a changed watch begins from the beginning and says so") {
  Network network;
  network.dead.insert(7);
  network.Watch(7);
  network.Pass(20s);
  network.reports.clear();
  network.Watch(7, 1s, 5);
  CHECK(network.TakeReports() == std::vector<PeerReport>{{7, false, network.now}});
  network.Pass(4s);
  CHECK(network.reports.empty());
  network.Pass(3s);
  CHECK(network.TakeReports().size() == 1);
}

TEST_CASE("ten thousand tunnels are asked evenly within the budget, and one death among them is found") {
  constexpr InterfaceId kTunnels = 10000;
  Network network;
  for (InterfaceId id = 1; id <= kTunnels; ++id) network.Watch(id, 1s, 3);
  network.Pass(5s);
  network.reports.clear();
  network.dead.insert(4711);
  std::map<Instant, unsigned> per_millisecond;
  network.sent.clear();
  network.looks = 0;
  network.Pass(5s);
  REQUIRE(network.reports.size() == 1);
  CHECK(network.reports[0].second.interface == 4711);
  for (const auto& [id, times] : network.sent) {
    CHECK(times.size() >= 4);
    for (const Instant at : times) ++per_millisecond[at];
  }
  unsigned most = 0;
  for (const auto& [at, count] : per_millisecond) most = std::max(most, count);
  CHECK(most <= PeerProbes::kProbesAtOnce);
  // Of answers, about 30 ms each of which 10 are a look.
  CHECK(network.looks < 5u * kTunnels * 8);
}

TEST_CASE("more tunnels than the budget carries are asked later, and none is silent for that") {
  constexpr InterfaceId kTunnels = 30000;
  Network network;
  for (InterfaceId id = 1; id <= kTunnels; ++id) network.Watch(id, 1s, 1);
  network.reports.clear();
  network.Pass(6s);
  CHECK(network.reports.empty());
  size_t sent = 0;
  for (const auto& [id, times] : network.sent) sent += times.size();
  CHECK(network.sent.size() == kTunnels);
  CHECK(sent <= 6 * PeerProbes::kProbesPerSecond + PeerProbes::kProbesAtOnce);
}

TEST_CASE("where all are silent, few are looked at in a turn, and one that comes back is found") {
  constexpr InterfaceId kTunnels = 10000;
  Network network;
  for (InterfaceId id = 1; id <= kTunnels; ++id) {
    network.dead.insert(id);
    network.Watch(id, 10s, 1);
  }
  network.Pass(30s);
  network.reports.clear();
  network.looks = 0;
  network.dead.erase(7777);
  network.Pass(12s);
  REQUIRE(network.reports.size() == 1);
  CHECK(network.reports[0].second == PeerReport{7777, false, network.reports[0].first});
  // A turn each ten milliseconds, and one look more for each probe.
  CHECK(network.looks <= 1200 * PeerProbes::kLooksAtOnce + 2 * kTunnels);
}

}  // namespace
}  // namespace sluice::dataplane
