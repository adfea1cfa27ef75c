// The life of a neighbour: asked for, found, confirmed, lost; and the packets
// that wait for it.
#include "dataplane/slowpath/neighbor_fixture.h"

namespace sluice::dataplane {
namespace {

using namespace testing;

std::vector<NeighborState> States(const NeighborOutputs& outputs) {
  std::vector<NeighborState> states;
  for (const NeighborUpdate& update : Of<NeighborUpdate>(outputs)) states.push_back(update.state);
  return states;
}
using StateList = std::vector<NeighborState>;

TEST_CASE("a packet for an unknown host is held, the host asked for, and the packet released by the reply") {
  for (const bool ipv4 : {true, false}) {
    const char* const host = ipv4 ? "10.0.0.9" : "2001:db8::9";
    DYNAMIC_SECTION(host) {
      Link link = Link::Quiet();
      const auto asked = SentIn(link.Unresolved(host, 41));
      REQUIRE(asked.size() == 1);
      CHECK(link.resolution.held_count() == 1);
      if (ipv4) {
        CHECK(asked[0].to == kBroadcastMac);
        CHECK((*asked[0].arp == Request(kOurMac, "10.0.0.1", "10.0.0.9")));
      } else {
        CHECK(asked[0].to == Mac("33:33:ff:00:00:09"));
        CHECK(asked[0].nd->link_layer == kOurMac);
        CHECK(net::Address(asked[0].nd->source) == Ip("2001:db8::1"));
      }
      const auto answered = ipv4 ? link.Arp(Reply(kPeerMac, host)) : link.Nd(Advertisement(host));
      CHECK((States(answered) == StateList{NeighborState::kReachable}));
      CHECK((Of<ReleasePacket>(answered) == std::vector{ReleasePacket{41, kLink, kPeerMac}}));
      CHECK(link.resolution.held_count() == 0);
      // The worker that asked before it saw the answer gets its packet back at once.
      CHECK((link.Unresolved(host, 42) == NeighborOutputs{ReleasePacket{42, kLink, kPeerMac}}));
    }
  }
}

TEST_CASE("a host that never answers is asked three times, then its packets are unreachable") {
  Link link = Link::Quiet();
  auto out = link.Unresolved("10.0.0.9", 1);
  const auto later = link.After(seconds(12));
  out.insert(out.end(), later.begin(), later.end());
  CHECK(SentIn(out).size() == 3);
  CHECK((Of<UnreachablePacket>(out) == std::vector{UnreachablePacket{1}}));
  CHECK(link.resolution.counters().failed == 1);
}

TEST_CASE("a failed host is not asked for again at once, and forgotten after a while") {
  Link link = Link::Quiet();
  link.Unresolved("10.0.0.9", 1);
  while (link.resolution.counters().failed == 0) link.After(milliseconds(10));
  CHECK((link.Unresolved("10.0.0.9", 2) == NeighborOutputs{UnreachablePacket{2}}));
  const auto forgotten = Of<NeighborUpdate>(link.After(seconds(4)));
  REQUIRE(forgotten.size() == 1);
  CHECK(forgotten[0].removed);
  CHECK(SentIn(link.Unresolved("10.0.0.9", 3)).size() == 1);
}

TEST_CASE("the hold queue keeps the newest packets of a neighbour and of a tenant") {
  NeighborSettings settings;
  settings.held_per_neighbor = 2;
  settings.held_per_tenant = 3;
  Link link = Link::Quiet(settings);
  link.Unresolved("10.0.0.9", 1);
  link.Unresolved("10.0.0.9", 2);
  CHECK((link.Unresolved("10.0.0.9", 3) == NeighborOutputs{DiscardPacket{1}}));
  link.Unresolved("10.0.0.10", 4);
  CHECK((Of<DiscardPacket>(link.Unresolved("10.0.0.11", 5)) == std::vector{DiscardPacket{2}}));
  const auto released = Of<ReleasePacket>(link.Arp(Reply(kPeerMac, "10.0.0.9")));
  CHECK((released == std::vector{ReleasePacket{3, kLink, kPeerMac}}));
}

TEST_CASE("tenants whose packets wait for one next hop have caps of their own") {
  NeighborSettings settings;
  settings.held_per_neighbor = 2;
  settings.held_per_tenant = 3;
  Link link = Link::Quiet(settings);
  link.Unresolved("10.0.0.9", 1, 5);
  for (PacketHandle packet = 10; packet < 20; ++packet) link.Unresolved("10.0.0.9", packet, 4);
  for (PacketHandle packet = 20; packet < 30; ++packet) link.Unresolved("10.0.0.10", packet, 4);
  CHECK(Of<DiscardPacket>(link.Unresolved("10.0.0.9", 2, 5)).empty());
  CHECK(link.resolution.held().CountOf(4) == 3);
  CHECK(link.resolution.held().CountOf(5) == 2);
  SECTION("both get what they have there when it answers") {
    const auto released = Of<ReleasePacket>(link.Arp(Reply(kPeerMac, "10.0.0.9")));
    CHECK((released == std::vector{ReleasePacket{19, kLink, kPeerMac}, ReleasePacket{1, kLink, kPeerMac},
                                   ReleasePacket{2, kLink, kPeerMac}}));
  }
  SECTION("what was taken out does not come back") {
    CHECK(link.resolution.held().TakeOldest(5) == PacketHandle{1});
    CHECK(link.resolution.held().TakeOldest(5) == PacketHandle{2});
    CHECK(!link.resolution.held().TakeOldest(5));
    const auto released = Of<ReleasePacket>(link.Arp(Reply(kPeerMac, "10.0.0.9")));
    CHECK((released == std::vector{ReleasePacket{19, kLink, kPeerMac}}));
  }
  SECTION("all are told when it does not") {
    CHECK(Of<UnreachablePacket>(link.After(seconds(60))).size() == 5);
    CHECK(link.resolution.held_count() == 0);
  }
}

TEST_CASE("a reachable neighbour that nobody watches grows stale, is asked and forgotten when silent") {
  Link link = Link::Quiet();
  link.Unresolved("10.0.0.9", 1);
  link.Arp(Reply(kPeerMac, "10.0.0.9"));
  CHECK((States(link.After(seconds(46))) == StateList{NeighborState::kStale}));
  const auto out = link.After(seconds(80));
  CHECK(States(out).front() == NeighborState::kProbe);
  CHECK(SentIn(out).size() == 3);
  CHECK(SentIn(out)[0].to == kPeerMac);
  CHECK(Of<NeighborUpdate>(out).back().removed);
  CHECK(link.resolution.neighbor_count() == 0);
}

TEST_CASE("a watched next hop is resolved without traffic and probed before it grows stale") {
  Link link = Link::Quiet();
  CHECK(SentIn(link.Give(NextHopWatch{kLink, Ip("10.0.0.9"), true})).size() == 1);
  link.Arp(Reply(kPeerMac, "10.0.0.9"));
  for (int round = 0; round < 5; ++round) {
    NeighborOutputs out;
    while (SentIn(out).empty()) out = link.After(milliseconds(100));
    CHECK((States(out) == StateList{NeighborState::kProbe}));
    CHECK((States(link.Arp(Reply(kPeerMac, "10.0.0.9"))) == StateList{NeighborState::kReachable}));
  }
}

TEST_CASE("a watched next hop that dies loses its MAC, is asked for ever more rarely and comes back") {
  Link link = Link::Quiet();
  link.Give(NextHopWatch{kLink, Ip("10.0.0.9"), true});
  link.Arp(Reply(kPeerMac, "10.0.0.9"));
  NeighborOutputs out;
  while (link.resolution.counters().failed == 0) out = link.After(milliseconds(100));
  CHECK((Of<NeighborUpdate>(out).back() ==
         NeighborUpdate{kLink, Ip("10.0.0.9"), NeighborState::kFailed, std::nullopt, false}));
  CHECK((link.Unresolved("10.0.0.9", 5) == NeighborOutputs{UnreachablePacket{5}}));
  const size_t first_minute = SentIn(link.After(seconds(60))).size();
  CHECK(first_minute >= 5);
  CHECK(first_minute <= 9);
  CHECK(SentIn(link.After(seconds(60))).size() <= 4);
  CHECK((States(link.Arp(Reply(kOtherMac, "10.0.0.9"))) == StateList{NeighborState::kReachable}));
}

TEST_CASE("a next hop that is no longer watched lives on like any other") {
  Link link = Link::Quiet();
  link.Give(NextHopWatch{kLink, Ip("10.0.0.9"), true});
  link.Arp(Reply(kPeerMac, "10.0.0.9"));
  link.Give(NextHopWatch{kLink, Ip("10.0.0.9"), false});
  CHECK((States(link.After(seconds(46))) == StateList{NeighborState::kStale}));
}

TEST_CASE("advertisements change an entry as RFC 4861 section 7.2.5 says") {
  struct Row {
    const char* what;
    bool same_mac, solicited, overrides;
    StateList states;
    bool new_mac;
  };
  // For a reachable entry; solicited counts only while we ask, which we do not.
  const Row rows[] = {
      {"same MAC, unsolicited", true, false, true, {}, false},
      {"same MAC, solicited but not asked for", true, true, true, {}, false},
      {"other MAC without override", false, false, false, {NeighborState::kStale}, false},
      {"other MAC with override", false, false, true, {NeighborState::kStale}, true},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      Link link = Link::Quiet();
      link.Unresolved("2001:db8::9", 1);
      link.Nd(Advertisement("2001:db8::9"));
      NdPacket packet = Advertisement("2001:db8::9", row.solicited, row.overrides);
      if (!row.same_mac) packet.link_layer = kOtherMac;
      const auto out = link.Nd(packet);
      CHECK(States(out) == row.states);
      if (!out.empty()) CHECK(*Of<NeighborUpdate>(out)[0].mac == (row.new_mac ? kOtherMac : kPeerMac));
    }
  }
}

TEST_CASE("advertisements for an incomplete entry need a MAC, and resolve it as stale if unsolicited") {
  Link link = Link::Quiet();
  link.Unresolved("2001:db8::9", 1);
  NdPacket bare = Advertisement("2001:db8::9");
  bare.link_layer.reset();
  CHECK(link.Nd(bare).empty());
  const auto out = link.Nd(Advertisement("2001:db8::9", false));
  CHECK((States(out) == StateList{NeighborState::kStale}));
  CHECK(Of<ReleasePacket>(out).size() == 1);
}

TEST_CASE("a gratuitous ARP moves a known neighbour and makes no new one") {
  Link link = Link::Quiet();
  CHECK(link.Arp(Request(kPeerMac, "10.0.0.9", "10.0.0.9")).empty());
  link.Unresolved("10.0.0.9", 1);
  link.Arp(Reply(kPeerMac, "10.0.0.9"));
  const auto moved = Of<NeighborUpdate>(link.Arp(Request(kOtherMac, "10.0.0.9", "10.0.0.9")));
  REQUIRE(moved.size() == 1);
  CHECK((moved[0] == NeighborUpdate{kLink, Ip("10.0.0.9"), NeighborState::kStale, kOtherMac, false}));
}

TEST_CASE("a static entry answers at once, is never asked for and not moved by packets") {
  Link link = Link::Quiet();
  const auto set = link.Give(StaticNeighbor{kLink, Ip("10.0.0.9"), kPeerMac});
  CHECK((States(set) == StateList{NeighborState::kStatic}));
  CHECK((link.Unresolved("10.0.0.9", 1) == NeighborOutputs{ReleasePacket{1, kLink, kPeerMac}}));
  CHECK(Of<NeighborUpdate>(link.Arp(Request(kOtherMac, "10.0.0.9", "10.0.0.1"))).empty());
  const auto later = link.After(seconds(3600));
  CHECK(SentIn(later).empty());
  CHECK(States(later).empty());
  CHECK(Of<NeighborUpdate>(link.Give(StaticNeighbor{kLink, Ip("10.0.0.9"), std::nullopt}))[0].removed);
  CHECK(link.resolution.neighbor_count() == 0);
}

TEST_CASE("a static entry for a held host releases what waits") {
  Link link = Link::Quiet();
  link.Unresolved("10.0.0.9", 1);
  CHECK(Of<ReleasePacket>(link.Give(StaticNeighbor{kLink, Ip("10.0.0.9"), kPeerMac})).size() == 1);
}

TEST_CASE("an interface that goes down gives its packets back and keeps its watches") {
  Link link = Link::Quiet();
  link.Give(NextHopWatch{kLink, Ip("10.0.0.9"), true});
  link.Arp(Reply(kPeerMac, "10.0.0.9"));
  link.Unresolved("10.0.0.10", 1);
  InterfaceChange down = LinkUp();
  down.up = false;
  const auto out = link.Give(down);
  CHECK((Of<DiscardPacket>(out) == std::vector{DiscardPacket{1, DropReason::kInterfaceDown}}));
  CHECK(link.resolution.neighbor_count() == 1);
  CHECK((link.Unresolved("10.0.0.9", 2) == NeighborOutputs{DiscardPacket{2, DropReason::kInterfaceDown}}));
  CHECK(link.After(seconds(600)).empty());
  const auto up = SentIn(link.Give(LinkUp()));
  CHECK(std::count_if(up.begin(), up.end(), [](const Sent& sent) {
          return sent.arp && sent.arp->target_ip == Ip("10.0.0.9").v4();
        }) == 1);
}

TEST_CASE("when the carrier returns we announce ourselves and confirm whom we knew") {
  Link link = Link::Quiet();
  link.Unresolved("10.0.0.9", 1);
  link.Arp(Reply(kPeerMac, "10.0.0.9"));
  NeighborOutputs out;
  link.resolution.HandleLinkUp(link.now, 2, out);
  CHECK((States(out) == StateList{NeighborState::kProbe}));
  CHECK(SentIn(out).size() == 6);
  out.clear();
  link.resolution.HandleLinkUp(link.now, 3, out);
  CHECK(out.empty());
}

TEST_CASE("a scan of the subnet takes half of the tenant's neighbours and no more") {
  NeighborSettings settings;
  settings.limits.neighbors_per_vrf = 16;
  Link link = Link::Quiet(settings);
  unsigned unreachable = 0;
  for (int host = 2; host < 100; ++host)
    unreachable +=
        Of<UnreachablePacket>(link.Unresolved(("10.0.0." + std::to_string(host)).c_str(), host)).size();
  CHECK(link.resolution.neighbor_count() == 8);
  CHECK(unreachable == 90);
  CHECK(link.resolution.limit_refusals() == 90);
  // Stations that speak to us still fit, and so do control's next hops.
  CHECK(Of<NeighborUpdate>(link.Arp(Request(kPeerMac, "10.0.0.200", "10.0.0.1"))).size() == 1);
  CHECK(SentIn(link.Give(NextHopWatch{kLink, Ip("10.0.0.201"), true})).size() == 1);
}

TEST_CASE("solicitations beyond the interface's budget are late, not lost") {
  NeighborSettings settings;
  settings.solicitations_per_second = 5;
  Link link = Link::Quiet(settings);
  for (int host = 10; host < 30; ++host)
    link.Unresolved(("10.0.0." + std::to_string(host)).c_str(), static_cast<PacketHandle>(host));
  CHECK(link.resolution.counters().solicitations_sent == 5);
  link.After(seconds(60));
  CHECK(link.resolution.counters().solicitations_sent == 60);
  CHECK(link.resolution.counters().failed == 20);
}

}  // namespace
}  // namespace sluice::dataplane
