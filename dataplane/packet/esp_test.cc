// ESP as bytes and as values: lengths, trailer, what arrives, what is inside, every truncation.
#include "dataplane/packet/esp.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace sluice::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;

EspTransform TransformOf(const EspSuite& suite) {
  EspTransform transform;
  transform.suite = suite.id;
  transform.iv_bytes = suite.iv_bytes;
  transform.icv_bytes = suite.icv_bytes;
  transform.alignment = static_cast<uint8_t>(suite.alignment & 0x7f);
  return transform;
}

Bytes Ipv4Packet(uint16_t bytes) {
  Bytes packet(std::max<size_t>(bytes, 20), 0x11);
  packet[0] = 0x45;
  StoreBe16(packet.data() + 2, bytes);
  return packet;
}
Bytes Ipv6Packet(uint16_t bytes) {
  Bytes packet(std::max<size_t>(bytes, 40), 0x22);
  packet[0] = 0x60;
  StoreBe16(packet.data() + 4, static_cast<uint16_t>(bytes - 40));
  return packet;
}

// Behind `packet`: bytes that hide its length, padding, trailer.
Bytes Padded(Bytes packet, size_t hiding, uint8_t pad, uint8_t next_header) {
  packet.resize(packet.size() + hiding);
  for (unsigned i = 1; i <= pad; ++i) packet.push_back(static_cast<uint8_t>(i));
  packet.push_back(pad);
  packet.push_back(next_header);
  return packet;
}

Bytes Udp(const Bytes& payload) {
  Bytes udp(8 + payload.size());
  StoreBe16(udp.data(), 4500);
  StoreBe16(udp.data() + 2, 4500);
  StoreBe16(udp.data() + 4, static_cast<uint16_t>(udp.size()));
  std::copy(payload.begin(), payload.end(), udp.begin() + 8);
  return udp;
}

}  // namespace

TEST_CASE("what is sealed ends on the cipher's block, with RFC 4303's padding") {
  for (const EspSuite& suite : EspSuites()) {
    INFO(suite.name);
    const EspTransform transform = TransformOf(suite);
    for (uint32_t payload = 0; payload < 100; ++payload) {
      const uint32_t pad = EspPadBytes(payload, suite.alignment);
      CHECK(pad < suite.alignment);
      CHECK((payload + pad + 2) % suite.alignment == 0);
      const uint32_t bytes = EspBytes(transform, payload);
      CHECK(bytes == 8u + suite.iv_bytes + payload + pad + 2 + suite.icv_bytes);
      CHECK(EspLengthHolds(transform, bytes));
      for (uint32_t less = 1; less < suite.alignment; ++less)
        CHECK_FALSE(EspLengthHolds(transform, bytes - less));

      // Beyond the trailer only where the ICV will be.
      Bytes packet(pad + 2 + suite.icv_bytes + 1, 0xee);
      StoreEspTrailer(packet.data(), pad, kNextHeaderIpv4);
      for (uint32_t i = 0; i < pad; ++i) CHECK(packet[i] == i + 1);
      CHECK(packet[pad] == pad);
      CHECK(packet[pad + 1] == kNextHeaderIpv4);
      CHECK(packet.back() == 0xee);
    }
    for (uint32_t bytes = 0; bytes < transform.envelope_bytes() + suite.alignment; ++bytes)
      CHECK_FALSE(EspLengthHolds(transform, bytes));
  }
}

TEST_CASE("the ESP header has the lower half of the sequence number") {
  Bytes header(8);
  StoreEspHeader(header.data(), 0x01020304, 0x11121314'15161718);
  CHECK(header == Bytes{1, 2, 3, 4, 0x15, 0x16, 0x17, 0x18});
}

TEST_CASE("the effective MTU is the largest payload that fits, and one byte more does not") {
  for (const EspSuite& suite : EspSuites()) {
    const EspTransform transform = TransformOf(suite);
    for (const bool ipv4 : {false, true}) {
      for (const bool udp : {false, true}) {
        const uint32_t outer = (ipv4 ? 20 : 40) + (udp ? 8 : 0);
        for (uint32_t link = 0; link < 1600; ++link) {
          const uint32_t mtu = EspInnerMtu(link, ipv4, udp, suite);
          const bool fits = outer + EspBytes(transform, mtu) <= link;
          const bool exact = outer + EspBytes(transform, mtu + 1) > link;
          if ((mtu != 0 && !fits) || !exact) FAIL(suite.name << " link " << link << " mtu " << mtu);
        }
      }
    }
  }
  // Figures that one knows.
  CHECK(EspInnerMtu(1500, true, false, SuiteOf(EspSuiteId::kAes128Gcm)) == 1446);
  CHECK(EspInnerMtu(1500, true, true, SuiteOf(EspSuiteId::kAes128Gcm)) == 1438);
  CHECK(EspInnerMtu(1500, true, false, SuiteOf(EspSuiteId::kAes128CbcSha1)) == 1438);
  CHECK(EspInnerMtu(1500, false, false, SuiteOf(EspSuiteId::kAes256CbcSha256)) == 1406);
}

TEST_CASE("what arrives is ESP, IKE, a keepalive, or unsound") {
  const Bytes esp = {0, 0, 1, 0, 0, 0, 0, 7, 9, 9, 9, 9};
  const Bytes ike = {0, 0, 0, 0, 1, 2, 3, 4, 5};
  constexpr uint8_t kUdp = 17;
  struct Row {
    const char* what;
    uint8_t protocol;
    Bytes bytes;
    EspArrivalKind kind;
    DropReason reason = DropReason::kNone;
    uint8_t offset = 0;
    uint32_t length = 0;
  };
  constexpr auto kUnsound = EspArrivalKind::kUnsound;
  Bytes longer = Udp(esp), shorter = Udp(esp), inside = Udp(esp), followed = Udp(esp);
  StoreBe16(longer.data() + 4, 21);
  StoreBe16(shorter.data() + 4, 19);
  StoreBe16(inside.data() + 4, 7);
  followed.resize(30);
  const Row rows[] = {
      {"ESP", kProtocolEsp, esp, EspArrivalKind::kEsp, DropReason::kNone, 0, 12},
      {"ESP in UDP", kUdp, Udp(esp), EspArrivalKind::kEsp, DropReason::kNone, 8, 12},
      {"bytes after the datagram are not its own", kUdp, followed, EspArrivalKind::kEsp, DropReason::kNone, 8,
       12},
      {"a datagram shorter than its packet", kUdp, shorter, EspArrivalKind::kEsp, DropReason::kNone, 8, 11},
      {"a datagram longer than its packet", kUdp, longer, kUnsound, DropReason::kEspMalformed},
      {"a datagram that ends in its header", kUdp, inside, kUnsound, DropReason::kEspMalformed},
      {"IKE", kUdp, Udp(ike), EspArrivalKind::kIke, DropReason::kNone, 12, 5},
      {"a marker and nothing", kUdp, Udp({0, 0, 0, 0}), EspArrivalKind::kIke, DropReason::kNone, 12, 0},
      {"a marker without UDP", kProtocolEsp, ike, kUnsound, DropReason::kEspNoSa},
      {"a keepalive", kUdp, Udp({0xff}), kUnsound, DropReason::kNatKeepalive},
      {"one other byte", kUdp, Udp({0xfe}), kUnsound, DropReason::kEspMalformed},
      {"two bytes", kUdp, Udp({0xff, 0xff}), kUnsound, DropReason::kEspMalformed},
      {"an empty datagram", kUdp, Udp({}), kUnsound, DropReason::kEspMalformed},
      {"a keepalive without UDP", kProtocolEsp, {0xff}, kUnsound, DropReason::kEspMalformed},
      {"a reserved SPI", kProtocolEsp, {0, 0, 0, 255, 0, 0, 0, 1}, kUnsound, DropReason::kEspNoSa},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const EspArrival got = ParseEspArrival(row.protocol, row.bytes);
    CHECK(got.kind == row.kind);
    CHECK(got.reason == row.reason);
    if (row.kind == kUnsound) continue;
    CHECK(got.offset == row.offset);
    CHECK(got.bytes == row.length);
    if (row.kind != EspArrivalKind::kEsp) continue;
    CHECK(got.spi == 256);
    CHECK(got.sequence_low == 7);
  }
  for (size_t cut = 0; cut < 8; ++cut) {
    CHECK(ParseEspArrival(kProtocolEsp, std::span(esp).first(cut)).reason == DropReason::kEspMalformed);
    CHECK(ParseEspArrival(kUdp, std::span(longer).first(cut)).reason == DropReason::kEspMalformed);
  }
}

TEST_CASE("what is inside is an IP packet, a dummy, or dropped") {
  struct Row {
    const char* what;
    Bytes plaintext;
    DropReason reason;
    bool ipv4 = false;
    uint16_t bytes = 0;
  };
  constexpr DropReason kSound = DropReason::kNone, kWrong = DropReason::kEspMalformed;
  Bytes short_header = Ipv4Packet(40), long_header = Ipv4Packet(40), other_version = Ipv4Packet(40);
  short_header[0] = 0x44;
  long_header[0] = 0x4f;
  other_version[0] = 0x65;
  Bytes zeros = Padded(Ipv4Packet(32), 0, 6, 4);
  std::fill(zeros.begin() + 32, zeros.begin() + 38, 0);
  Bytes longer_than_all = Padded(Ipv4Packet(20), 0, 0, 4);
  longer_than_all[20] = 21;
  const Row rows[] = {
      {"IPv4", Padded(Ipv4Packet(32), 0, 6, 4), kSound, true, 32},
      {"IPv6", Padded(Ipv6Packet(60), 0, 2, 41), kSound, false, 60},
      {"no padding", Padded(Ipv4Packet(42), 0, 0, 4), kSound, true, 42},
      {"255 bytes of padding", Padded(Ipv4Packet(20), 0, 255, 4), kSound, true, 20},
      {"traffic flow confidentiality", Padded(Ipv4Packet(32), 500, 2, 4), kSound, true, 32},
      {"the same of IPv6", Padded(Ipv6Packet(40), 1, 1, 41), kSound, false, 40},
      {"other padding bytes", zeros, kSound, true, 32},
      {"a dummy", Padded(Bytes(50, 0x77), 0, 0, 59), DropReason::kEspDummy},
      {"an empty dummy", Padded({}, 0, 2, 59), DropReason::kEspDummy},
      {"transport mode", Padded(Bytes(50, 0x77), 0, 0, 17), DropReason::kEspNextHeader},
      {"padding longer than everything", {1, 2, 3, 4, 4}, kWrong},
      {"the same behind a sound packet", longer_than_all, kWrong},
      {"padding that leaves nothing", Padded({}, 0, 2, 4), kWrong},
      {"one byte", {4}, kWrong},
      {"nothing", {}, kWrong},
      {"IPv4 said to be IPv6", Padded(Ipv4Packet(60), 0, 2, 41), kWrong},
      {"IPv6 said to be IPv4", Padded(Ipv6Packet(60), 0, 2, 4), kWrong},
      {"another version", Padded(other_version, 0, 2, 4), kWrong},
      {"a header too short", Padded(short_header, 0, 2, 4), kWrong},
      {"a header beyond the total length", Padded(long_header, 60, 2, 4), kWrong},
      {"a total length in the header", Padded(Ipv4Packet(19), 60, 2, 4), kWrong},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const EspPayload got = ParseEspPayload(row.plaintext);
    CHECK(got.reason == row.reason);
    CHECK(got.bytes == row.bytes);
    CHECK(got.ipv4 == row.ipv4);
  }
  // Every truncation of a packet before its trailer.
  for (const Bytes& packet : {Ipv4Packet(48), Ipv6Packet(48)}) {
    const uint8_t next_header = packet[0] >> 4 == 4 ? 4 : 41;
    for (size_t cut = 0; cut < 48; ++cut) {
      Bytes shorter = packet;
      shorter.resize(cut);
      CHECK(ParseEspPayload(Padded(shorter, 0, 2, next_header)).reason == kWrong);
    }
  }
  Bytes jumbo(66000, 0x22);
  jumbo[0] = 0x60;
  StoreBe16(jumbo.data() + 4, 65500);
  CHECK(ParseEspPayload(Padded(jumbo, 0, 2, 41)).reason == kWrong);
}

}  // namespace sluice::dataplane
