// Extension headers of packets to us, as tables and by every truncation.
#include "dataplane/packet/ipv6_reception.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

namespace sluice::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;

// To 2001:db8::1, or to ff02::1, with these headers and eight more bytes.
Bytes Packet(uint8_t first, const Bytes& headers, bool multicast = false) {
  Bytes ip(40 + headers.size() + 8);
  ip[0] = 0x60;
  ip[6] = first;
  ip[24] = multicast ? 0xff : 0x20;
  std::copy(headers.begin(), headers.end(), ip.begin() + 40);
  StoreBe16(&ip[4], static_cast<uint16_t>(ip.size() - 40));
  return ip;
}

TEST_CASE("a packet to us is received or refused as its extension headers ask") {
  struct Row {
    const char* what;
    Bytes ip;
    DropReason reason;
    uint8_t type, code;
    uint16_t pointer;
    uint8_t protocol;  // when received
    uint16_t offset;
  };
  const DropReason kNone = DropReason::kNone;
  const DropReason kUnknown = DropReason::kLocalMalformed;
  const Row rows[] = {
      {"no extension header", Packet(17, {}), kNone, 0, 0, 0, 17, 40},
      {"no next header", Packet(59, {}), DropReason::kProtocolUnreachable, 0, 0, 0, 0, 0},
      {"no next header behind options", Packet(60, {59, 0, 1, 4, 0, 0, 0, 0}),
       DropReason::kProtocolUnreachable, 0, 0, 0, 0, 0},
      {"padding", Packet(60, {17, 0, 0, 0, 0, 1, 1, 9}), kNone, 0, 0, 0, 17, 48},
      {"hop by hop with router alert", Packet(0, {17, 0, 5, 2, 0, 0, 1, 0}), kNone, 0, 0, 0, 17, 48},
      {"hop by hop not first", Packet(60, {0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0}),
       DropReason::kProtocolUnreachable, 4, 1, 40, 0, 0},
      {"an unknown option to skip", Packet(60, {17, 0, 0x3e, 4, 1, 2, 3, 4}), kNone, 0, 0, 0, 17, 48},
      {"an unknown option to discard by", Packet(60, {17, 0, 0x7e, 4, 1, 2, 3, 4}), kUnknown, 0, 0, 42, 0, 0},
      {"an unknown option to report", Packet(60, {17, 0, 0xbe, 4, 1, 2, 3, 4}), kUnknown, 4, 2, 42, 0, 0},
      {"an unknown option to report, multicast", Packet(60, {17, 0, 0xbe, 4, 1, 2, 3, 4}, true), kUnknown, 4,
       2, 42, 0, 0},
      {"an unknown option to report unless multicast", Packet(60, {17, 0, 0xfe, 4, 1, 2, 3, 4}), kUnknown, 4,
       2, 42, 0, 0},
      {"the same to a group", Packet(60, {17, 0, 0xfe, 4, 1, 2, 3, 4}, true), kUnknown, 0, 0, 42, 0, 0},
      {"an unknown hop by hop option behind padding", Packet(0, {17, 0, 1, 0, 0xbe, 2, 0, 0}), kUnknown, 4, 2,
       44, 0, 0},
      {"an option longer than its header", Packet(60, {17, 0, 0x3e, 5, 1, 2, 3, 4}),
       DropReason::kLocalMalformed, 4, 0, 42, 0, 0},
      {"an option of one byte at the end", Packet(60, {17, 0, 1, 3, 0, 0, 0, 0x3e}),
       DropReason::kLocalMalformed, 4, 0, 47, 0, 0},
      {"a routing header that is used up", Packet(43, {17, 0, 99, 0, 0, 0, 0, 0}), kNone, 0, 0, 0, 17, 48},
      {"a routing header with segments left", Packet(43, {17, 0, 99, 1, 0, 0, 0, 0}), kUnknown, 4, 0, 42, 0,
       0},
      {"the same of type 0", Packet(43, {17, 0, 0, 1, 0, 0, 0, 0}), kUnknown, 4, 0, 42, 0, 0},
      {"an atomic fragment", Packet(44, {17, 0, 0, 0, 1, 2, 3, 4}), kNone, 0, 0, 0, 44, 40},
      {"a fragment", Packet(44, {17, 0, 0, 1, 1, 2, 3, 4}), kNone, 0, 0, 0, 44, 40},
      {"a fragment behind another header", Packet(60, {44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 1, 1, 2, 3, 4}),
       kNone, 0, 0, 0, 44, 48},
      {"AH is a protocol we do not speak", Packet(51, {17, 0, 0, 0, 0, 0, 0, 0}), kNone, 0, 0, 0, 51, 40},
      {"a header longer than the packet", Packet(60, {17, 9, 1, 4, 0, 0, 0, 0}), DropReason::kIpv6Extension,
       0, 0, 0, 0, 0},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const Ipv6Reception got = ReceiveIpv6(row.ip.data(), static_cast<uint32_t>(row.ip.size()));
    CHECK(NameOf(got.reason).name == std::string(NameOf(row.reason).name));
    CHECK(got.error.type == row.type);
    CHECK(got.error.code == row.code);
    CHECK(got.pointer == row.pointer);
    if (row.reason != kNone) continue;
    CHECK(got.protocol == row.protocol);
    CHECK(got.offset == row.offset);
    CHECK(got.fragment_at == (row.protocol == 44 ? row.offset : 0));
  }
}

TEST_CASE("a chain of options without an end is refused") {
  Bytes chain(40 + 16 * 8);
  chain[6] = 60;
  for (size_t at = 40; at < chain.size(); at += 8) chain[at] = 60;
  CHECK(ReceiveIpv6(chain.data(), static_cast<uint32_t>(chain.size())).reason == DropReason::kIpv6Extension);
}

TEST_CASE("no byte behind the packet is read, whatever the headers say") {
  std::mt19937 random(8);
  const uint8_t kinds[] = {0, 43, 44, 59, 60, 51, 17, 58};
  for (int round = 0; round < 20'000; ++round) {
    // Exactly as large as said, so that the sanitizers see a read beyond.
    Bytes ip(40 + random() % 48);
    for (uint8_t& byte : ip) byte = static_cast<uint8_t>(random() % 4 == 0 ? random() : random() % 3);
    ip[6] = kinds[random() % std::size(kinds)];
    for (size_t at = 40; at < ip.size(); at += 8) ip[at] = kinds[random() % std::size(kinds)];
    const Ipv6Reception got = ReceiveIpv6(ip.data(), static_cast<uint32_t>(ip.size()));
    REQUIRE(got.offset <= ip.size());
    REQUIRE(got.pointer < ip.size());
  }
}

}  // namespace
}  // namespace sluice::dataplane
