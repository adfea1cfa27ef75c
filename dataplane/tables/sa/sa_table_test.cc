// The SAD, the outbound policies, and what is refused.
#include "dataplane/tables/sa/sa_table.h"

#include <catch2/catch.hpp>

#include "dataplane/tables/fib/fake_reclaimer.h"
#include "dataplane/tables/test_limits.h"

namespace sluice::dataplane {
namespace {

using channel::Limit;
using channel::RefusalReason;

net::Address A(const char* text) {
  return net::Address::Parse(text).value();
}

const SaEndpoints kEnds{A("192.0.2.1"), A("198.51.100.2")};
constexpr uint32_t kSpi = 0x01050007;

SaDescription Inbound(SaId id, uint32_t spi) {
  return {.id = id,
          .direction = EspDirection::kInbound,
          .tunnel = 4,
          .spi = spi,
          .window = 64,
          .endpoints = kEnds};
}

SaDescription Outbound(SaId id, uint32_t spi) {
  return {.id = id, .tunnel = 4, .spi = spi, .slot = 5, .endpoints = kEnds};
}

TrafficSelector To(const char* remote) {
  const SelectorAddress only = SelectorAddress::Of(A(remote));
  return {.family = 4, .local = {{0, 0}, {0, 0xffffffff}}, .remote = {only, only}};
}

SelectorFields PacketTo(const char* remote) {
  return {.family = 4, .protocol = 17, .local = {0, 1}, .remote = SelectorAddress::Of(A(remote))};
}

struct Fixture {
  fib::FakeReclaimer reclaimer;
  Retirement retirement{reclaimer, 8};
  SaTable table{{.limits = testing::kFewTenants, .workers = 2}, retirement};
  MultiBuffer library = MultiBuffer::Create().value();
  std::vector<uint8_t> key = std::vector<uint8_t>(20, 7);

  WriteResult Put(const SaDescription& wanted) { return table.Put(wanted, library, {key, {}}); }
  ~Fixture() { retirement.ReleaseAll(); }
};

}  // namespace

TEST_CASE("an inbound SA is found by its SPI alone, in however large a slot") {
  Fixture to;
  const uint32_t spis[] = {kSpi, 0x01050000, 0x010500ff, 0x01051000, 0x0105ffff, 0x01060007, 0x02050008};
  SaId id = 0;
  for (const uint32_t spi : spis) REQUIRE(to.Put(Inbound(++id, spi)).ok());
  id = 0;
  for (const uint32_t spi : spis) {
    REQUIRE(to.table.FindInbound(spi) != nullptr);
    CHECK(to.table.FindInbound(spi)->id == ++id);
  }
  CHECK(to.table.FindInbound(0x01050008) == nullptr);  // the home is another's
  CHECK(to.table.FindInbound(0x02050007) == nullptr);
  CHECK(to.table.FindInbound(0x01070007) == nullptr);  // a slot without any
  CHECK(to.table.FindInbound(0) == nullptr);
  CHECK(to.table.used() == 7);
  REQUIRE(to.table.Remove(1).ok());
  CHECK(to.table.FindInbound(kSpi) == nullptr);
  CHECK(to.table.Remove(1).reason() == RefusalReason::kNotFound);
}

TEST_CASE("what no SA may be is refused, and nothing is left of it") {
  Fixture to;
  REQUIRE(to.Put(Inbound(1, kSpi)).ok());
  const auto refused = [&](SaDescription wanted, auto change) {
    change(wanted);
    const WriteResult put = to.Put(wanted);
    CHECK(to.table.used() == 1);
    return put.ok() ? RefusalReason{} : put.reason();
  };
  const SaDescription in = Inbound(2, 0x01050008), out = Outbound(2, 0x5000);
  CHECK(refused(in, [](auto& sa) { sa.id = 0; }) == RefusalReason::kOutOfRange);
  CHECK(refused(in, [](auto& sa) { sa.id = 65; }) == RefusalReason::kLimit);
  CHECK(refused(in, [](auto& sa) { sa.tunnel = 0; }) == RefusalReason::kOutOfRange);
  CHECK(refused(in, [](auto& sa) { sa.tunnel = 65; }) == RefusalReason::kOutOfRange);
  CHECK(refused(in, [](auto& sa) { sa.spi = 0x00050008; }) == RefusalReason::kOutOfRange);
  CHECK(refused(out, [](auto& sa) { sa.spi = 255; }) == RefusalReason::kOutOfRange);
  CHECK(refused(in, [](auto& sa) { sa.spi = kSpi; }) == RefusalReason::kConflict);
  CHECK(refused(in, [](auto& sa) { sa.spi = 0x02050007; }) == RefusalReason::kConflict);  // the same place
  CHECK(refused(in, [](auto& sa) { sa.window = 31; }) == RefusalReason::kOutOfRange);
  CHECK(refused(in, [](auto& sa) { sa.window = 4097; }) == RefusalReason::kOutOfRange);
  CHECK(refused(out, [](auto& sa) { sa.window = 64; }) == RefusalReason::kOutOfRange);
  CHECK(refused(in, [](auto& sa) { sa.endpoints.remote = A("2001:db8::1"); }) == RefusalReason::kOutOfRange);
  CHECK(refused(in, [](auto& sa) { sa.endpoints.local_port = 4500; }) == RefusalReason::kOutOfRange);
  CHECK(refused(in, [](auto& sa) { sa.udp = true; }) == RefusalReason::kOutOfRange);
  CHECK(refused(in, [](auto& sa) { sa.suite = EspSuiteId::kAes256Gcm; }) == RefusalReason::kOutOfRange);
  CHECK(refused(in, [](auto& sa) { sa.selectors.assign(9, To("10.0.0.1")); }) == RefusalReason::kOutOfRange);
  CHECK(refused(in, [](auto& sa) { sa.id = 1; }) == RefusalReason::kConflict);  // another SPI
  CHECK(to.table.FindInbound(0x01050008) == nullptr);
  const WriteResult limit = to.Put(Inbound(65, 0x01050008));
  CHECK(limit.limit() == Limit::kSas);
  CHECK(limit.value() == 64);
}

TEST_CASE("an SA that is stated again keeps its counters, numbers and window, without its keys") {
  Fixture to;
  SaDescription out = Outbound(1, 0x5000), in = Inbound(2, kSpi);
  REQUIRE(to.Put(out).ok());
  REQUIRE(to.Put(in).ok());
  REQUIRE(to.table.PutPolicies(4, std::vector<OutboundPolicy>{{{}, 1}}).ok());
  OutboundSa& sending = *to.table.PoliciesOf(4)->only();
  InboundSa& receiving = *to.table.FindInbound(kSpi);
  CHECK(sending.sequence.Take(sending.mark) == 1);
  CHECK(receiving.window.Advance(77) == ReplayVerdict::kFresh);
  sending.usage.CountPacket(100);
  out.endpoints.remote = in.endpoints.remote = A("203.0.113.9");
  to.table.Raise(receiving.usage, kSaPeerMoved);
  to.table.Raise(receiving.usage, kSaInboundUsed);
  for (const SaDescription& sa : {out, in}) REQUIRE(to.table.Put(sa, to.library, {}).ok());
  CHECK(to.table.PoliciesOf(4)->only() == &sending);
  CHECK(sending.sequence.Take(sending.mark) == 2);
  CHECK(sending.usage.packets == 1);
  CHECK(sending.outer.load()->remote == A("203.0.113.9").v4().value);
  CHECK(receiving.window.highest() == 77);
  const uint8_t moved_to[4] = {203, 0, 113, 9}, before[4] = {198, 51, 100, 2};
  CHECK(receiving.endpoints.RemoteIs(moved_to, true, 0));
  CHECK(!receiving.endpoints.RemoteIs(before, true, 0));
  CHECK(receiving.usage.state == kSaInboundUsed);
  SaDescription other = out;
  other.esn = true;
  CHECK(to.Put(other).reason() == RefusalReason::kConflict);
}

TEST_CASE("policies hold in their order; without an SA a packet is dropped and one is asked for") {
  Fixture to;
  REQUIRE(to.Put(Outbound(1, 0x5000)).ok());
  REQUIRE(to.Put(Outbound(2, 0x5001)).ok());
  CHECK(to.table.PoliciesOf(4) == nullptr);
  const std::vector<OutboundPolicy> three{{{To("10.2.0.1")}, 1}, {{To("10.2.0.2")}, kNoSa}, {{}, 2}};
  REQUIRE(to.table.PutPolicies(4, three).ok());
  const OutboundPolicies& policies = *to.table.PoliciesOf(4);
  CHECK(policies.only() == nullptr);
  CHECK(policies.Choose(PacketTo("10.2.0.1")).sa->id == 1);
  CHECK(policies.Choose(PacketTo("10.2.0.3")).sa->id == 2);
  const auto missing = policies.Choose(PacketTo("10.2.0.2"));
  CHECK(missing.sa == nullptr);
  CHECK(missing.policy == 1);
  const uint32_t before = to.table.events();
  to.table.Missed(0, 4, missing.policy);
  to.table.Missed(1, 4, missing.policy);
  CHECK(to.table.AcquiresOf(4) == 2);
  CHECK(to.table.events() == before + 1);
  CHECK(to.table.MissesOf(4).no_sa == 2);

  REQUIRE(to.table.PutPolicies(4, std::vector<OutboundPolicy>{{{To("10.2.0.1")}, 1}, {{To("10.2.0.2")}, 2}})
              .ok());
  CHECK(to.table.AcquiresOf(4) == 0);
  const auto nothing = to.table.PoliciesOf(4)->Choose(PacketTo("10.2.0.3"));
  CHECK(nothing.sa == nullptr);
  CHECK(nothing.policy == kPoliciesMax);
  to.table.Missed(0, 4, nothing.policy);
  CHECK(to.table.MissesOf(4).no_policy == 1);
  CHECK(to.table.AcquiresOf(4) == 0);
}

TEST_CASE("an SA that a policy names stays, and so does a tunnel that has SAs") {
  Fixture to;
  REQUIRE(to.Put(Outbound(1, 0x5000)).ok());
  SaDescription of_another = Outbound(2, 0x5001);
  of_another.tunnel = 5;
  REQUIRE(to.Put(of_another).ok());
  const auto put = [&](std::vector<OutboundPolicy> policies) { return to.table.PutPolicies(4, policies); };
  CHECK(put({{{}, 3}}).reason() == RefusalReason::kNotFound);
  CHECK(put({{{}, 2}}).reason() == RefusalReason::kNotFound);
  CHECK(put(std::vector<OutboundPolicy>(65)).reason() == RefusalReason::kOutOfRange);
  REQUIRE(put({{{}, 1}}).ok());
  CHECK(to.table.PoliciesOf(4)->only()->id == 1);
  CHECK(to.table.Remove(1).reason() == RefusalReason::kInUse);
  CHECK(to.table.RemoveTunnel(4).reason() == RefusalReason::kInUse);
  REQUIRE(put({{{}, kNoSa}}).ok());
  REQUIRE(to.table.Remove(1).ok());
  REQUIRE(to.table.RemoveTunnel(4).ok());
  CHECK(to.table.PoliciesOf(4) == nullptr);
  CHECK(to.table.DescribePolicies(4).empty());
}

TEST_CASE("lifetimes end by packets, by bytes and by time, soft before hard") {
  Fixture to;
  SaDescription out = Outbound(1, 0x5000);
  out.soft = {.packets = 3, .bytes = 1000};
  out.hard = {.packets = 5, .bytes = 2000};
  REQUIRE(to.Put(out).ok());
  REQUIRE(to.table.PutPolicies(4, std::vector<OutboundPolicy>{{{}, 1}}).ok());
  OutboundSa& sa = *to.table.PoliciesOf(4)->only();
  const auto count = [&](uint32_t bytes) {
    if (sa.usage.CountPacket(bytes)) to.table.Outlived(sa.rules, sa.usage);
    return sa.usage.state.load();
  };
  CHECK(count(10) == 0);
  CHECK(count(10) == 0);
  CHECK(count(10) == kSaSoftExpired);
  CHECK(!sa.usage.stopped());
  CHECK(count(1970) == (kSaSoftExpired | kSaHardExpired));
  CHECK(sa.usage.stopped());

  SaDescription in = Inbound(2, kSpi);
  in.soft.deadline = 100;
  in.hard.deadline = 200;
  REQUIRE(to.Put(in).ok());
  const auto state = [&] { return to.table.FindInbound(kSpi)->usage.state.load(); };
  to.table.Expire(99);
  CHECK(state() == 0);
  to.table.Expire(100);
  CHECK(state() == kSaSoftExpired);
  in.hard.deadline = 300;
  REQUIRE(to.Put(in).ok());
  to.table.Expire(299);
  CHECK(state() == kSaSoftExpired);
  to.table.Expire(300);
  CHECK(state() == (kSaSoftExpired | kSaHardExpired));
  REQUIRE(to.table.Remove(2).ok());
  to.table.Expire(1000);
}

TEST_CASE("removals wait for the workers, and at the limit of waiting ones nothing is removed") {
  Fixture to;
  to.reclaimer.hold = true;
  for (SaId id = 1; id <= 9; ++id) REQUIRE(to.Put(Outbound(id, 0x5000 + id)).ok());
  for (SaId id = 1; id <= 8; ++id) REQUIRE(to.table.Remove(id).ok());
  CHECK(to.table.Remove(9).limit() == Limit::kPendingRemovals);
  CHECK(to.table.MoveEndpoints(9, kEnds).limit() == Limit::kPendingRemovals);
  to.reclaimer.hold = false;
  to.retirement.Reclaim();
  CHECK(to.table.Remove(9).ok());
}

TEST_CASE("the outer header carries addresses, ports and a sum that completes") {
  const OuterHeader ipv4(kEnds, 0x1234, false);
  CHECK(ipv4.bytes == 20);
  const uint8_t* ip = ipv4.header.data() + OuterHeader::kRoom - ipv4.bytes;
  CHECK(ip[0] == 0x45);
  CHECK(ip[9] == 50);
  CHECK(ipv4.remote == A("198.51.100.2").v4().value);
  const OuterHeader udp({A("2001:db8::1"), A("2001:db8::2"), 4500, 40000}, 0xfff12345, true);
  CHECK(udp.bytes == 48);
  ip = udp.header.data() + OuterHeader::kRoom - udp.bytes;
  CHECK(ip[0] == 0x60);
  CHECK(ip[1] == 0x01);  // the flow label
  CHECK(ip[3] == 0x45);
  CHECK(ip[6] == 17);
  CHECK(ip[23] == 1);
  CHECK(ip[39] == 2);
  CHECK((ip[40] << 8 | ip[41]) == 4500);
  CHECK((ip[42] << 8 | ip[43]) == 40000);
}

}  // namespace sluice::dataplane
