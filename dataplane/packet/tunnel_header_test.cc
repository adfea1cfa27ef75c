// Headers of tunnels as bytes and as values, every truncation, and RFC 6040's table.
#include "dataplane/packet/tunnel_header.h"

#include <catch2/catch.hpp>
#include <vector>

namespace sluice::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;

struct GreCase {
  const char* what;
  Bytes bytes;
  DropReason reason;
  TunnelKind kind = TunnelKind::kGre;
  bool has_key = false;
  uint32_t key = 0;
  uint16_t header_bytes = 0;
  uint16_t ether_type = 0;
};

const std::vector<GreCase>& GreCases() {
  constexpr DropReason kSound = DropReason::kNone;
  constexpr DropReason kWrong = DropReason::kTunnelHeader;
  static const std::vector<GreCase> cases = {
      {"no option", {0, 0, 8, 0, 1}, kSound, TunnelKind::kGre, false, 0, 4, 0x0800},
      {"key", {0x20, 0, 0x86, 0xdd, 1, 2, 3, 4}, kSound, TunnelKind::kGre, true, 0x01020304, 8, 0x86dd},
      {"key 0 is a key", {0x20, 0, 8, 0, 0, 0, 0, 0}, kSound, TunnelKind::kGre, true, 0, 8, 0x0800},
      {"sequence", {0x10, 0, 8, 0, 9, 9, 9, 9}, kSound, TunnelKind::kGre, false, 0, 8, 0x0800},
      {"key and sequence",
       {0x30, 0, 8, 0, 0, 0, 0, 7, 9, 9, 9, 9},
       kSound,
       TunnelKind::kGre,
       true,
       7,
       12,
       0x0800},
      {"checksum", {0x80, 0, 8, 0, 0x77, 0xff, 0, 0}, kSound, TunnelKind::kGre, false, 0, 8, 0x0800},
      {"wrong checksum", {0x80, 0, 8, 0, 0x77, 0xfe, 0, 0}, DropReason::kTunnelChecksum},
      {"ignored bits", {0x03, 0xf8, 8, 0}, kSound, TunnelKind::kGre, false, 0, 4, 0x0800},
      {"routing", {0x40, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0}, kWrong},
      {"strict source route", {0x08, 0, 8, 0}, kWrong},
      {"recursion", {0x04, 0, 8, 0}, kWrong},
      {"version 1, which is PPTP's", {0x20, 1, 0x88, 0x0b, 0, 0, 0, 0}, kWrong},
      {"NVGRE",
       {0x20, 0, 0x65, 0x58, 0x12, 0x34, 0x56, 0xab},
       kSound,
       TunnelKind::kNvgre,
       true,
       0x123456,
       8,
       0x6558},
      {"a frame without a key", {0, 0, 0x65, 0x58}, kWrong},
      {"NVGRE with a sequence number", {0x30, 0, 0x65, 0x58, 0, 0, 0, 0, 0, 0, 0, 0}, kWrong},
  };
  return cases;
}

}  // namespace

TEST_CASE("GRE headers are read as RFC 2784, 2890 and 7637 say") {
  for (const GreCase& wanted : GreCases()) {
    INFO(wanted.what);
    const TunnelHeader header = ParseGre(wanted.bytes);
    CHECK(header.reason == wanted.reason);
    if (wanted.reason != DropReason::kNone) continue;
    CHECK(header.selector.kind == wanted.kind);
    CHECK(header.selector.has_key == wanted.has_key);
    CHECK(header.key == wanted.key);
    CHECK(header.bytes == wanted.header_bytes);
    CHECK(header.ether_type == wanted.ether_type);
    // Every truncation of the header is one, and nothing beyond it is read.
    for (size_t length = 0; length < wanted.header_bytes; ++length) {
      const Bytes cut(wanted.bytes.begin(), wanted.bytes.begin() + static_cast<std::ptrdiff_t>(length));
      CHECK(ParseGre(cut).reason == DropReason::kTunnelTruncated);
    }
  }
}

TEST_CASE("VXLAN headers are read as RFC 7348 says") {
  Bytes udp = {0xc0, 0x01, 0x12, 0xb5, 0, 18, 0, 0, 0x08, 0, 0, 0, 0x12, 0x34, 0x56, 0, 0xaa, 0xbb};
  TunnelHeader header = ParseVxlan(udp);
  REQUIRE(header.reason == DropReason::kNone);
  CHECK(header.selector.Word() == TunnelSelector{TunnelKind::kVxlan, true, 4789}.Word());
  CHECK(header.key == 0x123456);
  CHECK(header.bytes == 16);
  for (size_t length = 0; length < udp.size(); ++length) {
    const Bytes cut(udp.begin(), udp.begin() + static_cast<std::ptrdiff_t>(length));
    CHECK(ParseVxlan(cut).reason == DropReason::kTunnelTruncated);
  }
  udp[15] = 0xff;  // reserved: ignored
  udp[9] = 0xff;
  CHECK(ParseVxlan(udp).key == 0x123456);
  udp[8] = 0xf7;
  CHECK(ParseVxlan(udp).reason == DropReason::kTunnelHeader);
  udp[8] = 0x08;
  udp[5] = 15;  // a UDP length that ends inside the header
  CHECK(ParseVxlan(udp).reason == DropReason::kTunnelTruncated);
}

TEST_CASE("ECN after decapsulation is that of RFC 6040, figure 4") {
  constexpr uint8_t kNot = 0, kEct1 = 1, kEct0 = 2, kCe = 3;
  CHECK(DecapsulatedEcn(kNot, kNot) == kNot);
  CHECK(DecapsulatedEcn(kNot, kEct0) == kNot);
  CHECK(DecapsulatedEcn(kNot, kEct1) == kNot);
  CHECK(DecapsulatedEcn(kNot, kCe) == kEcnDrop);
  CHECK(DecapsulatedEcn(kEct0, kNot) == kEct0);
  CHECK(DecapsulatedEcn(kEct0, kEct0) == kEct0);
  CHECK(DecapsulatedEcn(kEct0, kEct1) == kEct1);
  CHECK(DecapsulatedEcn(kEct0, kCe) == kCe);
  CHECK(DecapsulatedEcn(kEct1, kNot) == kEct1);
  CHECK(DecapsulatedEcn(kEct1, kEct0) == kEct1);
  CHECK(DecapsulatedEcn(kEct1, kEct1) == kEct1);
  CHECK(DecapsulatedEcn(kEct1, kCe) == kCe);
  for (const uint8_t outer : {kNot, kEct0, kEct1, kCe}) CHECK(DecapsulatedEcn(kCe, outer) == kCe);
}

TEST_CASE("what is peeked at a tunnel header is what parsing it says") {
  uint32_t seed = 1;
  const auto below = [&](uint32_t bound) { return (seed = seed * 1664525 + 1013904223) % 65521 % bound; };
  unsigned peeked = 0;
  for (unsigned i = 0; i < 20000; ++i) {
    const uint8_t protocol = below(2) == 0 ? kProtocolGre : kProtocolUdp;
    std::vector<uint8_t> bytes(24);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(below(256));
    if (below(4) != 0) StoreBe16(bytes.data(), static_cast<uint16_t>(0x2000 | (below(4) == 0 ? 0x1007 : 0)));
    if (below(2) == 0) StoreBe16(bytes.data() + 2, below(2) == 0 ? 0x6558 : 0x0800);
    if (protocol == kProtocolUdp && below(4) != 0) {
      StoreBe16(bytes.data() + 4, static_cast<uint16_t>(8 + below(24)));
      StoreBe16(bytes.data() + 6, static_cast<uint16_t>(below(3) == 0 ? 5 : 0));
    }
    const std::span payload(bytes.data(), below(25));
    TunnelHeader header;
    if (!PeekTunnelHeader(protocol, bytes.data(), static_cast<uint32_t>(payload.size()), header)) continue;
    ++peeked;
    const TunnelHeader parsed = protocol == kProtocolGre ? ParseGre(payload) : ParseVxlan(payload);
    CHECK(parsed.reason == DropReason::kNone);
    CHECK(parsed.selector.Word() == header.selector.Word());
    CHECK(parsed.key == header.key);
    CHECK(parsed.bytes == header.bytes);
    CHECK(parsed.ether_type == header.ether_type);
  }
  CHECK(peeked > 1000);
}

}  // namespace sluice::dataplane
