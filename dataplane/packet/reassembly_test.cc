// What single fragments must be like, and the headers of what they become.
#include "dataplane/packet/reassembly.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"
#include "dataplane/packet/wire.h"

namespace sluice::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;

// A sound IPv4 header, `field` its flags and offset, and that much payload.
Bytes Ipv4(uint16_t field, size_t payload, uint8_t header_words = 5) {
  Bytes ip(header_words * 4u + payload, 0);
  ip[0] = static_cast<uint8_t>(0x40 | header_words);
  ip[1] = 2;
  StoreBe16(&ip[2], static_cast<uint16_t>(ip.size()));
  StoreBe16(&ip[4], 0x1234);
  StoreBe16(&ip[6], field);
  ip[8] = 64;
  ip[9] = 17;
  StoreBe32(&ip[12], 0x0a010001);
  StoreBe32(&ip[16], 0x0a010002);
  return ip;
}

// IPv6 with these extension headers, a fragment header that names UDP, and payload.
Bytes Ipv6(uint16_t field, size_t payload, const Bytes& extensions = {}, uint8_t first = 44,
           uint8_t protocol = 17) {
  const size_t fragment_at = 40 + extensions.size();
  Bytes ip(fragment_at + 8 + payload, 0);
  StoreBe32(&ip[0], 0x60200000);
  StoreBe16(&ip[4], static_cast<uint16_t>(extensions.size() + 8 + payload));
  ip[6] = first;
  ip[8] = ip[24] = 0x20;
  std::copy(extensions.begin(), extensions.end(), ip.begin() + 40);
  ip[fragment_at] = protocol;
  StoreBe16(&ip[fragment_at + 2], field);
  StoreBe32(&ip[fragment_at + 4], 0x01020304);
  return ip;
}

}  // namespace

TEST_CASE("an IPv4 fragment has payload, whole units but for the last, and ends within 65535 bytes") {
  const struct {
    const char* what;
    Bytes ip;
    DropReason reason;
    uint16_t offset, payload;
  } rows[] = {
      {"the first", Ipv4(0x2000, 16), DropReason::kNone, 0, 16},
      {"with options", Ipv4(0x2000, 16, 8), DropReason::kNone, 0, 16},
      {"tiny", Ipv4(0x2000, 8), DropReason::kNone, 0, 8},
      {"one between", Ipv4(0x2001, 16), DropReason::kNone, 8, 16},
      {"the last, odd", Ipv4(0x0002, 5), DropReason::kNone, 16, 5},
      {"odd, not the last", Ipv4(0x2000, 12), DropReason::kFragmentMalformed, 0, 0},
      {"nothing in it", Ipv4(0x2001, 0), DropReason::kFragmentMalformed, 0, 0},
      {"nothing in the last", Ipv4(0x0001, 0), DropReason::kFragmentMalformed, 0, 0},
      // The ping of death.
      {"up to 65535", Ipv4(0x1ffc, 11), DropReason::kNone, 65504, 11},
      {"at the last offset", Ipv4(0x1fff, 1), DropReason::kFragmentTooLong, 0, 0},
      {"beyond 65535", Ipv4(0x1ffd, 8), DropReason::kFragmentTooLong, 0, 0},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    Fragment fragment;
    const FragmentFault fault = ParseIpv4Fragment(row.ip.data(), fragment);
    CHECK(fault.reason == row.reason);
    CHECK(fault.error.type == 0);
    if (row.reason != DropReason::kNone) continue;
    CHECK(fragment.offset == row.offset);
    CHECK(fragment.payload_bytes == row.payload);
    CHECK(fragment.header_bytes + fragment.payload_bytes == static_cast<int>(row.ip.size()));
    CHECK(fragment.more == ((row.ip[6] & 0x20) != 0));
    CHECK(fragment.ecn == 2);
    CHECK(fragment.key.identification == 0x1234);
    CHECK(fragment.key.protocol == 17);
    CHECK(fragment.key.source[3] == 1);
    CHECK(fragment.key.destination[3] == 2);
  }
}

TEST_CASE("what is wrong with an IPv6 fragment is told to its sender as RFC 8200 wants it") {
  const Bytes hop_by_hop = {44, 0, 1, 4, 0, 0, 0, 0};
  Bytes long_chain(128, 0);
  long_chain[0] = 44;
  long_chain[1] = 15;
  const struct {
    const char* what;
    Bytes ip;
    DropReason reason;
    uint8_t type, code;
    uint16_t pointer;
  } rows[] = {
      {"the first", Ipv6(0x0001, 16), DropReason::kNone, 0, 0, 0},
      {"behind another header", Ipv6(0x0001, 16, hop_by_hop, 0), DropReason::kNone, 0, 0, 0},
      {"the last, odd", Ipv6(0x0010, 5), DropReason::kNone, 0, 0, 0},
      {"atomic", Ipv6(0x0000, 16), DropReason::kNone, 0, 0, 0},
      {"odd, not the last", Ipv6(0x0001, 12), DropReason::kFragmentMalformed, 4, 0, 4},
      {"nothing in it", Ipv6(0x0010, 0), DropReason::kFragmentMalformed, 0, 0, 0},
      {"beyond 65535", Ipv6(0xfff8, 9), DropReason::kFragmentTooLong, 4, 0, 42},
      {"beyond, with another header", Ipv6(0xfff8, 8, hop_by_hop, 0), DropReason::kFragmentTooLong, 4, 0, 50},
      {"a header cut in the first", Ipv6(0x0001, 8, {}, 44, 6), DropReason::kFragmentMalformed, 4, 3, 0},
      {"a header cut in a later one", Ipv6(0x0009, 8, {}, 44, 6), DropReason::kNone, 0, 0, 0},
      {"more headers than there is room for", Ipv6(0x0009, 8, long_chain, 60), DropReason::kFragmentMalformed,
       0, 0, 0},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const Ipv6Transport transport = FindIpv6Transport(row.ip.data(), static_cast<uint32_t>(row.ip.size()));
    REQUIRE(transport.fragment_at >= 40);
    Fragment fragment;
    const FragmentFault fault = ParseIpv6Fragment(row.ip.data(), transport.fragment_at, fragment);
    CHECK(fault.reason == row.reason);
    CHECK(fault.error.type == row.type);
    CHECK(fault.error.code == row.code);
    CHECK(fault.pointer == row.pointer);
    if (row.reason != DropReason::kNone) continue;
    CHECK(fragment.key.identification == 0x01020304);
    CHECK(fragment.key.protocol == 0);
    CHECK(fragment.header_bytes == transport.fragment_at + 8);
    CHECK(fragment.ecn == 2);
  }
}

TEST_CASE("a whole IPv4 datagram has a header that is sound") {
  Bytes ip = Ipv4(0x2000, 100, 6);
  uint8_t* const whole = FinishIpv4Datagram(ip.data() + 24, 24, 100, true);
  CHECK(whole == ip.data());
  CHECK(Ipv4TotalLength(whole) == 124);
  CHECK_FALSE(IsIpv4Fragment(whole));
  CHECK((whole[1] & 3) == 3);
  CHECK(ExamineIpv4(whole, 124) == DropReason::kNone);
}

TEST_CASE("a whole IPv6 datagram has the unfragmentable part and no fragment header") {
  const Bytes hop_by_hop = {60, 0, 1, 4, 0, 0, 0, 0}, options = {44, 0, 1, 4, 0, 0, 0, 0};
  Bytes both = hop_by_hop;
  both.insert(both.end(), options.begin(), options.end());
  Bytes authentication = {44, 4, 0, 0};
  authentication.resize(24, 0);
  const struct {
    const char* what;
    Bytes extensions;
    uint8_t first;
    size_t name_at;
  } rows[] = {{"nothing before it", {}, 44, 6},
              {"two headers before it", both, 0, 48},
              {"an authentication header before it", authentication, 51, 40}};
  for (const auto& row : rows) {
    INFO(row.what);
    Bytes ip = Ipv6(0x0001, 32, row.extensions, row.first);
    const auto header_bytes = static_cast<uint16_t>(48 + row.extensions.size());
    uint8_t* const whole = FinishIpv6Datagram(ip.data() + header_bytes, header_bytes, 32, false);
    CHECK(whole == ip.data() + 8);
    CHECK(Ipv6PayloadLength(whole) == row.extensions.size() + 32);
    CHECK(whole[row.name_at] == 17);
    const Ipv6Transport transport =
        FindIpv6Transport(whole, static_cast<uint32_t>(40 + row.extensions.size() + 32));
    CHECK_FALSE(transport.malformed);
    CHECK(transport.fragment_at == 0);
    CHECK(transport.protocol == 17);
    CHECK(transport.offset == 40 + row.extensions.size());
    CHECK(LoadBe64(whole + 8) == LoadBe64(ip.data() + 16));
  }
}

}  // namespace sluice::dataplane
