// Frames are recognised eight to an instruction or one by one; nobody can tell which.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/graph/tenant_pair.h"

namespace sluice::testing {
namespace {

// Where everything ended. Odd frames of a burst leave after the ordinary ones, so only
// the set is the same; frames are strings because vectors in order make GCC 12 warn.
struct Outcome {
  std::multiset<std::string> sent[2];
  std::multiset<std::string> punted;
  std::map<std::string, uint64_t> drops;
  std::vector<uint64_t> counters;
};

std::string Text(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

template <class T>
T OneOf(std::mt19937& random, std::initializer_list<T> values) {
  return values.begin()[random() % values.size()];
}

// Half of them ordinary; the others have an odd field, or a wrong bit, or another length.
Bytes RandomFrame(TenantPair& tenant, std::mt19937& random) {
  if (random() % 16 == 0) return tenant.In().Ipv6({}).Udp(1, 2).frame();
  Ipv4Fields fields;
  fields.identification = static_cast<uint16_t>(random());
  fields.source = "10.1.0." + std::to_string(1 + random() % 250);
  fields.destination = "10.2." + std::to_string(random() % 256) + ".7";
  const unsigned kind = random() % 10;
  const uint16_t vlan = kind == 0 ? OneOf<uint16_t>(random, {11, 12, 4095, 0}) : uint16_t{10};
  if (kind == 1)
    fields.source = OneOf<std::string>(
        random, {"127.0.0.1", "0.1.2.3", "224.0.0.1", "239.1.1.1", "240.0.0.1", "169.254.1.1", "169.1.1.1",
                 "10.1.0.254", "10.9.0.254", "126.1.1.1", "223.1.1.1", "255.255.255.255"});
  if (kind == 2)
    fields.destination = OneOf<std::string>(random, {"127.0.0.1", "0.1.2.3", "224.0.0.1", "255.255.255.255",
                                                     "10.1.0.254", "10.1.0.9", "8.8.8.8", "169.254.0.1"});
  if (kind == 3) fields.ttl = static_cast<uint8_t>(random() % 3);
  Bytes frame = tenant.In(vlan).Ipv4(fields).Udp(1, 2, random() % 40).frame();
  if (kind == 4) {
    const size_t bit = random() % (38 * 8);
    frame[bit / 8] = static_cast<uint8_t>(frame[bit / 8] ^ 1 << bit % 8);
  }
  if (kind == 5) frame.resize(14 + random() % 60);
  return frame;
}

Outcome OutcomeOf(bool one_by_one, uint16_t burst, unsigned seed) {
  TenantPair tenant({.burst = burst, .one_by_one = one_by_one});
  tenant.AddInterface({.id = 3, .vrf = 1, .port = 0, .vlan = 11});
  tenant.AddInterface({.id = 4, .vrf = 1, .port = 0, .vlan = 12, .up = false});
  std::mt19937 random(seed);
  Outcome outcome;
  for (unsigned round = 0; round < 20; ++round) {
    for (unsigned i = random() % 300; i > 0; --i) tenant.Push(0, RandomFrame(tenant, random));
    tenant.Settle();
    for (uint16_t port : {0, 1})
      for (Bytes& frame : tenant.Sent(port)) {
        std::fill_n(frame.begin() + 6, 6, uint8_t{0});  // the port's own address
        outcome.sent[port].insert(Text(frame));
      }
    for (const Punted& punted : tenant.TakePunted()) outcome.punted.insert(Text(punted.bytes));
  }
  outcome.drops = tenant.AllDrops();
  for (uint32_t interface = 1; interface <= 4; ++interface) {
    const auto received = tenant.counters().InterfaceRx(interface),
               sent = tenant.counters().InterfaceTx(interface);
    outcome.counters.insert(outcome.counters.end(),
                            {received.packets, received.bytes, sent.packets, sent.bytes});
  }
  return outcome;
}

TEST_CASE("frames fare the same eight at a time and one by one") {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    for (const uint16_t burst : {7, 32, 256}) {
      INFO("seed " << seed << ", burst " << burst);
      const Outcome vector = OutcomeOf(false, burst, seed), scalar = OutcomeOf(true, burst, seed);
      CHECK(vector.sent[1].size() > 500);
      CHECK(vector.drops == scalar.drops);
      CHECK(vector.counters == scalar.counters);
      CHECK(vector.sent[0] == scalar.sent[0]);
      CHECK(vector.sent[1] == scalar.sent[1]);
      CHECK(vector.punted == scalar.punted);
    }
  }
}

TEST_CASE("a source that only looks like one of ours does not lose its place in the burst") {
  const bool one_by_one = GENERATE(false, true);
  TenantPair tenant({.burst = 32, .one_by_one = one_by_one});
  std::vector<Bytes> expected;
  unsigned suspects = 0;
  for (uint32_t i = 0; i < 2048; ++i) {
    const uint32_t source = 0x0a010100 + i;  // 10.1.1.0 and up, none of which is ours
    suspects += tenant.tables().own_addresses.MayBeIpv4(1, source);
    Ipv4Fields fields;
    fields.source = net::Ipv4Address{source}.ToString();
    fields.destination = "10.2.0.7";
    fields.identification = static_cast<uint16_t>(i);
    tenant.Push(0, tenant.In().Ipv4(fields).Udp(1, 2).frame());
    --fields.ttl;
    expected.push_back(tenant.Out().Ipv4(fields).Udp(1, 2).frame());
    if (i % 256 != 255) continue;
    tenant.Settle();
    CHECK(tenant.Sent(1) == expected);
    expected.clear();
  }
  CHECK(suspects > 0);
}

}  // namespace
}  // namespace sluice::testing
