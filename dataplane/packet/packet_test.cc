// Header sanity: the quick recognition of ordinary packets agrees with the
// complete examination, and every single decision over bytes.
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "dataplane/packet/ethernet.h"
#include "dataplane/packet/fragmentation.h"
#include "dataplane/packet/icmp.h"
#include "proto/net/checksum.h"

namespace sluice::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes Ipv4Header(std::mt19937& random) {
  Bytes ip(64);
  for (uint8_t& byte : ip) byte = static_cast<uint8_t>(random());
  ip[0] = 0x45;
  StoreBe16(&ip[2], 64);
  StoreBe16(&ip[10], 0);
  StoreBe16(&ip[10], net::Checksum(std::span(ip).first(20)));
  return ip;
}

TEST_CASE("a packet without oddities passes every check, and the other way round") {
  std::mt19937 random(1);
  int ordinary = 0;
  for (int i = 0; i < 200'000; ++i) {
    Bytes ip = Ipv4Header(random);
    // Half of them get a flipped bit somewhere in the header.
    if (i % 2 != 0) ip[random() % 20] ^= static_cast<uint8_t>(1u << random() % 8);
    const bool quick = Ipv4Oddities(ip.data(), 64) == 0;
    const DropReason complete = ExamineIpv4(ip.data(), 64);
    ordinary += quick;
    if (quick) CHECK(complete == DropReason::kNone);
    // What only the complete examination lets through: options, and 169/8 beyond link-local.
    if (!quick && complete == DropReason::kNone) CHECK((ip[0] != 0x45 || ip[12] == 169 || ip[16] == 169));
  }
  CHECK(ordinary > 50'000);
}

TEST_CASE("an IPv6 packet without oddities passes every check") {
  std::mt19937 random(2);
  for (int i = 0; i < 100'000; ++i) {
    Bytes ip(80);
    for (uint8_t& byte : ip) byte = static_cast<uint8_t>(random());
    ip[0] = static_cast<uint8_t>(i % 3 == 0 ? random() : 0x60);
    StoreBe16(&ip[4], static_cast<uint16_t>(random() % 50));
    if (Ipv6Oddities(ip.data(), 80) == 0) CHECK(ExamineIpv6(ip.data(), 80) == DropReason::kNone);
  }
}

TEST_CASE("the checksum stays right while the TTL counts down") {
  std::mt19937 random(3);
  for (int i = 0; i < 1000; ++i) {
    Bytes ip = Ipv4Header(random);
    while (ip[8] > 0) {
      const uint64_t counted = Ipv4HopCounted(LoadRaw<uint64_t>(&ip[4]));
      DecrementIpv4Ttl(ip.data());
      REQUIRE(LoadRaw<uint64_t>(&ip[4]) == counted);
      REQUIRE(net::Checksum(std::span(ip).first(20)) == 0);
      REQUIRE(Ipv4ChecksumHolds(ip.data()));
    }
  }
}

TEST_CASE("a hop is counted alike in four bytes and in eight, whatever the checksum") {
  for (uint32_t checksum = 0; checksum <= 0xffff; ++checksum) {
    Bytes ip(20);
    ip[8] = 64;
    StoreBe16(&ip[10], static_cast<uint16_t>(checksum));
    const uint64_t counted = Ipv4HopCounted(LoadRaw<uint64_t>(&ip[4]));
    DecrementIpv4Ttl(ip.data());
    REQUIRE(LoadRaw<uint64_t>(&ip[4]) == counted);
  }
}

TEST_CASE("a frame belongs to the VLAN of its one tag") {
  Bytes frame(64);
  const auto tagged = [&](uint16_t tpid, uint16_t tci, uint16_t type) {
    StoreBe16(&frame[12], tpid);
    StoreBe16(&frame[14], tci);
    StoreBe16(&frame[16], type);
    return ParseEthernet(frame.data(), 64);
  };
  CHECK(tagged(0x8100, 0xa00a, 0x0800).vlan == 10);
  CHECK(tagged(0x88a8, 0x0fff, 0x86dd).vlan == 4095);
  CHECK(tagged(0x8100, 0xe000, 0x0800).vlan == 0);
  CHECK(tagged(0x8100, 10, 0x8100).ether_type == 0x8100);
  CHECK(tagged(0x0800, 0, 0).bytes == 14);
  CHECK(ParseEthernet(frame.data(), 13).ether_type == 0);
  StoreBe16(&frame[12], 0x8100);
  CHECK(ParseEthernet(frame.data(), 17).ether_type == 0);
}

TEST_CASE("the transport is found behind extension headers, and endless chains are noticed") {
  Bytes ip(40 + 8 + 8 + 8);
  ip[0] = 0x60;
  ip[6] = 0;  // hop by hop, then a fragment header, then UDP
  ip[40] = 44;
  ip[48] = 17;
  Ipv6Transport found = FindIpv6Transport(ip.data(), 64);
  CHECK(found.protocol == 17);
  CHECK(found.offset == 56);
  CHECK_FALSE(found.fragment);
  StoreBe16(&ip[50], 0x0008);
  CHECK(FindIpv6Transport(ip.data(), 64).non_initial);
  StoreBe16(&ip[50], 0x0001);
  found = FindIpv6Transport(ip.data(), 64);
  CHECK(found.fragment);
  CHECK_FALSE(found.non_initial);
  ip[41] = 200;
  CHECK(FindIpv6Transport(ip.data(), 64).malformed);
  Bytes chain(40 + 16 * 8, 0);
  CHECK(FindIpv6Transport(chain.data(), static_cast<uint32_t>(chain.size())).malformed);
  ip[6] = 43;
  ip[41] = 0;
  ip[43] = 1;
  CHECK(FindIpv6Transport(ip.data(), 64).source_routed);
}

TEST_CASE("fragments cover the payload exactly and fit the MTU") {
  std::mt19937 random(4);
  for (int i = 0; i < 2000; ++i) {
    Bytes ip = Ipv4Header(random);
    const auto total = static_cast<uint16_t>(28 + random() % 4000);
    ip.resize(total, static_cast<uint8_t>(i));
    StoreBe16(&ip[2], total);
    StoreBe16(&ip[6], static_cast<uint16_t>(random() % 2 * kIpv4MoreFragments));
    const auto mtu = static_cast<uint16_t>(68 + random() % 2000);
    Ipv4Fragmenter fragmenter(ip.data(), mtu);
    const uint32_t expected = fragmenter.remaining();
    uint32_t count = 0, next = 0;
    for (; !fragmenter.done(); ++count) {
      Bytes out(mtu);
      const uint16_t bytes = fragmenter.Write(out.data());
      REQUIRE(bytes <= mtu);
      REQUIRE(Ipv4ChecksumHolds(out.data()));
      REQUIRE((Ipv4FragmentField(out.data()) & kIpv4OffsetMask) * 8u == next);
      next += bytes - 20u;
      const bool more = (Ipv4FragmentField(out.data()) & kIpv4MoreFragments) != 0;
      REQUIRE(more == (!fragmenter.done() || (Ipv4FragmentField(ip.data()) & kIpv4MoreFragments) != 0));
    }
    CHECK(count == expected);
    CHECK(next == total - 20u);
  }
}

}  // namespace
}  // namespace sluice::dataplane
