// Packets come out of tunnels by three ways: classify takes ordinary ones out itself; the
// rest, and all while somebody traces, go through tunnel_decap; and what has options in its
// outer header gets there from local. Nobody can tell which: random packets, whole, changed
// and cut, meet the same fate by each.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

using dataplane::DropReason;
using dataplane::InterfaceId;
using dataplane::PacketMetadata;
using dataplane::Tunnel;
using dataplane::TunnelKind;

constexpr uint16_t kKeyed = channel::kTunnelKeyIn | channel::kTunnelKeyOut;
constexpr const char *kFarEnd = "198.51.100.2", *kStranger = "198.51.100.3";

enum class Way { kShort, kTraced, kOuterOptions };

// Every kind, with every option that matters on the way out.
const std::vector<std::pair<InterfaceId, Tunnel>>& Tunnels() {
  static const std::vector<std::pair<InterfaceId, Tunnel>> tunnels = {
      {4,
       {.kind = TunnelKind::kGre,
        .flags = kKeyed | channel::kTunnelPipe,
        .ttl = 64,
        .key_in = 7,
        .key_out = 7}},
      {5, {.kind = TunnelKind::kGre, .flags = channel::kTunnelDscpInward}},
      {7,
       {.kind = TunnelKind::kVxlan,
        .flags = channel::kTunnelClampMss,
        .ttl = 64,
        .key_in = 5001,
        .key_out = 5001,
        .udp_port = 4789}},
      {8, {.kind = TunnelKind::kNvgre, .flags = channel::kTunnelPipe, .key_in = 5002, .key_out = 5002}},
      {9,
       {.kind = TunnelKind::kGre,
        .flags = kKeyed | channel::kTunnelStrictUrpf | channel::kTunnelClampMss | channel::kTunnelDscpInward,
        .ttl = 64,
        .key_in = 9,
        .key_out = 9}},
      {10, {.kind = TunnelKind::kGre, .flags = kKeyed, .ttl = 64, .key_in = 10, .key_out = 10}},
      {11,
       {.kind = TunnelKind::kVxlan,
        .flags = channel::kTunnelDscpInward,
        .key_in = 5003,
        .key_out = 5003,
        .udp_port = 4789}},
  };
  return tunnels;
}
constexpr InterfaceId kPoliced = 4, kStrict = 9, kDown = 10;

struct World : TunnelGateway {
  explicit World(Way way) {
    SLUICE_CHECK(tables().policers.Put(1, 1'000'000, 0, 1500).ok());
    for (const auto& [id, tunnel] : Tunnels()) {
      dataplane::Interface interface;
      interface.strict_urpf = id == kStrict;
      if (id == kPoliced) interface.policer_in = 1;
      AddTunnel(tunnel, kFarEnd, id, 1, interface);
    }
    Tunnel down = *tables().tunnels.Find(kDown);
    down.flags = static_cast<uint16_t>(down.flags & ~channel::kTunnelUp);
    SLUICE_CHECK(
        tables().PutTunnel({.id = kDown, .vrf = 1, .port = dataplane::kNoPort, .up = false}, down).ok());
    AddAdjacency(40, dataplane::AdjacencyKind::kDrop);
    AddRoute(1, "10.66.0.0/16", 40);
    // Whatever it is that is looked for.
    if (way == Way::kTraced) worker(0).observation().trace_filter.Arm({.vrf = 99});
  }
};

// What became of one packet.
struct Outcome {
  std::multiset<std::string> sent[2];
  std::multiset<std::string> punted;
  std::map<std::string, uint64_t> drops;
  std::vector<uint64_t> counters;

  friend bool operator==(const Outcome& a, const Outcome& b) {
    return a.sent[0] == b.sent[0] && a.sent[1] == b.sent[1] && a.punted == b.punted && a.drops == b.drops &&
           a.counters == b.counters;
  }
};

std::string Hex(const Bytes& bytes) {
  std::ostringstream out;
  for (const uint8_t byte : bytes) out << std::hex << (byte >> 4) << (byte & 15);
  return out.str();
}

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  for (const uint16_t port : {0, 1})
    for (const std::string& frame : outcome.sent[port]) out << "\n  port " << port << " " << frame;
  for (const std::string& packet : outcome.punted) out << "\n  punted " << packet;
  for (const auto& [name, count] : outcome.drops) out << "\n  " << name << " " << count;
  out << "\n  counters";
  for (const uint64_t counter : outcome.counters) out << " " << counter;
  return out;
}

// Metadata that other nodes, and the slow path, go by.
std::string Text(const Punted& punted) {
  const PacketMetadata& meta = punted.meta;
  std::ostringstream out;
  out << "interface " << meta.interface << " vrf " << meta.vrf << " flags " << unsigned{meta.flags}
      << " family " << unsigned{meta.family} << " class " << static_cast<unsigned>(meta.punt_class) << " l2 "
      << unsigned{meta.l2_bytes} << " next hop "
      << Hex(Bytes(std::begin(meta.next_hop), std::end(meta.next_hop))) << " " << Hex(punted.bytes);
  return out.str();
}

Outcome Take(World& world) {
  Outcome outcome;
  world.Settle();
  for (const uint16_t port : {0, 1})
    for (Bytes& frame : world.Sent(port)) {
      std::fill_n(frame.begin() + 6, 6, uint8_t{0});  // the port's own address
      outcome.sent[port].insert(Hex(frame));
    }
  for (const Punted& punted : world.TakePunted()) outcome.punted.insert(Text(punted));
  for (const dataplane::VrfId vrf : {0, 1})
    for (const auto& row : dataplane::kDropReasons)
      if (const uint64_t count = world.Drops(vrf, row.reason); count != 0)
        outcome.drops["vrf " + std::to_string(vrf) + " " + row.name] = count;
  for (uint32_t interface = 1; interface <= 11; ++interface) {
    // Options of the outer header are bytes of the underlay.
    const auto received = world.counters().InterfaceRx(interface),
               sent = world.counters().InterfaceTx(interface);
    outcome.counters.insert(outcome.counters.end(), {received.packets, interface == 3 ? 0 : received.bytes,
                                                     sent.packets, sent.bytes});
  }
  return outcome;
}

// One packet after the other, the same from the same seed.
class Source {
 public:
  explicit Source(unsigned seed) : random_(seed) {}

  struct Sample {
    Bytes payload;  // of the outer packet
    uint8_t protocol = 47;
    Ipv4Fields outer;
    // Then bits of the frame are turned and it is cut, behind its MAC addresses.
    std::vector<size_t> turned_bits;
    size_t cut = 0;  // from its end
    // A tunnel packet to us that only its payload can spoil.
    bool outer_is_whole() const {
      const bool whole = turned_bits.empty() && cut == 0 && outer.fragment == 0;
      const bool known = protocol != 17 || (payload.size() >= 8 && payload[2] == 0x12 && payload[3] == 0xb5);
      return whole && known && outer.destination == "192.0.2.1";
    }
  };

  Sample Next() {
    Sample sample;
    const Tunnel& tunnel = Tunnels()[Below(static_cast<unsigned>(Tunnels().size()))].second;
    const bool inner4 = !Chance(20);
    Bytes inner = Chance(3) ? Keepalive() : Inner(inner4);
    if (Chance(15)) Turn(inner, std::min<size_t>(inner.size(), 40));
    if (Chance(30) && inner4) FixChecksum(inner);
    if (Chance(8)) inner.resize(Below(static_cast<unsigned>(inner.size())));
    if (Chance(8)) inner.insert(inner.end(), 1 + Below(20), 0);
    Tunnel sent = tunnel;
    if (Chance(5)) sent.key_in += 1;
    if (Chance(5) && sent.kind == TunnelKind::kGre) sent.flags |= channel::kTunnelGreChecksum;
    sample.protocol = ProtocolOf(sent);
    sample.payload = PayloadOf(sent, inner4, inner);
    if (Chance(15)) Turn(sample.payload, std::min<size_t>(sample.payload.size(), 30));
    if (Chance(8)) sample.payload.resize(Below(static_cast<unsigned>(sample.payload.size())));
    sample.outer = {.source = Chance(95) ? kFarEnd : kStranger,
                    .destination = Chance(97) ? "192.0.2.1" : "198.51.100.77",
                    .ttl = static_cast<uint8_t>(Chance(80) ? 1 + Below(255) : Below(3)),
                    .tos = static_cast<uint8_t>(Below(64) << 2 | (Chance(85) ? 0 : Below(4)))};
    if (Chance(2)) sample.outer.fragment = 0x2000;
    if (Chance(10))
      for (unsigned i = 1 + Below(3); i > 0; --i) sample.turned_bits.push_back(Below(60 * 8));
    if (Chance(8)) sample.cut = 1 + Below(80);
    return sample;
  }

 private:
  unsigned Below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
  bool Chance(unsigned percent) { return Below(100) < percent; }
  template <class T>
  T OneOf(std::initializer_list<T> values) {
    return values.begin()[Below(static_cast<unsigned>(values.size()))];
  }

  void Turn(Bytes& bytes, size_t within) {
    if (within == 0) return;
    for (unsigned i = 1 + Below(3); i > 0; --i)
      bytes[Below(static_cast<unsigned>(within))] ^= static_cast<uint8_t>(1u << Below(8));
  }
  static void FixChecksum(Bytes& ip) {
    if (ip.size() < 20) return;
    ip[10] = ip[11] = 0;
    const uint16_t sum = net::Checksum(std::span(ip).first(20));
    ip[10] = static_cast<uint8_t>(sum >> 8);
    ip[11] = static_cast<uint8_t>(sum);
  }

  Bytes Inner(bool inner4) {
    Packet packet;
    const auto hops = static_cast<uint8_t>(Chance(80) ? 2 + Below(254) : Below(3));
    const auto traffic_class = static_cast<uint8_t>(Below(256));
    if (inner4) {
      const bool ordinary = Chance(70);
      packet.Ipv4({.source = ordinary ? "10.3.0.1"
                                      : OneOf<std::string>({"10.3.0.1", "10.3.0.1", "10.3.7.7", "10.1.0.254",
                                                            "10.1.0.9", "127.0.0.1", "224.0.0.1", "8.8.8.8"}),
                   .destination = ordinary ? "10.1.0.1"
                                           : OneOf<std::string>({"10.1.0.1", "10.2.0.1", "10.2.9.9",
                                                                 "10.3.0.9", "10.1.0.254", "10.66.0.1",
                                                                 "9.9.9.9", "255.255.255.255"}),
                   .ttl = hops,
                   .tos = traffic_class,
                   .fragment = OneOf<uint16_t>({0, 0, 0, 0x4000, 0x4000, 0x2000, 100}),
                   .options = Chance(4) ? Bytes{1, 1, 1, 0} : Bytes{}});
    } else {
      packet.Ipv6(
          {.source = OneOf<std::string>({"2001:db8:3::1", "2001:db8:3::1", "fe80::1", "2001:db8:1::fe"}),
           .destination = OneOf<std::string>({"2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::2",
                                              "2001:db8:1::fe", "ff02::1", "2001:db8:77::1"}),
           .hop_limit = hops,
           .flow_label = uint32_t{traffic_class} << 20});
    }
    if (Chance(25)) return packet.Tcp(1, 2, {.flags = 2, .options = {2, 4, 5, 180}}, 0).ip();
    if (Chance(10)) return packet.Icmp(inner4 ? 8 : 128, 0, 1, Bytes(16)).ip();
    return packet.Udp(1, 2, Chance(10) ? 1450 + Below(100) : Below(60)).ip();
  }
  static Bytes Keepalive() {
    return Packet().Ipv4({.source = "192.0.2.1", .destination = kFarEnd}).Transport(47, {0, 0, 0, 0}).ip();
  }

  std::mt19937 random_;
};

Bytes FrameOf(World& world, const Source::Sample& sample, Way way) {
  Ipv4Fields outer = sample.outer;
  if (way == Way::kOuterOptions) outer.options = {1, 1, 1, 0};
  Bytes frame = world.FromUnderlay().Ipv4(outer).Transport(sample.protocol, sample.payload).frame();
  for (const size_t bit : sample.turned_bits) {
    const size_t at = 12 + bit / 8;
    if (at < frame.size()) frame[at] ^= static_cast<uint8_t>(1u << bit % 8);
  }
  frame.resize(std::max<size_t>(14, frame.size() - std::min(frame.size(), sample.cut)));
  return frame;
}

constexpr unsigned kPackets = 500;

}  // namespace

TEST_CASE("a packet comes out of its tunnel the same by the short way and while somebody traces") {
  unsigned sent = 0, lost = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Source source(seed);
    World by_short(Way::kShort), traced(Way::kTraced);
    for (unsigned i = 0; i < kPackets; ++i) {
      const Source::Sample sample = source.Next();
      by_short.Push(1, FrameOf(by_short, sample, Way::kShort));
      traced.Push(1, FrameOf(traced, sample, Way::kTraced));
      const Outcome outcome = Take(by_short), other = Take(traced);
      INFO("seed " << seed << ", packet " << i << ": " << Hex(FrameOf(by_short, sample, Way::kShort)));
      REQUIRE(outcome == other);
      sent += !outcome.sent[0].empty();
      lost += outcome.sent[0].empty() && outcome.sent[1].empty();
    }
  }
  // Of both enough to mean something.
  CHECK(sent > 1000);
  CHECK(lost > 1000);
}

TEST_CASE("a packet comes out of its tunnel the same from behind options of the outer header") {
  unsigned sent = 0;
  for (unsigned seed = 101; seed <= 120; ++seed) {
    Source source(seed);
    World by_short(Way::kShort), behind_options(Way::kOuterOptions);
    for (unsigned i = 0; i < kPackets; ++i) {
      const Source::Sample sample = source.Next();
      // Else options would show in what is passed on or quoted.
      if (!sample.outer_is_whole()) continue;
      by_short.Push(1, FrameOf(by_short, sample, Way::kShort));
      behind_options.Push(1, FrameOf(behind_options, sample, Way::kOuterOptions));
      const Outcome outcome = Take(by_short), other = Take(behind_options);
      INFO("seed " << seed << ", packet " << i << ": " << Hex(FrameOf(by_short, sample, Way::kShort)));
      REQUIRE(outcome == other);
      sent += !outcome.sent[0].empty();
    }
  }
  CHECK(sent > 1000);
}

}  // namespace sluice::testing
