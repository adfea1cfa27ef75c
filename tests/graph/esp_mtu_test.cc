// The MTU matrix of ESP, every cell: {IPv4, IPv6} x {DF, no DF} x {ESP, ESP in UDP} x {IPv4, IPv6
// outside}, for a cipher of 4 bytes alignment and one of 16. Packets are cut before they are
// encrypted, and none is longer outside than the underlay's MTU.
#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/graph/esp_gateway.h"

namespace sluice::testing {
namespace {

using dataplane::EspSuiteId;

constexpr uint16_t kUnderlayMtu = 1500;

struct Cell {
  EspSuiteId suite;
  bool udp, outer4, inner4, dont_fragment;

  // Headers, whole blocks of the cipher, and in the last one pad length and next header.
  uint16_t mtu() const {
    const bool gcm = suite == EspSuiteId::kAes128Gcm;
    const int envelope = (outer4 ? 20 : 40) + (udp ? 8 : 0) + 8 + (gcm ? 8 + 16 : 16 + 16),
              block = gcm ? 4 : 16;
    return static_cast<uint16_t>((kUnderlayMtu - envelope) / block * block - 2);
  }
};

// "whole", "2 fragments, 1444" (bytes of the longest), "ICMP 3/4 MTU 1446", after a packet of so many bytes.
std::string Outcome(const Cell& cell, uint16_t ip_bytes) {
  EspGateway graph({.outer4 = cell.outer4, .udp = cell.udp, .suite = cell.suite});
  CHECK(dataplane::EspInnerMtu(kUnderlayMtu, cell.outer4, cell.udp, graph.suite()) == cell.mtu());
  dataplane::Adjacency adjacency = *graph.tables().adjacencies.Describe(4);
  adjacency.mtu = cell.mtu();
  REQUIRE(graph.tables().PutAdjacency(4, adjacency).ok());
  const auto fragment = static_cast<uint16_t>(cell.dont_fragment ? 0x4000 : 0);
  Packet in = graph.In();
  if (cell.inner4) {
    in.Ipv4({.destination = "10.3.0.1", .fragment = fragment}).Udp(1, 2, ip_bytes - 28u);
  } else {
    in.Ipv6({.destination = "2001:db8:3::1"}).Udp(1, 2, ip_bytes - 48u);
  }
  graph.Push(0, in.frame());
  graph.Settle();
  const auto sent = graph.Sent(1), back = graph.Sent(0);
  CHECK(graph.mbufs_in_use() == 0);
  if (!back.empty()) {
    CHECK(sent.empty());
    const Fields error = Dissect(back[0]);
    CHECK(error.at("icmp.checksum") == "good");
    CHECK(error.at("ip.source") == (cell.inner4 ? "10.1.0.254" : "2001:db8:1::fe"));
    CHECK(graph.Drops(1, dataplane::DropReason::kTooBig) == 1);
    return "ICMP " + error.at("icmp.type") + "/" + error.at("icmp.code") + " MTU " + error.at("icmp.mtu");
  }
  CHECK(graph.AllDrops().empty());
  size_t payload = 0, longest = 0;
  for (const Bytes& frame : sent) {
    CHECK(frame.size() - 18 <= kUnderlayMtu);
    const Bytes inner = graph.Opened(frame);
    payload += inner.size() - (cell.inner4 ? 20u : 40u);
    longest = std::max(longest, inner.size());
  }
  CHECK(payload == ip_bytes - (cell.inner4 ? 20u : 40u));
  if (sent.size() == 1) return "whole";
  CHECK(longest <= cell.mtu());
  return std::to_string(sent.size()) + " fragments, " + std::to_string(longest);
}

void CheckCell(const Cell& cell) {
  const uint16_t mtu = cell.mtu();
  CAPTURE(cell.udp, cell.outer4, cell.inner4, cell.dont_fragment, mtu);
  const std::string fits = Outcome(cell, mtu), over = Outcome(cell, static_cast<uint16_t>(mtu + 1)),
                    twice = Outcome(cell, static_cast<uint16_t>(2 * mtu));
  CHECK(Outcome(cell, static_cast<uint16_t>(mtu - 1)) == "whole");
  CHECK(fits == "whole");
  const bool fragments = cell.inner4 && !cell.dont_fragment;
  const std::string error = (cell.inner4 ? "ICMP 3/4 MTU " : "ICMP 2/0 MTU ") + std::to_string(mtu);
  CHECK((fragments ? over.substr(0, 11) : over) == (fragments ? "2 fragments" : error));
  CHECK((fragments ? twice.substr(0, 11) : twice) == (fragments ? "3 fragments" : error));
  std::printf("%-8s %-14s %-8s %-5s %-3s %5u  %-8s %-20s %s\n", cell.udp ? "ESP/UDP" : "ESP",
              std::string(dataplane::SuiteOf(cell.suite).name).c_str(), cell.outer4 ? "IPv4" : "IPv6",
              cell.inner4 ? "IPv4" : "IPv6", cell.inner4 ? (cell.dont_fragment ? "yes" : "no") : "-", mtu,
              fits.c_str(), over.c_str(), twice.c_str());
}

}  // namespace

TEST_CASE("the MTU matrix of ESP, every cell") {
  std::printf("%-8s %-14s %-8s %-5s %-3s %5s  %-8s %-20s %s\n", "carrier", "suite", "outside", "inner", "DF",
              "MTU", "at MTU", "one byte more", "twice the MTU");
  for (const EspSuiteId suite : {EspSuiteId::kAes128Gcm, EspSuiteId::kAes256CbcSha256})
    for (const bool udp : {false, true})
      for (const bool outer4 : {true, false})
        for (const bool inner4 : {true, false})
          for (const bool dont_fragment : {true, false})
            if (inner4 || dont_fragment)  // no router fragments IPv6
              CheckCell({suite, udp, outer4, inner4, dont_fragment});
}

}  // namespace sluice::testing
