// ESP through the whole graph: packets in, packets out, byte by byte as OpenSSL has them.
#include <catch2/catch.hpp>

#include "tests/graph/esp_gateway.h"
#include "tests/graph/same_frame.h"

namespace sluice::testing {
namespace {

using dataplane::DropReason;

// A frame out of the tunnel as the host gets it.
Bytes ToHost(EspGateway& graph, bool v4, size_t payload = 18) {
  Packet frame = graph.Back();
  if (v4)
    return frame.Ipv4({.source = "10.3.0.1", .destination = "10.1.0.1", .ttl = 63})
        .Udp(5, 6, payload)
        .frame();
  return frame.Ipv6({.source = "2001:db8:3::1", .destination = "2001:db8:1::1", .hop_limit = 63})
      .Udp(5, 6, payload)
      .frame();
}

std::string Name(const EspShape& shape, bool inner4) {
  return std::string(inner4 ? "4" : "6") + " in " + (shape.outer4 ? "4" : "6") + (shape.udp ? " UDP" : "") +
         (shape.esn ? " ESN" : "") + " " + std::string(dataplane::SuiteOf(shape.suite).name);
}

void CheckBothWays(const EspShape& shape, bool inner4, uint16_t workers) {
  INFO(Name(shape, inner4) << ", " << workers << " workers");
  EspGateway graph(shape, {.workers = workers});
  // Across the lower half's end where there is an upper one.
  uint64_t sequence = shape.floor;
  for (const size_t payload : {0u, 1u, 2u, 3u, 13u, 1300u}) {
    ++sequence;
    graph.Push(1, graph.Arriving(graph.Sealed(InnerFromFar(inner4, 64, payload).ip(), sequence)));
    Packet from_host = graph.In();
    graph.Push(0, ToFar(from_host, inner4, 64, payload).frame());
    graph.Settle();
    const auto out_of = graph.Sent(0), into = graph.Sent(1);
    REQUIRE(out_of.size() == 1);
    CHECK(out_of[0] == ToHost(graph, inner4, payload));
    REQUIRE(into.size() == 1);
    Packet inner;
    CHECK(into[0] == graph.Leaving(graph.Expected(ToFar(inner, inner4, 63, payload).ip(), sequence)));
  }
  CHECK(graph.AllDrops().empty());
  CHECK(graph.mbufs_in_use() == 0);
  CHECK(graph.inbound().usage.packets == 6);
  CHECK(graph.outbound().usage.packets == 6);
  CHECK(graph.inbound().usage.bytes == graph.outbound().usage.bytes);
  CHECK(graph.tables().sas.MarkOf(kSaIn) == sequence);
  CHECK(graph.tables().sas.MarkOf(kSaOut) >= sequence);
  CHECK(graph.inbound().usage.state == dataplane::kSaInboundUsed);
}

}  // namespace

TEST_CASE("packets go into ESP and out of it, every cell") {
  for (unsigned cell = 0; cell < 16; ++cell) {
    EspShape shape{.outer4 = (cell & 1) != 0, .udp = (cell & 2) != 0, .esn = (cell & 4) != 0};
    // The sixth packet's lower half is 3.
    if (shape.esn) shape.floor = 0xffff'fffd;
    for (const uint16_t workers : {1, 2, 4}) CheckBothWays(shape, (cell & 8) != 0, workers);
  }
}

TEST_CASE("packets go into ESP and out of it with every suite") {
  for (const dataplane::EspSuite& suite : dataplane::EspSuites())
    for (const bool esn : {false, true}) CheckBothWays({.esn = esn, .suite = suite.id}, true, 1);
}

TEST_CASE("what is not as it should be is dropped under its name, and counted by the SA") {
  EspGateway graph({}, AnyWorkers());
  const Bytes inner = InnerFromFar(true).ip();
  const auto sealed = [&](const Bytes& plaintext, uint64_t sequence) {
    return graph.in.Seal(kEspSpiIn, sequence, graph.in.Iv(sequence), plaintext);
  };
  const auto changed = [](Bytes bytes, size_t at) {
    bytes.at(at) ^= 1;
    return bytes;
  };
  const Bytes good = graph.Sealed(inner, 100);
  const Bytes too_long_inside =
      Packet().Ipv4({.source = "10.3.0.1", .destination = "10.1.0.1", .total_length = 100}).Udp(1, 2).ip();
  Bytes wrong_pad = graph.Plaintext(inner, 4);
  wrong_pad[wrong_pad.size() - 2] = 255;
  graph.Push(1, graph.Arriving(good));
  graph.Settle();
  REQUIRE(graph.Sent(0).size() == 1);
  using Losses = dataplane::SaLosses;
  const struct {
    const char* what;
    Bytes esp;
    dataplane::VrfId vrf;
    DropReason reason;
    uint64_t Losses::*counted = nullptr;
  } rows[] = {
      {"an SPI of nobody", changed(graph.Sealed(inner, 101), 3), 0, DropReason::kEspNoSa},
      {"another home", changed(graph.Sealed(inner, 101), 0), 0, DropReason::kEspNoSa},
      {"a reserved SPI", Bytes(60, 0), 0, DropReason::kEspNoSa},
      {"no whole ESP header", {1, 5, 0, 7, 0, 0}, 0, DropReason::kEspMalformed},
      {"no room for ICV and trailer", Bytes(good.begin(), good.begin() + 32), 1, DropReason::kEspMalformed,
       &Losses::malformed},
      {"not whole blocks", Bytes(good.begin(), good.end() - 1), 1, DropReason::kEspMalformed,
       &Losses::malformed},
      {"it came before", good, 1, DropReason::kEspReplay, &Losses::replay},
      {"number 0", graph.Sealed(inner, 0), 1, DropReason::kEspLate, &Losses::late},
      {"left of the window", graph.Sealed(inner, 36), 1, DropReason::kEspLate, &Losses::late},
      {"another IV", changed(graph.Sealed(inner, 101), 9), 1, DropReason::kEspIntegrity, &Losses::integrity},
      {"another payload", changed(graph.Sealed(inner, 101), 20), 1, DropReason::kEspIntegrity,
       &Losses::integrity},
      {"another ICV", changed(graph.Sealed(inner, 101), good.size() - 1), 1, DropReason::kEspIntegrity,
       &Losses::integrity},
      {"another sequence number", changed(graph.Sealed(inner, 101), 7), 1, DropReason::kEspReplay,
       &Losses::replay},
      {"a dummy", sealed(graph.Plaintext({}, 59), 110), 1, DropReason::kEspDummy, &Losses::dummy},
      {"a dummy with something in it", sealed(graph.Plaintext(inner, 59), 111), 1, DropReason::kEspDummy,
       &Losses::dummy},
      {"transport mode", sealed(graph.Plaintext(inner, 17), 112), 1, DropReason::kEspNextHeader,
       &Losses::malformed},
      {"padding beyond the packet", sealed(wrong_pad, 113), 1, DropReason::kEspMalformed, &Losses::malformed},
      {"IPv4 that calls itself IPv6", sealed(graph.Plaintext(inner, 41), 114), 1, DropReason::kEspMalformed,
       &Losses::malformed},
      {"an inner packet that is cut", sealed(graph.Plaintext(too_long_inside, 4), 115), 1,
       DropReason::kEspMalformed, &Losses::malformed},
      {"nothing inside", sealed(graph.Plaintext({}, 4), 116), 1, DropReason::kEspMalformed,
       &Losses::malformed},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const uint64_t before = graph.Drops(row.vrf, row.reason);
    const uint64_t counted = row.counted != nullptr ? graph.inbound().losses.*row.counted : 0;
    graph.Push(1, graph.Arriving(row.esp));
    graph.Settle();
    CHECK(graph.Drops(row.vrf, row.reason) == before + 1);
    if (row.counted != nullptr) CHECK(graph.inbound().losses.*row.counted == counted + 1);
    CHECK(graph.Sent(0).empty());
    CHECK(graph.Sent(1).empty());
  }
  CHECK(graph.mbufs_in_use() == 0);
}

TEST_CASE(
    "of two copies in one burst one gets through, and neither moves the window before it is authentic") {
  EspGateway graph;
  const Bytes inner = InnerFromFar(true).ip();
  Bytes forged = graph.Sealed(inner, 5000);
  forged.back() ^= 1;
  for (const Bytes& esp : {forged, graph.Sealed(inner, 1), graph.Sealed(inner, 1), graph.Sealed(inner, 2)})
    graph.Push(1, graph.Arriving(esp));
  graph.Settle();
  CHECK(graph.Sent(0).size() == 2);
  CHECK(graph.Drops(1, DropReason::kEspReplay) == 1);
  CHECK(graph.Drops(1, DropReason::kEspIntegrity) == 1);
  CHECK(graph.inbound().window.highest() == 2);
}

TEST_CASE("padding that hides a packet's length is taken off") {
  EspGateway graph;
  Bytes padded = InnerFromFar(true).ip();
  padded.resize(padded.size() + 300, 0xaa);
  graph.Push(1, graph.Arriving(graph.in.Seal(kEspSpiIn, 1, graph.in.Iv(1), graph.Plaintext(padded, 4))));
  graph.Settle();
  const auto sent = graph.Sent(0);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == ToHost(graph, true));
}

TEST_CASE("an outer packet in fragments is put together before it is decrypted") {
  EspGateway graph({.window = 64}, AnyWorkers());
  const Bytes esp = graph.Sealed(InnerFromFar(true, 64, 400).ip(), 1);
  const auto part = [&](size_t begin, size_t end, bool more) {
    return graph.FromUnderlay()
        .Ipv4({.source = "198.51.100.2",
               .destination = "192.0.2.1",
               .identification = 77,
               .fragment = static_cast<uint16_t>((more ? 0x2000 : 0) | begin / 8)})
        .Transport(50, Bytes(esp.begin() + static_cast<std::ptrdiff_t>(begin),
                             esp.begin() + static_cast<std::ptrdiff_t>(end)))
        .frame();
  };
  graph.Push(1, part(200, esp.size(), false));
  graph.Push(1, part(0, 200, true));
  graph.Settle();
  const auto sent = graph.Sent(0);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == ToHost(graph, true, 400));
  CHECK(graph.AllDrops().empty());
}

TEST_CASE("an outer header with options is taken off all the same") {
  EspGateway graph;
  graph.Push(1, graph.FromUnderlay()
                    .Ipv4({.source = "198.51.100.2", .destination = "192.0.2.1", .options = {1, 1, 1, 0}})
                    .Transport(50, graph.Sealed(InnerFromFar(true).ip(), 1))
                    .frame());
  graph.Settle();
  CHECK(graph.Sent(0).size() == 1);
  CHECK(graph.AllDrops().empty());
}

TEST_CASE("on UDP port 4500, keepalives are swallowed and IKE goes to who speaks it") {
  EspGateway graph({.udp = true});
  const auto udp = [&](uint16_t port, Bytes payload) {
    const auto length = static_cast<uint8_t>(payload.size() + 8);
    Bytes bytes{0x11, 0x94, static_cast<uint8_t>(port >> 8), static_cast<uint8_t>(port), 0, length, 0, 0};
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    graph.Push(1, graph.FromUnderlay()
                      .Ipv4({.source = "198.51.100.2", .destination = "192.0.2.1"})
                      .Transport(17, bytes)
                      .frame());
    graph.Settle();
  };
  const Bytes ike(28, 0x22);
  Bytes marked(32, 0x22);
  std::fill_n(marked.begin(), 4, uint8_t{0});
  udp(4500, {0xff});
  CHECK(graph.AllDrops() == std::map<std::string, uint64_t>{{"vrf 0 nat_keepalive", 1}});
  udp(4500, marked);
  udp(500, ike);
  CHECK(graph.Drops(0, DropReason::kPortUnreachable) == 2);
  CHECK(graph.TakePunted().empty());
  graph.Sent(1);  // the errors
  REQUIRE(graph.tables().PutVrf({.id = 0, .punt_ike = true}).ok());
  udp(4500, marked);
  udp(500, ike);
  udp(501, ike);
  CHECK(graph.TakePunted().size() == 2);
  CHECK(graph.Drops(0, DropReason::kPortUnreachable) == 3);
  udp(4500, {0, 0, 0});
  CHECK(graph.Drops(0, DropReason::kEspMalformed) == 1);
}

TEST_CASE(
    "a peer that moved is reported by authentic, newer packets alone, and answered where it was told to be") {
  EspGateway graph({.udp = true});
  const Bytes inner = InnerFromFar(true).ip();
  const auto from = [&](const std::string& source, uint16_t port, const Bytes& esp) {
    const auto length = static_cast<uint16_t>(esp.size() + 8);
    Bytes udp{static_cast<uint8_t>(port >> 8),   static_cast<uint8_t>(port),   0x11, 0x94,
              static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length), 0,    0};
    udp.insert(udp.end(), esp.begin(), esp.end());
    graph.Push(
        1,
        graph.FromUnderlay().Ipv4({.source = source, .destination = "192.0.2.1"}).Transport(17, udp).frame());
    graph.Settle();
    return (graph.inbound().usage.state & dataplane::kSaPeerMoved) != 0;
  };
  CHECK(!from("198.51.100.2", 4500, graph.Sealed(inner, 10)));
  Bytes forged = graph.Sealed(inner, 11);
  forged.back() ^= 1;
  CHECK(!from("198.51.100.77", 1234, forged));
  CHECK(!from("198.51.100.77", 1234, graph.Sealed(inner, 9)));   // late, but within the window
  CHECK(!from("198.51.100.77", 1234, graph.Sealed(inner, 10)));  // a replay
  CHECK(from("198.51.100.77", 1234, graph.Sealed(inner, 11)));
  const auto seen = graph.inbound().peer.Load();
  CHECK(seen.ipv4);
  CHECK(seen.port == 1234);
  CHECK(std::vector<uint8_t>(seen.address.begin(), seen.address.begin() + 4) == Bytes{198, 51, 100, 77});

  dataplane::SaEndpoints moved = graph.Ends();
  moved.remote = Ip("198.51.100.77");
  moved.remote_port = 1234;
  REQUIRE(graph.tables().sas.MoveEndpoints(kSaOut, moved).ok());
  REQUIRE(graph.tables().sas.MoveEndpoints(kSaIn, moved).ok());
  CHECK(!from("198.51.100.77", 1234, graph.Sealed(inner, 12)));
  graph.Sent(0);
  Packet host = graph.In();
  graph.Push(0, ToFar(host, true).frame());
  graph.Settle();
  const auto sent = graph.Sent(1);
  REQUIRE(sent.size() == 1);
  const Fields fields = Dissect(sent[0]);
  CHECK(fields.at("ip.destination") == "198.51.100.77");
  CHECK((sent[0][18 + 22] << 8 | sent[0][18 + 23]) == 1234);
}

}  // namespace sluice::testing
