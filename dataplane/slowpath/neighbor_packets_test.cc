// ARP and ND packets: bytes and value both ways, every truncation, and each rule
// of RFC 4861 section 7.1 broken once.
#include <catch2/catch.hpp>
#include <functional>

#include "dataplane/slowpath/arp_packet.h"
#include "dataplane/slowpath/ethernet_frame.h"
#include "dataplane/slowpath/mld_report.h"
#include "dataplane/slowpath/nd_packet.h"
#include "proto/net/checksum.h"

namespace sluice::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;

net::MacAddress Mac(const char* text) {
  return *net::MacAddress::Parse(text);
}
net::Ipv4Address V4(const char* text) {
  return *net::Ipv4Address::Parse(text);
}
net::Ipv6Address V6(const char* text) {
  return *net::Ipv6Address::Parse(text);
}

const Bytes kArpRequestBytes = {0,  1, 8, 0, 6, 4, 0, 1, 2, 0, 0,  0, 0, 9,
                                10, 0, 0, 9, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1};
const ArpPacket kArpRequest{
    ArpOperation::kRequest, Mac("02:00:00:00:00:09"), V4("10.0.0.9"), {}, V4("10.0.0.1")};

TEST_CASE("an ARP packet is its 28 bytes, and padding behind them is ignored") {
  CHECK(BuildArp(kArpRequest) == kArpRequestBytes);
  Bytes padded = kArpRequestBytes;
  padded.resize(46);
  CHECK(ParseArp(padded) == kArpRequest);
}

TEST_CASE("a truncated ARP packet is refused at every length") {
  for (size_t cut = 0; cut < kArpRequestBytes.size(); ++cut)
    CHECK_FALSE(ParseArp(std::span<const uint8_t>(kArpRequestBytes).first(cut)));
}

TEST_CASE("ARP for other media, operations or impossible senders is refused") {
  struct Row {
    const char* what;
    size_t at;
    uint8_t value;
  };
  const Row rows[] = {
      {"hardware type", 1, 6},    {"protocol", 2, 0x86},         {"hardware length", 4, 8},
      {"protocol length", 5, 16}, {"operation 0", 7, 0},         {"operation 3", 7, 3},
      {"group sender MAC", 8, 3}, {"multicast sender", 14, 224}, {"loopback sender", 14, 127}};
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      Bytes bytes = kArpRequestBytes;
      bytes[row.at] = row.value;
      CHECK_FALSE(ParseArp(bytes));
    }
  }
}

NdPacket Solicitation() {
  NdPacket packet;
  packet.source = V6("2001:db8::9");
  packet.destination = V6("2001:db8::1").SolicitedNode();
  packet.target = V6("2001:db8::1");
  packet.link_layer = Mac("02:00:00:00:00:09");
  return packet;
}
NdPacket Advertisement() {
  NdPacket packet = Solicitation();
  packet.kind = NdKind::kAdvertisement;
  packet.destination = V6("2001:db8::1");
  packet.target = V6("2001:db8::9");
  packet.solicited = packet.override_cached = true;
  return packet;
}

// With the checksum made right again after `change`.
Bytes Changed(const NdPacket& packet, const std::function<void(Bytes&)>& change) {
  Bytes bytes = BuildNd(packet);
  change(bytes);
  bytes[4] = static_cast<uint8_t>((bytes.size() - 40) >> 8);
  bytes[5] = static_cast<uint8_t>(bytes.size() - 40);
  if (bytes.size() < 44) return bytes;
  bytes[42] = bytes[43] = 0;
  const uint64_t pseudo =
      net::ChecksumAdd(std::span<const uint8_t>(bytes).subspan(8, 32), bytes.size() - 40 + 58);
  const uint16_t sum =
      net::ChecksumFinish(net::ChecksumAdd(std::span<const uint8_t>(bytes).subspan(40), pseudo));
  bytes[42] = static_cast<uint8_t>(sum >> 8);
  bytes[43] = static_cast<uint8_t>(sum);
  return bytes;
}

TEST_CASE("an ND packet that was built parses back, with padding behind it") {
  NdPacket detection;
  detection.target = V6("fe80::1");
  detection.destination = detection.target.SolicitedNode();
  NdPacket unsolicited = Advertisement();
  unsolicited.destination = V6("ff02::1");
  unsolicited.solicited = false;
  unsolicited.router = true;
  for (const NdPacket& packet : {Solicitation(), Advertisement(), detection, unsolicited}) {
    Bytes bytes = BuildNd(packet);
    CHECK(ParseNd(bytes).fault == NdFault::kNone);
    CHECK(ParseNd(bytes).packet == packet);
    bytes.resize(bytes.size() + 7);
    CHECK(ParseNd(bytes).packet == packet);
  }
}

TEST_CASE("a truncated ND packet is refused at every length, whatever its length field says") {
  for (const NdPacket& packet : {Solicitation(), Advertisement()}) {
    const Bytes whole = BuildNd(packet);
    for (size_t cut = 0; cut < whole.size(); ++cut) {
      CHECK(ParseNd(std::span<const uint8_t>(whole).first(cut)).fault == NdFault::kNotNd);
      if (cut < 44) continue;
      const Bytes consistent = Changed(packet, [&](Bytes& bytes) { bytes.resize(cut); });
      const NdFault fault = ParseNd(consistent).fault;
      // Cut exactly before its option the packet is a valid one without it.
      if (cut == 64) {
        CHECK(fault == NdFault::kNone);
      } else {
        CHECK((fault == NdFault::kLength || fault == NdFault::kOptions));
      }
    }
  }
}

TEST_CASE("each validation rule of RFC 4861 section 7.1 is enforced") {
  struct Row {
    const char* what;
    NdPacket packet;
    std::function<void(Bytes&)> change;
    NdFault fault;
  };
  const auto with = [](NdPacket packet, const std::function<void(NdPacket&)>& change) {
    change(packet);
    return packet;
  };
  const auto nothing = [](Bytes&) {};
  const Row rows[] = {
      {"hop limit 254", Solicitation(), [](Bytes& b) { b[7] = 254; }, NdFault::kHopLimit},
      {"code 1", Solicitation(), [](Bytes& b) { b[41] = 1; }, NdFault::kCode},
      {"a router advertisement", Solicitation(), [](Bytes& b) { b[40] = 134; }, NdFault::kNotNd},
      {"a redirect", Solicitation(), [](Bytes& b) { b[40] = 137; }, NdFault::kNotNd},
      {"an extension header", Solicitation(), [](Bytes& b) { b[6] = 0; }, NdFault::kNotNd},
      {"IP version 4", Solicitation(), [](Bytes& b) { b[0] = 0x40; }, NdFault::kNotNd},
      {"option of length zero", Solicitation(), [](Bytes& b) { b[65] = 0; }, NdFault::kOptions},
      {"option beyond the end", Solicitation(), [](Bytes& b) { b[65] = 2; }, NdFault::kOptions},
      {"group MAC in the option", Solicitation(), [](Bytes& b) { b[66] = 1; }, NdFault::kOptions},
      {"multicast target", with(Solicitation(), [](NdPacket& p) { p.target = V6("ff02::1"); }), nothing,
       NdFault::kTarget},
      {"multicast source", with(Solicitation(), [](NdPacket& p) { p.source = V6("ff02::1"); }), nothing,
       NdFault::kSource},
      {"no source but its option", with(Solicitation(), [](NdPacket& p) { p.source = {}; }), nothing,
       NdFault::kUnspecifiedSource},
      {"no source, to no solicited-node group",
       with(Solicitation(),
            [](NdPacket& p) {
              p.source = {};
              p.link_layer.reset();
              p.destination = V6("2001:db8::1");
            }),
       nothing, NdFault::kUnspecifiedSource},
      {"solicited to a group", with(Advertisement(), [](NdPacket& p) { p.destination = V6("ff02::1"); }),
       nothing, NdFault::kSolicitedMulticast},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      CHECK(ParseNd(Changed(row.packet, row.change)).fault == row.fault);
    }
  }
  Bytes corrupt = BuildNd(Solicitation());
  corrupt.back() ^= 1;
  CHECK(ParseNd(corrupt).fault == NdFault::kChecksum);
}

TEST_CASE("an unknown option is skipped by its length") {
  NdPacket packet = Solicitation();
  const Bytes bytes = Changed(packet, [](Bytes& b) {
    const Bytes nonce = {14, 1, 1, 2, 3, 4, 5, 6};
    b.insert(b.begin() + 64, nonce.begin(), nonce.end());
  });
  CHECK(ParseNd(bytes).fault == NdFault::kNone);
  CHECK(ParseNd(bytes).packet == packet);
}

TEST_CASE("a multicast listener report carries router alert, one record and a right checksum") {
  const Bytes report = BuildMldReport(V6("fe80::1"), V6("ff02::1:ff00:1"), kMldChangeToExclude);
  REQUIRE(report.size() == 40 + 8 + 28);
  CHECK(report[7] == 1);
  CHECK((Bytes(report.begin() + 40, report.begin() + 48) == Bytes{58, 0, 5, 2, 0, 0, 1, 0}));
  CHECK(report[48] == 143);
  CHECK(report[56] == kMldChangeToExclude);
  const std::span<const uint8_t> bytes(report);
  const uint64_t pseudo = net::ChecksumAdd(bytes.subspan(8, 32), 28 + 58);
  CHECK(net::ChecksumFinish(net::ChecksumAdd(bytes.subspan(48), pseudo)) == 0);
}

TEST_CASE("frames carry a tag only on a VLAN and are never below 60 bytes") {
  const Bytes untagged =
      BuildEthernetFrame(kBroadcastMac, Mac("02:00:00:00:00:01"), 0, kEtherTypeArp, kArpRequestBytes);
  CHECK(untagged.size() == 60);
  CHECK(untagged[12] == 0x08);
  const Bytes tagged =
      BuildEthernetFrame(kBroadcastMac, Mac("02:00:00:00:00:01"), 0x123, kEtherTypeArp, kArpRequestBytes);
  CHECK((Bytes(tagged.begin() + 12, tagged.begin() + 18) == Bytes{0x81, 0x00, 0x01, 0x23, 0x08, 0x06}));
}

TEST_CASE("link-local addresses and multicast MACs follow their RFCs") {
  CHECK(LinkLocalAddress(Mac("02:00:5e:10:20:30")).ToString() == "fe80::5eff:fe10:2030");
  CHECK(MulticastMac(V6("ff02::1:ff12:3456")).ToString() == "33:33:ff:12:34:56");
}

}  // namespace
}  // namespace sluice::dataplane
