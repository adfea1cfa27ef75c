// Packets' bytes to what selectors ask of them.
#include "dataplane/packet/selector_fields.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

namespace sluice::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;

// 10.1.0.1 to 10.2.0.2 with `transport` behind the header.
Bytes Ipv4(uint8_t protocol, const Bytes& transport, uint16_t fragment = 0, unsigned options = 0) {
  Bytes ip(20 + options + transport.size(), 0);
  ip[0] = static_cast<uint8_t>(0x45 + options / 4);
  ip[6] = static_cast<uint8_t>(fragment >> 8);
  ip[7] = static_cast<uint8_t>(fragment);
  ip[9] = protocol;
  const uint8_t ends[] = {10, 1, 0, 1, 10, 2, 0, 2};
  std::copy(std::begin(ends), std::end(ends), ip.begin() + 12);
  std::copy(transport.begin(), transport.end(), ip.begin() + 20 + options);
  return ip;
}

// 2001::1 to 2001::2.
Bytes Ipv6(uint8_t next_header, const Bytes& behind) {
  Bytes ip(40 + behind.size(), 0);
  ip[0] = 0x60;
  ip[4] = static_cast<uint8_t>(behind.size() >> 8);
  ip[5] = static_cast<uint8_t>(behind.size());
  ip[6] = next_header;
  ip[8] = ip[24] = 0x20;
  ip[9] = ip[25] = 0x01;
  ip[23] = 1;
  ip[39] = 2;
  std::copy(behind.begin(), behind.end(), ip.begin() + 40);
  return ip;
}

const Bytes kPorts{0x12, 0x34, 0x56, 0x78};

Bytes operator+(const Bytes& front, const Bytes& back) {
  Bytes both(front.size() + back.size());
  std::copy(back.begin(), back.end(), std::copy(front.begin(), front.end(), both.begin()));
  return both;
}

Bytes First20(const Bytes& bytes) {
  return {bytes.begin(), bytes.begin() + 20};
}

SelectorFields Read(const Bytes& ip, LocalEnd end = LocalEnd::kSource) {
  return SelectorFieldsOf(ip.data(), static_cast<uint32_t>(ip.size()), end);
}

}  // namespace

TEST_CASE("protocol and ports are read where they are, and only there") {
  const struct {
    const char* what;
    Bytes ip;
    uint8_t protocol;
    bool has_ports;
    uint16_t local = 0, remote = 0;
  } rows[] = {
      {"TCP", Ipv4(6, kPorts), 6, true, 0x1234, 0x5678},
      {"UDP behind options", Ipv4(17, kPorts, 0, 8), 17, true, 0x1234, 0x5678},
      {"SCTP", Ipv4(132, kPorts), 132, true, 0x1234, 0x5678},
      {"ICMP: type and code", Ipv4(1, {8, 3, 0, 0}), 1, true, 0x0803, 0x0803},
      {"GRE has none", Ipv4(47, kPorts), 47, false},
      {"the first fragment", Ipv4(6, kPorts, 0x2000), 6, true, 0x1234, 0x5678},
      {"a later fragment", Ipv4(6, kPorts, 0x2001), 6, false},
      {"the last fragment", Ipv4(6, kPorts, 0x0001), 6, false},
      {"cut in the ports", Ipv4(6, {1, 2, 3}), 6, false},
      {"options beyond the packet", First20(Ipv4(6, {}, 0, 8)), 6, false},
      {"IPv6", Ipv6(17, kPorts), 17, true, 0x1234, 0x5678},
      {"ICMPv6", Ipv6(58, {128, 0, 0, 0}), 58, true, 0x8000, 0x8000},
      {"behind destination options", Ipv6(60, Bytes{6, 0, 1, 4, 0, 0, 0, 0} + kPorts), 6, true, 0x1234,
       0x5678},
      {"IPv6's first fragment", Ipv6(44, Bytes{6, 0, 0, 1, 0, 0, 0, 1} + kPorts), 6, true, 0x1234, 0x5678},
      {"IPv6's later fragment", Ipv6(44, Bytes{6, 0, 0, 9, 0, 0, 0, 1} + kPorts), 6, false},
      {"a chain beyond the packet", Ipv6(60, {6, 9, 0, 0, 0, 0, 0, 0}), 60, false},
      {"IPv6 and nothing more", Ipv6(6, {}), 6, false},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const SelectorFields fields = Read(row.ip);
    CHECK(fields.protocol == row.protocol);
    CHECK(fields.has_ports == row.has_ports);
    if (!row.has_ports) continue;
    CHECK(fields.local_port == row.local);
    CHECK(fields.remote_port == row.remote);
  }
}

TEST_CASE("which end is ours says the direction") {
  const SelectorFields out = Read(Ipv4(6, kPorts)), in = Read(Ipv4(6, kPorts), LocalEnd::kDestination);
  CHECK(out.family == 4);
  CHECK(out.local == SelectorAddress{0, 0x0a010001});
  CHECK(out.remote == SelectorAddress{0, 0x0a020002});
  CHECK(in.local == out.remote);
  CHECK(in.remote == out.local);
  CHECK(in.local_port == 0x5678);
  CHECK(in.remote_port == 0x1234);
  const SelectorFields ipv6 = Read(Ipv6(6, kPorts));
  CHECK(ipv6.family == 6);
  CHECK(ipv6.local == SelectorAddress{0x2001'0000'0000'0000, 1});
  CHECK(ipv6.remote == SelectorAddress{0x2001'0000'0000'0000, 2});
}

}  // namespace sluice::dataplane
