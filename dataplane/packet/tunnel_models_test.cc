// What packets out of tunnels take over from their outer headers, as tables.
#include "dataplane/packet/tunnel_models.h"

#include <catch2/catch.hpp>
#include <vector>

namespace sluice::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr InwardModels kPipe{0, false}, kDscp{kDscpMask, false}, kHops{0, true}, kBoth{kDscpMask, true};

Bytes Ipv4(uint8_t traffic_class, uint8_t ttl) {
  Bytes ip = {0x45, traffic_class, 0, 20, 0x12, 0x34, 0x40, 0, ttl, 17, 0, 0, 10, 3, 0, 1, 10, 1, 0, 1};
  StoreBe16(ip.data() + 10, net::Checksum(ip));
  return ip;
}
Bytes Ipv6(uint8_t traffic_class, uint8_t hops, uint8_t protocol = 17, uint8_t icmp_type = 0) {
  Bytes ip(48);
  ip[0] = static_cast<uint8_t>(0x60 | traffic_class >> 4);
  ip[1] = static_cast<uint8_t>(traffic_class << 4 | 0xa);  // and of the flow label
  ip[2] = 0xbc;
  ip[5] = 8;
  ip[6] = protocol;
  ip[7] = hops;
  ip[40] = icmp_type;
  return ip;
}

struct Row {
  const char* what;
  InwardModels models;
  uint8_t inner_class, inner_hops, outer_class, outer_hops, class_after, hops_after;
};
constexpr Row kRows[] = {
    {"pipe: nothing of the outer header", kPipe, 0x88, 60, 0xb8, 7, 0x88, 60},
    {"the DSCP that the underlay made of it", kDscp, 0x88, 60, 0x20, 7, 0x20, 60},
    {"the DSCP, and the inner packet's own ECN", kDscp, 0x8a, 60, 0xb9, 7, 0xba, 60},
    {"the same DSCP", kDscp, 0x89, 60, 0x88, 7, 0x89, 60},
    {"fewer hops outside", kHops, 0x88, 60, 0xb8, 57, 0x88, 57},
    {"more hops outside than the packet ever had", kHops, 0x88, 3, 0, 255, 0x88, 3},
    {"the last hop", kHops, 0, 64, 0, 1, 0, 1},
    {"none left", kHops, 0, 64, 0, 0, 0, 0},
    {"both", kBoth, 0xff, 255, 0x00, 128, 0x03, 128},
};

}  // namespace

TEST_CASE("an IPv4 packet takes over what the models of its tunnel say, and its checksum follows") {
  for (const Row& row : kRows) {
    INFO(row.what);
    Bytes ip = Ipv4(row.inner_class, row.inner_hops);
    TakeOverIpv4(ip.data(), {row.outer_class, row.outer_hops}, row.models);
    CHECK(ip == Ipv4(row.class_after, row.hops_after));
    Bytes wrong = Ipv4(row.inner_class, row.inner_hops);
    wrong[11] ^= 0x40;
    TakeOverIpv4(wrong.data(), {row.outer_class, row.outer_hops}, row.models);
    CHECK(!Ipv4ChecksumHolds(wrong.data()));
  }
}

TEST_CASE("an IPv6 packet takes over the same, and keeps its flow label") {
  for (const Row& row : kRows) {
    INFO(row.what);
    Bytes ip = Ipv6(row.inner_class, row.inner_hops);
    TakeOverIpv6(ip.data(), 48, {row.outer_class, row.outer_hops}, row.models);
    CHECK(ip == Ipv6(row.class_after, row.hops_after));
  }
}

TEST_CASE("every checksum follows every TTL and traffic class") {
  for (unsigned traffic_class = 0; traffic_class < 256; ++traffic_class)
    for (unsigned hops = 0; hops < 256; ++hops) {
      Bytes ip = Ipv4(0x5c, 255);
      TakeOverIpv4(ip.data(), {static_cast<uint8_t>(traffic_class), static_cast<uint8_t>(hops)}, kBoth);
      if (!Ipv4ChecksumHolds(ip.data()) || ip[8] != hops || ip[1] != (traffic_class & 0xfc)) FAIL(hops);
    }
}

TEST_CASE("Neighbor Discovery keeps the hop limit that proves it was not routed") {
  const struct {
    const char* what;
    Bytes ip;
    uint32_t available;
    uint8_t hops_after;
  } rows[] = {
      {"router solicitation", Ipv6(0, 255, 58, 133), 48, 255},
      {"solicitation", Ipv6(0, 255, 58, 135), 48, 255},
      {"redirect", Ipv6(0, 255, 58, 137), 48, 255},
      {"an echo request", Ipv6(0, 255, 58, 128), 48, 61},
      {"a node information query", Ipv6(0, 255, 58, 139), 48, 61},
      {"not of ICMPv6", Ipv6(0, 255, 17, 135), 48, 61},
      {"routed already", Ipv6(0, 254, 58, 135), 48, 61},
      {"without a type", Ipv6(0, 255, 58, 135), 40, 61},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    Bytes ip = row.ip;
    TakeOverIpv6(ip.data(), row.available, {0, 61}, kBoth);
    CHECK(ip[7] == row.hops_after);
  }
}

}  // namespace sluice::dataplane
