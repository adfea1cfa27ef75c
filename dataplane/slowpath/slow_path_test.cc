// The pure decisions of the slow path's thread: classes, budgets and buckets.
#include <catch2/catch.hpp>

#include "dataplane/packet/local_punt_class.h"
#include "dataplane/slowpath/token_bucket.h"
#include "dataplane/tables/punt_budgets.h"
#include "proto/net/byte_writer.h"

namespace sluice::dataplane {
namespace {

using channel::PuntClass;
using Bytes = std::vector<uint8_t>;

Bytes Ipv4(uint8_t protocol, const Bytes& transport, uint8_t header_words = 5) {
  net::ByteWriter packet;
  packet.U8(static_cast<uint8_t>(0x40 | header_words)).U64(0).U8(protocol).U16(0).U64(0);
  return packet.Bytes(Bytes(header_words * size_t{4} - 20)).Bytes(transport).Release();
}
Bytes Ipv6(uint8_t protocol, const Bytes& transport) {
  net::ByteWriter packet;
  packet.U32(0x60000000).U16(0).U8(protocol).U8(64);
  return packet.Bytes(Bytes(32)).Bytes(transport).Release();
}
Bytes Ports(uint16_t source, uint16_t destination, const Bytes& payload = {}) {
  return net::ByteWriter().U16(source).U16(destination).U32(0).Bytes(payload).Release();
}

TEST_CASE("packets to us are told apart by what control has queues for") {
  const Bytes new_ike(28);
  Bytes known_ike(28);
  known_ike[15] = 1;
  Bytes known_nat_ike(32);
  known_nat_ike[12] = 1;
  struct Row {
    const char* what;
    Bytes packet;
    PuntClass punt_class;
  };
  const Row rows[] = {
      {"BGP from a connecting peer", Ipv4(6, Ports(40000, 179)), PuntClass::kBgp},
      {"BGP answered by a peer", Ipv6(6, Ports(179, 40000)), PuntClass::kBgp},
      {"BGP behind IPv4 options", Ipv4(6, Ports(40000, 179), 7), PuntClass::kBgp},
      {"other TCP", Ipv4(6, Ports(40000, 22)), PuntClass::kLocal},
      {"a first IKE request", Ipv4(17, Ports(500, 500, new_ike)), PuntClass::kIkeNew},
      {"IKE with our SPI", Ipv4(17, Ports(500, 500, known_ike)), PuntClass::kIkeKnown},
      {"IKE with our SPI behind NAT", Ipv6(17, Ports(4500, 4500, known_nat_ike)), PuntClass::kIkeKnown},
      {"truncated IKE", Ipv4(17, Ports(500, 500, Bytes(15))), PuntClass::kIkeNew},
      {"other UDP", Ipv4(17, Ports(500, 53)), PuntClass::kLocal},
      {"ICMP unreachable", Ipv4(1, {3, 1}), PuntClass::kIcmpError},
      {"ICMP echo reply", Ipv4(1, {0, 0}), PuntClass::kLocal},
      {"packet too big", Ipv6(58, {2, 0}), PuntClass::kIcmpError},
      {"ICMPv6 echo", Ipv6(58, {128, 0}), PuntClass::kLocal},
      {"nothing", {}, PuntClass::kLocal},
      {"header beyond the packet",
       {0x4f, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
       PuntClass::kLocal},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      CHECK(LocalPuntClass(row.packet) == row.punt_class);
      for (size_t cut = 0; cut < row.packet.size(); ++cut)
        (void)LocalPuntClass(std::span<const uint8_t>(row.packet).first(cut));
    }
  }
}

TEST_CASE("one tenant's flood of a class leaves the other tenants and classes their budgets") {
  constexpr uint64_t kTicksPerSecond = 1'000'000;
  PuntBudgets budgets(3, 2, kTicksPerSecond, kPuntRates);
  const uint64_t now = 10 * kTicksPerSecond;
  unsigned taken = 0;
  for (WorkerIndex i = 0; i < 10000; ++i)
    taken += budgets.Take(static_cast<WorkerIndex>(i % 2), 1, BudgetClass::kIkeNew, now);
  CHECK(taken == 16);
  CHECK(budgets.taken(BudgetClass::kIkeNew) == 16);
  CHECK(budgets.refused(BudgetClass::kIkeNew) == 9984);
  CHECK(budgets.Take(0, 1, BudgetClass::kIkeKnown, now));
  CHECK(budgets.Take(0, 2, BudgetClass::kIkeNew, now));
  CHECK(budgets.Take(0, 1, BudgetClass::kIkeNew, now + 5 * kTicksPerSecond / 1000));
}

TEST_CASE("a token bucket starts full, refills by time and never overflows") {
  TokenBucket bucket(10, 5);
  const Instant start{std::chrono::seconds(100)};
  for (int i = 0; i < 5; ++i) CHECK(bucket.Take(start));
  CHECK_FALSE(bucket.Take(start));
  CHECK_FALSE(bucket.Take(start + std::chrono::milliseconds(99)));
  CHECK(bucket.Take(start + std::chrono::milliseconds(101)));
  for (int i = 0; i < 5; ++i) CHECK(bucket.Take(start + std::chrono::hours(1)));
  CHECK_FALSE(bucket.Take(start + std::chrono::hours(1)));
  // Time that runs backwards adds nothing.
  CHECK_FALSE(bucket.Take(start));
}

}  // namespace
}  // namespace sluice::dataplane
