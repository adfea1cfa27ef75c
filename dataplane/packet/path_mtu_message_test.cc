// The decoder of path MTU messages: what it takes, what it refuses, and every truncation.
#include "dataplane/packet/path_mtu_message.h"

#include <catch2/catch.hpp>
#include <functional>
#include <vector>

#include "dataplane/packet/icmp.h"
#include "proto/net/byte_writer.h"
#include "proto/net/checksum.h"

namespace sluice::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr net::Ipv4Address kOurs4{0xc0000201}, kRouter4{0xcb007101}, kFar4{0xc6336402};
const net::Ipv6Address kOurs6 = *net::Ipv6Address::Parse("2001:db8:f::1");
const net::Ipv6Address kRouter6 = *net::Ipv6Address::Parse("2001:db8:ffff::1");
const net::Ipv6Address kFar6 = *net::Ipv6Address::Parse("2001:db8:e::2");

// A message of which each row changes something.
struct Message {
  bool v4 = true;
  uint8_t type = 3, code = 4;
  uint32_t mtu = 1400;
  net::Ipv4Address quote_source = kOurs4;
  uint16_t quoted_bytes = 1500;
  uint16_t fragment = kIpv4DontFragment;
  uint8_t protocol = 47;
  Bytes payload = {0x20, 0, 8, 0, 0, 0, 0x03, 0xe9};  // GRE with key 1001
  Bytes quote_options = {};
  bool checksum_holds = true;
};

Bytes Quote(const Message& message) {
  net::ByteWriter out;
  if (!message.v4) {
    out.U32(6u << 28).U16(static_cast<uint16_t>(message.quoted_bytes - 40)).U8(message.protocol).U8(63);
    out.Bytes(kOurs6.bytes).Bytes(kFar6.bytes).Bytes(message.payload);
    return out.Release();
  }
  out.U8(static_cast<uint8_t>(0x45 + message.quote_options.size() / 4)).U8(0).U16(message.quoted_bytes);
  out.U16(7).U16(message.fragment).U8(63).U8(message.protocol).U16(0);
  out.U32(message.quote_source.value).U32(kFar4.value).Bytes(message.quote_options).Bytes(message.payload);
  return out.Release();
}

Bytes Build(const Message& message) {
  net::ByteWriter icmp;
  icmp.U8(message.type).U8(message.code).U16(0).U32(message.mtu).Bytes(Quote(message));
  const auto bytes = static_cast<uint16_t>(icmp.size());
  net::ByteWriter out;
  if (message.v4) {
    out.U32(0x45000000u | (20u + bytes)).U32(0).U32(0x40010000).U32(kRouter4.value).U32(kOurs4.value);
  } else {
    out.U32(6u << 28).U16(bytes).U8(58).U8(64).Bytes(kRouter6.bytes).Bytes(kOurs6.bytes);
  }
  const uint64_t pseudo = message.v4 ? 0 : net::Ipv6PseudoHeaderSum(out.bytes(), bytes, 58);
  const uint16_t checksum = net::ChecksumFinish(net::ChecksumAdd(icmp.bytes(), pseudo));
  icmp.PatchU16(2, message.checksum_holds ? checksum : static_cast<uint16_t>(checksum ^ 1));
  return out.Bytes(icmp.bytes()).Release();
}

Message Ipv6(Message message = {}) {
  message.v4 = false;
  message.type = 2;
  message.code = 0;
  return message;
}

PathMtuReport Report(TunnelKind kind, std::optional<uint32_t> key, uint16_t mtu, bool has_key = true) {
  return {kOurs4, kFar4, kind, has_key, uint16_t{0}, key, mtu};
}
PathMtuReport Vxlan(std::optional<uint32_t> vni, uint16_t port = 4789) {
  PathMtuReport report = Report(TunnelKind::kVxlan, vni, 1400);
  report.udp_port = port;
  return report;
}
PathMtuReport Over6(PathMtuReport report) {
  report.local = kOurs6;
  report.remote = kFar6;
  return report;
}

const Bytes kVxlanQuote = {0xc0, 1, 0x12, 0xb5, 5, 0xc8, 0, 0, 8, 0, 0, 0, 0, 0x13, 0x89, 0};

TEST_CASE("a path MTU message names the tunnel, the far end and what passes") {
  struct Row {
    const char* what;
    Message message;
    PathMtuReport report;
  };
  const Message row;
  const auto with = [](auto change) {
    Message message;
    change(message);
    return message;
  };
  const Row rows[] = {
      {"GRE with a key, eight bytes quoted", row, Report(TunnelKind::kGre, 1001, 1400)},
      {"GRE without a key", with([](Message& m) {
         m.payload = {0, 0, 8, 0};
       }),
       Report(TunnelKind::kGre, std::nullopt, 1400, false)},
      {"the key lies behind a checksum",
       with([](Message& m) { m.payload = {0xa0, 0, 8, 0, 1, 2, 0, 0, 0, 0, 0x03, 0xe9}; }),
       Report(TunnelKind::kGre, 1001, 1400)},
      {"eight bytes hold a checksum, but no key behind it",
       with([](Message& m) { m.payload = {0xa0, 0, 8, 0, 1, 2, 0, 0}; }),
       Report(TunnelKind::kGre, std::nullopt, 1400)},
      {"NVGRE", with([](Message& m) { m.payload = {0x20, 0, 0x65, 0x58, 0, 0x13, 0x89, 0x77}; }),
       Report(TunnelKind::kNvgre, 5001, 1400)},
      {"VXLAN with its VNI", with([](Message& m) { m.protocol = 17, m.payload = kVxlanQuote; }), Vxlan(5001)},
      {"VXLAN, eight bytes quoted", with([](Message& m) {
         m.protocol = 17, m.payload.assign(kVxlanQuote.begin(), kVxlanQuote.begin() + 8);
       }),
       Vxlan(std::nullopt)},
      {"VXLAN filled up with zeros",
       with([](Message& m) { m.protocol = 17, m.payload = kVxlanQuote, m.payload[8] = 0; }),
       Vxlan(std::nullopt)},
      {"ESP", with([](Message& m) { m.protocol = 50, m.payload = {1, 5, 0, 7, 0, 0, 0, 9}; }),
       Report(TunnelKind::kEsp, std::nullopt, 1400, false)},
      {"ESP in UDP",
       with([](Message& m) { m.protocol = 17, m.payload = {0x11, 0x94, 0x30, 0x39, 5, 0, 0, 0}; }),
       Report(TunnelKind::kEsp, std::nullopt, 1400, false)},
      {"options in the quoted header", with([](Message& m) {
         m.quote_options = {1, 1, 1, 0};
       }),
       Report(TunnelKind::kGre, 1001, 1400)},
      {"no number: the plateau below 1500", with([](Message& m) { m.mtu = 0; }),
       Report(TunnelKind::kGre, 1001, 1492)},
      {"no number: the plateau below 1492", with([](Message& m) { m.mtu = 0, m.quoted_bytes = 1492; }),
       Report(TunnelKind::kGre, 1001, 1006)},
      {"the upper half of the word is unused", with([](Message& m) { m.mtu = 0xabcd0578; }),
       Report(TunnelKind::kGre, 1001, 1400)},
      {"packet too big", Ipv6(), Over6(Report(TunnelKind::kGre, 1001, 1400))},
      {"packet too big of any code",
       [] {
         auto m = Ipv6();
         m.code = 7;
         return m;
       }(),
       Over6(Report(TunnelKind::kGre, 1001, 1400))},
      {"packet too big about VXLAN", Ipv6(with([](Message& m) { m.protocol = 17, m.payload = kVxlanQuote; })),
       Over6(Vxlan(5001))},
      {"packet too big of nothing: no plateau",
       [] {
         auto m = Ipv6();
         m.mtu = 0;
         return m;
       }(),
       Over6(Report(TunnelKind::kGre, 1001, 0))},
  };
  for (const Row& each : rows) {
    DYNAMIC_SECTION(each.what) {
      const PathMtuMessage parsed = ParsePathMtuMessage(Build(each.message));
      REQUIRE(parsed.reason == DropReason::kNone);
      CHECK(parsed.report == each.report);
    }
  }
}

TEST_CASE("a message that does not hold together, or is about no tunnel of ours, is refused") {
  struct Row {
    const char* what;
    std::function<void(Message&)> change;
    DropReason reason;
  };
  const Row rows[] = {
      {"another code", [](Message& m) { m.code = 3; }, DropReason::kIcmpUnwanted},
      {"another type", [](Message& m) { m.type = 11; }, DropReason::kIcmpUnwanted},
      {"our address is not in the quote", [](Message& m) { m.quote_source = kRouter4; },
       DropReason::kIcmpUnwanted},
      {"TCP", [](Message& m) { m.protocol = 6; }, DropReason::kIcmpUnwanted},
      {"GRE of another version", [](Message& m) { m.payload[1] = 1; }, DropReason::kIcmpUnwanted},
      {"a frame in GRE without a key",
       [](Message& m) {
         m.payload = {0, 0, 0x65, 0x58};
       },
       DropReason::kIcmpUnwanted},
      {"the quoted packet would have passed", [](Message& m) { m.quoted_bytes = 1400; },
       DropReason::kLocalMalformed},
      {"the quoted packet could have been cut", [](Message& m) { m.fragment = 0; },
       DropReason::kLocalMalformed},
      {"a later fragment", [](Message& m) { m.fragment = 0x4001; }, DropReason::kLocalMalformed},
      {"a wrong checksum", [](Message& m) { m.checksum_holds = false; }, DropReason::kLocalMalformed},
      {"packet too big about a small packet", [](Message& m) { m = Ipv6(m), m.quoted_bytes = 1400; },
       DropReason::kLocalMalformed},
      {"packet too big about IPv6 TCP", [](Message& m) { m = Ipv6(m), m.protocol = 6; },
       DropReason::kIcmpUnwanted},
      {"packet too big with a wrong checksum", [](Message& m) { m = Ipv6(m), m.checksum_holds = false; },
       DropReason::kLocalMalformed},
      {"time exceeded", [](Message& m) { m = Ipv6(m), m.type = 3; }, DropReason::kIcmpUnwanted},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      Message message;
      row.change(message);
      CHECK(ParsePathMtuMessage(Build(message)).reason == row.reason);
    }
  }
}

TEST_CASE("every truncation of a path MTU message is malformed") {
  for (const bool v4 : {true, false}) {
    const Bytes whole = Build(v4 ? Message{} : Ipv6());
    REQUIRE(ParsePathMtuMessage(whole).reason == DropReason::kNone);
    for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes));
      CHECK(ParsePathMtuMessage(cut).reason == DropReason::kLocalMalformed);
    }
  }
}

TEST_CASE("however little of the tunnel's header is quoted, it is read as far as it goes") {
  for (const uint8_t protocol : {uint8_t{47}, uint8_t{17}}) {
    Message message;
    message.protocol = protocol;
    const Bytes whole = protocol == 47 ? message.payload : kVxlanQuote;
    for (size_t bytes = 0; bytes <= whole.size(); ++bytes) {
      message.payload.assign(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes));
      const PathMtuMessage parsed = ParsePathMtuMessage(Build(message));
      CHECK(parsed.reason == (bytes < 4 ? DropReason::kIcmpUnwanted : DropReason::kNone));
      CHECK(parsed.report.key.has_value() == (bytes == whole.size()));
    }
  }
}

TEST_CASE("plateaus are those of RFC 1191 section 7.1") {
  CHECK(PlateauBelow(65535) == 32000);
  CHECK(PlateauBelow(9000) == 8166);
  CHECK(PlateauBelow(1500) == 1492);
  CHECK(PlateauBelow(1006) == 508);
  CHECK(PlateauBelow(69) == 68);
  CHECK(PlateauBelow(68) == 0);
}

}  // namespace
}  // namespace sluice::dataplane
