// A link with many hosts that lose, delay and repeat packets, from a seed:
// whatever happens, every packet handle comes back once and living hosts are found.
#include <map>
#include <queue>

#include "dataplane/slowpath/neighbor_fixture.h"

namespace sluice::dataplane {
namespace {

using namespace testing;

class LossyLink {
 public:
  LossyLink(uint64_t seed, double loss) : random_(static_cast<unsigned>(seed)), loss_(loss), link_({}, seed) {
    link_.Give(LinkUp());
  }

  void Run(Duration time, int packets) {
    const Instant end = link_.now + time;
    const Duration gap = time / packets;
    Instant next_packet = link_.now;
    while (link_.now < end) {
      Perform(link_.After(milliseconds(5)));
      while (!wire_.empty() && wire_.begin()->first <= link_.now) {
        const ArpPacket reply = wire_.begin()->second;
        wire_.erase(wire_.begin());
        Perform(link_.Arp(reply));
      }
      if (link_.now < next_packet) continue;
      next_packet += gap;
      const std::string host = "10.0.0." + std::to_string(2 + random_() % kHosts);
      ++given_[next_handle_];
      Perform(link_.Unresolved(host.c_str(), next_handle_++));
    }
    // Nothing more arrives: all that waits runs out.
    Perform(link_.After(seconds(600)));
  }

  const std::map<PacketHandle, int>& given() const { return given_; }
  const std::map<PacketHandle, int>& returned() const { return returned_; }
  size_t released() const { return released_; }
  NeighborResolution& resolution() { return link_.resolution; }

 private:
  // Hosts with odd numbers exist.
  static constexpr unsigned kHosts = 40;

  bool Lost() { return std::uniform_real_distribution<>(0, 1)(random_) < loss_; }

  void Perform(const NeighborOutputs& outputs) {
    for (const auto& packet : Of<ReleasePacket>(outputs)) {
      ++returned_[packet.packet];
      ++released_;
    }
    for (const auto& packet : Of<UnreachablePacket>(outputs)) ++returned_[packet.packet];
    for (const auto& packet : Of<DiscardPacket>(outputs)) ++returned_[packet.packet];
    for (const Sent& sent : SentIn(outputs)) {
      if (!sent.arp || sent.arp->IsAnnouncement() || sent.arp->target_ip.value % 2 == 0) continue;
      const int copies = Lost() ? 0 : random_() % 20 == 0 ? 2 : 1;
      for (int copy = 0; copy < copies; ++copy) {
        const Duration delay = milliseconds(random_() % 400);
        wire_.emplace(link_.now + delay,
                      Reply(kPeerMac, net::Address(sent.arp->target_ip).ToString().c_str()));
      }
    }
  }

  std::minstd_rand random_;
  double loss_;
  Link link_;
  std::multimap<Instant, ArpPacket> wire_;
  PacketHandle next_handle_ = 1;
  std::map<PacketHandle, int> given_, returned_;
  size_t released_ = 0;
};

TEST_CASE("under loss every packet comes back exactly once and nothing stays held") {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    for (const double loss : {0.0, 0.3, 0.9}) {
      DYNAMIC_SECTION("seed " << seed << " loss " << loss) {
        LossyLink link(seed, loss);
        link.Run(seconds(60), 600);
        CHECK(link.returned() == link.given());
        CHECK(link.resolution().held_count() == 0);
        // Half of the hosts exist; without loss nearly all of their packets pass.
        if (loss == 0) CHECK(link.released() > 250);
        if (loss < 0.5) CHECK(link.released() > 150);
      }
    }
  }
}

}  // namespace
}  // namespace sluice::dataplane
