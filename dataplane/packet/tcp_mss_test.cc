// The MSS clamp: what is lowered, and everything that must stay as it came.
#include "dataplane/packet/tcp_mss.h"

#include <catch2/catch.hpp>
#include <optional>
#include <vector>

#include "dataplane/packet/ipv6.h"
#include "proto/net/byte_writer.h"
#include "proto/net/checksum.h"

namespace sluice::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint8_t kSyn = 0x02, kSynAck = 0x12, kAck = 0x10;

Bytes Mss(uint16_t value) {
  return {2, 4, static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
}
Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Segment {
  bool v4 = true;
  uint8_t flags = kSyn;
  Bytes options;          // a multiple of four
  uint16_t fragment = 0;  // IPv4
  Bytes ip_options = {};  // IPv4
  Bytes extension = {};   // IPv6: a whole header whose next header is TCP
  uint8_t extension_type = 0;
  std::optional<uint8_t> data_offset = {};  // in words
  uint8_t protocol = 6;
};

uint64_t PseudoHeader(const Bytes& ip, size_t tcp_bytes) {
  return ip[0] >> 4 == 4 ? net::ChecksumAdd(std::span(ip).subspan(12, 8), tcp_bytes + uint64_t{6})
                         : net::Ipv6PseudoHeaderSum(ip, static_cast<uint32_t>(tcp_bytes), 6);
}

size_t TcpAt(const Segment& segment) {
  return segment.v4 ? 20 + segment.ip_options.size() : 40 + segment.extension.size();
}

Bytes Build(const Segment& segment) {
  net::ByteWriter tcp;
  const auto words = static_cast<uint8_t>(5 + segment.options.size() / 4);
  tcp.U16(1000).U16(80).U32(7).U32(9);
  tcp.U8(static_cast<uint8_t>(segment.data_offset.value_or(words) << 4)).U8(segment.flags).U16(512);
  tcp.U16(0).U16(0).Bytes(segment.options).Bytes(Bytes{'h', 'i', '!'});
  net::ByteWriter out;
  if (segment.v4) {
    const size_t header = 20 + segment.ip_options.size();
    out.U8(static_cast<uint8_t>(0x40 | header / 4)).U8(0);
    out.U16(static_cast<uint16_t>(header + tcp.size())).U16(1).U16(segment.fragment);
    out.U8(64).U8(segment.protocol).U16(0).U32(0x0a010001).U32(0x0a020001).Bytes(segment.ip_options);
    out.PatchU16(10, net::Checksum(out.bytes()));
  } else {
    out.U32(6u << 28).U16(static_cast<uint16_t>(segment.extension.size() + tcp.size()));
    out.U8(segment.extension.empty() ? segment.protocol : segment.extension_type).U8(64);
    out.U64(0x20010db800010000).U64(1).U64(0x20010db800020000).U64(1).Bytes(segment.extension);
  }
  const uint64_t sum = net::ChecksumAdd(tcp.bytes(), PseudoHeader(out.bytes(), tcp.size()));
  tcp.PatchU16(16, net::ChecksumFinish(sum));
  out.Bytes(tcp.bytes());
  return out.Release();
}

// Exactly as many bytes as there are, so that a sanitizer sees the first one behind them.
Bytes Clamped(const Bytes& packet, uint16_t mtu) {
  Bytes copy(packet);
  ClampTcpMss(copy.data(), static_cast<uint32_t>(copy.size()), mtu);
  return copy;
}

}  // namespace

TEST_CASE("the MSS of a SYN is what the MTU leaves, and its checksum holds") {
  const Bytes nops = {1, 1, 1, 1};
  const struct {
    const char* what;
    Segment segment;
    size_t value_at;  // in the TCP header
    uint16_t expected;
  } rows[] = {
      {"SYN", {.options = Mss(1460)}, 22, 1360},
      {"SYN-ACK", {.flags = kSynAck, .options = Mss(8960)}, 22, 1360},
      {"IPv6", {.v4 = false, .options = Mss(1440)}, 22, 1340},
      {"behind other options", {.options = Bytes{3, 3, 7, 1} + Mss(1460)}, 26, 1360},
      {"at an odd place", {.options = Bytes{1} + Mss(1460) + Bytes{1, 1, 1}}, 23, 1360},
      {"at an odd place over IPv6",
       {.v4 = false, .options = Bytes{3, 3, 7} + Mss(65535) + Bytes{0}},
       25,
       1340},
      {"the list ends after it", {.options = Mss(1460) + Bytes{0, 9, 9, 9}}, 22, 1360},
      {"IPv4 options", {.options = Mss(1460), .ip_options = nops}, 22, 1360},
      {"the first fragment", {.options = Mss(1460), .fragment = 0x2000}, 22, 1360},
      {"an extension header",
       {.v4 = false, .options = Mss(1440), .extension = {6, 0, 1, 4, 0, 0, 0, 0}, .extension_type = 60},
       22,
       1340},
      {"the first fragment of IPv6",
       {.v4 = false, .options = Mss(1440), .extension = {6, 0, 0, 1, 0, 0, 0, 7}, .extension_type = 44},
       22,
       1340},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const Bytes before = Build(row.segment);
    Bytes expected = before;
    const size_t tcp = TcpAt(row.segment), at = tcp + row.value_at;
    expected[at] = static_cast<uint8_t>(row.expected >> 8);
    expected[at + 1] = static_cast<uint8_t>(row.expected);
    expected[tcp + 16] = expected[tcp + 17] = 0;
    const std::span<const uint8_t> segment = std::span(expected).subspan(tcp);
    const uint16_t sum = net::ChecksumFinish(net::ChecksumAdd(segment, PseudoHeader(before, segment.size())));
    expected[tcp + 16] = static_cast<uint8_t>(sum >> 8);
    expected[tcp + 17] = static_cast<uint8_t>(sum);
    CHECK(Clamped(before, 1400) == expected);
    CHECK(MayBeTcpSyn(before.data()));
  }
}

TEST_CASE("what needs no clamp, or cannot be understood, goes on unchanged") {
  const struct {
    const char* what;
    Segment segment;
  } rows[] = {
      {"small enough", {.options = Mss(1360)}},
      {"small enough over IPv6", {.v4 = false, .options = Mss(1340)}},
      {"no options", {}},
      {"no such option", {.options = {3, 3, 7, 1}}},
      {"not a SYN", {.flags = kAck, .options = Mss(1460)}},
      {"another protocol", {.options = Mss(1460), .protocol = 132}},
      {"a later fragment", {.options = Mss(1460), .fragment = 0x2001}},
      {"the last fragment", {.options = Mss(1460), .fragment = 0x0001}},
      {"a later fragment of IPv6",
       {.v4 = false, .options = Mss(1440), .extension = {6, 0, 0, 9, 0, 0, 0, 7}, .extension_type = 44}},
      {"an option of length 0", {.options = Bytes{3, 0, 7, 1} + Mss(1460)}},
      {"an option of length 1", {.options = Bytes{3, 1, 7, 1} + Mss(1460)}},
      {"an option beyond the header", {.options = Mss(1460) + Bytes{3, 9, 7, 1}}},
      {"a kind without a length", {.options = Mss(1460) + Bytes{1, 1, 1, 3}}},
      {"an MSS of three bytes", {.options = {2, 3, 255, 1}}},
      {"an MSS of six bytes", {.options = {2, 6, 255, 255, 255, 255, 1, 1}}},
      {"an MSS that is cut", {.options = {1, 1, 2, 4}}},
      {"two of them", {.options = Mss(1460) + Mss(1460)}},
      {"behind the end of the list", {.options = Bytes{0, 1, 1, 1} + Mss(1460)}},
      {"a data offset below the header", {.options = Mss(1460), .data_offset = 4}},
      {"a data offset beyond the packet", {.options = Mss(1460), .data_offset = 15}},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const Bytes before = Build(row.segment);
    CHECK(Clamped(before, 1400) == before);
  }
  // An MTU without room for any segment.
  CHECK(Clamped(Build({.options = Mss(1460)}), 40) == Build({.options = Mss(1460)}));
}

TEST_CASE("a SYN that is cut anywhere is left alone") {
  for (const bool v4 : {true, false}) {
    const Bytes whole = Build({.v4 = v4, .options = Bytes{3, 3, 7, 1} + Mss(1460)});
    const size_t tcp = v4 ? 20 : 40, header = tcp + 28;
    for (size_t bytes = tcp; bytes < whole.size(); ++bytes) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<long>(bytes));
      CHECK((Clamped(cut, 1400) == cut) == (bytes < header));
    }
  }
}

TEST_CASE("the quick test asks for no packet but a SYN") {
  CHECK(!MayBeTcpSyn(Build({.flags = kAck, .options = Mss(1460)}).data()));
  CHECK(!MayBeTcpSyn(Build({.v4 = false, .flags = kAck, .options = Mss(1460)}).data()));
  CHECK(!MayBeTcpSyn(Build({.options = Mss(1460), .protocol = 17}).data()));
  CHECK(!MayBeTcpSyn(Build({.v4 = false, .options = Mss(1460), .protocol = 17}).data()));
}

}  // namespace sluice::dataplane
