// What we answer, announce, defend and learn from packets of others.
#include "dataplane/slowpath/neighbor_fixture.h"

namespace sluice::dataplane {
namespace {

using namespace testing;

TEST_CASE("an ARP request for our address is answered to its sender, on its VLAN") {
  Link link = Link::Quiet();
  const auto out = link.Arp(Request(kPeerMac, "10.0.0.9", "10.0.0.1"));
  const auto sent = SentIn(out);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].to == kPeerMac);
  CHECK((*sent[0].arp ==
         ArpPacket{ArpOperation::kReply, kOurMac, Ip("10.0.0.1").v4(), kPeerMac, Ip("10.0.0.9").v4()}));
  const SendFrame frame = Of<SendFrame>(out)[0];
  CHECK(frame.port == 2);
  CHECK(frame.bytes[15] == 100);
}

TEST_CASE("ARP requests that are not for us get no answer") {
  struct Row {
    const char* what;
    ArpPacket packet;
  };
  const Row rows[] = {
      {"another host", Request(kPeerMac, "10.0.0.9", "10.0.0.2")},
      {"an address beyond our subnet", Request(kPeerMac, "10.0.0.9", "192.0.2.1")},
      {"our own frame, reflected", Request(kOurMac, "10.0.0.1", "10.0.0.1")},
      {"an announcement", Request(kPeerMac, "10.0.0.9", "10.0.0.9")},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      Link link = Link::Quiet();
      CHECK(link.Arp(row.packet).empty());
      CHECK(link.resolution.neighbor_count() == 0);
    }
  }
}

TEST_CASE("an ARP probe for our address is answered without learning from it") {
  Link link = Link::Quiet();
  CHECK(SentIn(link.Arp(Request(kPeerMac, "0.0.0.0", "10.0.0.1"))).size() == 1);
  CHECK(link.resolution.neighbor_count() == 0);
}

TEST_CASE("a requester in our subnet is learned as stale, one beyond it is not") {
  Link link = Link::Quiet();
  const auto updates = Of<NeighborUpdate>(link.Arp(Request(kPeerMac, "10.0.0.9", "10.0.0.1")));
  REQUIRE(updates.size() == 1);
  CHECK((updates[0] == NeighborUpdate{kLink, Ip("10.0.0.9"), NeighborState::kStale, kPeerMac, false}));
  const auto off_link = link.Arp(Request(kPeerMac, "192.0.2.9", "10.0.0.1"));
  CHECK(Of<NeighborUpdate>(off_link).empty());
  CHECK(SentIn(off_link).size() == 1);
}

TEST_CASE("a solicitation for our global or link-local address is answered with flags R, S and O") {
  for (const char* target : {"2001:db8::1", "fe80::ff:fe00:1"}) {
    DYNAMIC_SECTION(target) {
      Link link = Link::Quiet();
      const auto sent = SentIn(link.Nd(Solicitation("2001:db8::9", target)));
      REQUIRE(sent.size() == 1);
      const NdPacket& answer = *sent[0].nd;
      CHECK(sent[0].to == kPeerMac);
      CHECK(answer.kind == NdKind::kAdvertisement);
      CHECK(net::Address(answer.target) == Ip(target));
      CHECK(net::Address(answer.destination) == Ip("2001:db8::9"));
      CHECK(answer.link_layer == kOurMac);
      CHECK((answer.router && answer.solicited && answer.override_cached));
    }
  }
}

TEST_CASE("somebody's duplicate address detection for our address is answered to all nodes") {
  Link link = Link::Quiet();
  NdPacket detection = Solicitation("2001:db8::9", "2001:db8::1");
  detection.source = {};
  detection.link_layer.reset();
  const auto sent = SentIn(link.Nd(detection));
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].to == Mac("33:33:00:00:00:01"));
  CHECK_FALSE(sent[0].nd->solicited);
  CHECK(link.resolution.neighbor_count() == 0);
}

TEST_CASE("solicitations for others get no answer") {
  Link link = Link::Quiet();
  CHECK(link.Nd(Solicitation("2001:db8::9", "2001:db8::2")).empty());
}

// What Linux sends for a packet whose source address is of another prefix.
TEST_CASE("a solicitation from an address beyond the link is answered to its sender and not learned") {
  Link link = Link::Quiet();
  for (const bool with_option : {true, false}) {
    NdPacket question = Solicitation("2001:db9::9", "2001:db8::1");
    if (!with_option) question.link_layer.reset();
    const auto out = link.Nd(question);
    const auto sent = SentIn(out);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].to == kPeerMac);
    CHECK(sent[0].nd->solicited);
    CHECK(net::Address(sent[0].nd->destination) == Ip("2001:db9::9"));
    CHECK(Of<NeighborUpdate>(out).empty());
  }
  CHECK(link.resolution.neighbor_count() == 0);
}

TEST_CASE("an interface without IPv6 address has no link-local address either") {
  Link link;
  InterfaceChange ipv4_only = LinkUp();
  ipv4_only.addresses.pop_back();
  link.Give(ipv4_only);
  CHECK(link.Nd(Solicitation("fe80::9", "fe80::ff:fe00:1")).empty());
}

TEST_CASE("new addresses are announced: ARP twice, ND by a probe and three advertisements") {
  Link link;
  auto out = link.Give(LinkUp());
  const auto first = SentIn(out);
  // 10.0.0.1 once; 2001:db8::1 and the link-local one with a probe each.
  REQUIRE(first.size() == 5);
  CHECK(first[0].to == kBroadcastMac);
  CHECK(first[0].arp->IsAnnouncement());
  CHECK(first[1].nd->kind == NdKind::kSolicitation);
  CHECK(first[1].nd->source.IsZero());
  CHECK(first[2].nd->kind == NdKind::kAdvertisement);
  CHECK_FALSE(first[2].nd->solicited);
  CHECK(SentIn(link.After(seconds(10))).size() == 1 + 2 * 2);
  CHECK(SentIn(link.After(seconds(3600))).empty());
}

TEST_CASE("the solicited-node groups of our addresses are reported, and again before queriers forget") {
  using Groups = std::vector<net::Ipv6Address>;
  const Groups ours = {Ip("ff02::1:ff00:1").v6(), Ip("ff02::1:ff00:1").v6()};
  Link link;
  CHECK(ReportedGroups(link.Give(LinkUp())) == ours);
  CHECK(ReportedGroups(link.After(seconds(10))).size() == 4);
  CHECK(ReportedGroups(link.After(seconds(120))) == ours);
  CHECK(ReportedGroups(link.After(seconds(125))) == ours);
  InterfaceChange ipv4_only = LinkUp();
  ipv4_only.addresses.pop_back();
  link.Give(ipv4_only);
  CHECK(link.After(seconds(3600)).empty());
}

TEST_CASE("an address that is added later is announced alone, a removed one falls silent") {
  Link link = Link::Quiet();
  InterfaceChange change = LinkUp();
  change.addresses.push_back(*net::InterfaceAddress::Parse("10.0.1.1/24"));
  const auto sent = SentIn(link.Give(change));
  REQUIRE(sent.size() == 1);
  CHECK(net::Address(sent[0].arp->sender_ip) == Ip("10.0.1.1"));
  link.Give(LinkUp());
  CHECK(link.After(seconds(10)).empty());
  CHECK(link.Arp(Request(kPeerMac, "10.0.0.9", "10.0.1.1")).empty());
}

TEST_CASE("a station that claims our address is reported and answered once in ten seconds") {
  Link link = Link::Quiet();
  for (const bool arp : {true, false}) {
    const char* const own = arp ? "10.0.0.1" : "2001:db8::1";
    const auto claim = [&] {
      return arp ? link.Arp(Request(kPeerMac, "10.0.0.1", "10.0.0.1"))
                 : link.Nd(Advertisement("2001:db8::1", false));
    };
    const auto out = claim();
    REQUIRE(Of<DuplicateAddressReport>(out).size() == 1);
    CHECK((Of<DuplicateAddressReport>(out)[0] == DuplicateAddressReport{kLink, Ip(own), kPeerMac}));
    CHECK(SentIn(out).size() == 1);
    CHECK(claim().empty());
    link.After(seconds(10));
    CHECK(claim().size() == 2);
  }
  CHECK(link.resolution.counters().duplicate_addresses == 6);
}

TEST_CASE("a flood of requests is answered within the interface's budget, replies still count") {
  NeighborSettings settings;
  settings.requests_per_second = 10;
  Link link = Link::Quiet(settings);
  link.Unresolved("10.0.0.9", 1);
  unsigned answers = 0;
  for (int i = 0; i < 1000; ++i)
    answers += SentIn(link.Arp(Request(kOtherMac, "10.0.0.77", "10.0.0.1"))).size();
  CHECK(answers == 10);
  NeighborOutputs none;
  CHECK(link.resolution.HandleNd(link.now, kLink, kPeerMac,
                                 BuildNd(Solicitation("2001:db8::9", "2001:db8::1")),
                                 none) == DropReason::kNeighborRateLimited);
  CHECK(link.resolution.counters().requests_over_budget == 991);
  CHECK(Of<ReleasePacket>(link.Arp(Reply(kPeerMac, "10.0.0.9"))).size() == 1);
}

TEST_CASE("ARP and ND of which nothing comes say why") {
  NdPacket unasked = Advertisement("2001:db8::9");
  NdPacket ours = Solicitation("2001:db8::9", "2001:db8::1");
  struct Row {
    const char* what;
    std::optional<ArpPacket> arp;
    std::optional<NdPacket> nd;
    net::MacAddress from;
    DropReason reason;
  };
  const Row rows[] = {
      {"ARP for us", Request(kPeerMac, "10.0.0.9", "10.0.0.1"), {}, kPeerMac, DropReason::kNone},
      {"ARP for another",
       Request(kPeerMac, "10.0.0.9", "10.0.0.2"),
       {},
       kPeerMac,
       DropReason::kNeighborNotForUs},
      {"ARP reply unasked", Reply(kPeerMac, "10.0.0.9"), {}, kPeerMac, DropReason::kNeighborUnasked},
      {"ARP announcement of a stranger",
       Request(kPeerMac, "10.0.0.9", "10.0.0.9"),
       {},
       kPeerMac,
       DropReason::kNeighborUnasked},
      {"our own ARP", Request(kOurMac, "10.0.0.1", "10.0.0.9"), {}, kOurMac, DropReason::kNeighborReflected},
      {"ARP claiming our address",
       Request(kPeerMac, "10.0.0.1", "10.0.0.1"),
       {},
       kPeerMac,
       DropReason::kNone},
      {"solicitation for us", {}, ours, kPeerMac, DropReason::kNone},
      {"solicitation for another",
       {},
       Solicitation("2001:db8::9", "2001:db8::2"),
       kPeerMac,
       DropReason::kNeighborNotForUs},
      {"our own solicitation", {}, ours, kOurMac, DropReason::kNeighborReflected},
      {"advertisement unasked", {}, unasked, kPeerMac, DropReason::kNeighborUnasked},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      Link link = Link::Quiet();
      NeighborOutputs out;
      const DropReason reason =
          row.arp ? link.resolution.HandleArp(link.now, kLink, BuildArp(*row.arp), out)
                  : link.resolution.HandleNd(link.now, kLink, row.from, BuildNd(*row.nd), out);
      CHECK(NameOf(reason).name == std::string(NameOf(row.reason).name));
    }
  }
}

TEST_CASE("what is malformed or on no interface of ours is counted and dropped") {
  Link link = Link::Quiet();
  NeighborOutputs out;
  CHECK(link.resolution.HandleArp(link.now, kLink, {}, out) == DropReason::kNeighborMalformed);
  CHECK(link.resolution.HandleNd(link.now, kLink, kPeerMac, {}, out) == DropReason::kNeighborMalformed);
  CHECK(link.resolution.counters().malformed == 2);
  CHECK(link.resolution.HandleArp(link.now, 99, BuildArp(Request(kPeerMac, "10.0.0.9", "10.0.0.1")), out) ==
        DropReason::kInterfaceDown);
  CHECK(link.resolution.counters().unknown_interface == 1);
  CHECK(out.empty());
}

}  // namespace
}  // namespace sluice::dataplane
