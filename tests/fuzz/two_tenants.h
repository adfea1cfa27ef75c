// The gateway of the fuzz targets that go through the graph: two tenants with the same
// addresses, and what must hold of every frame that leaves, whatever went in.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>

#include "dataplane/packet/ethernet.h"
#include "dataplane/packet/ipv4.h"
#include "proto/net/check.h"
#include "proto/net/checksum.h"
#include "tests/graph/harness.h"

namespace sluice::testing {

inline const net::MacAddress kHost = Mac("02:00:00:00:00:01"), kRouter = Mac("02:00:00:00:00:02");
inline constexpr uint16_t kMtu = 1500, kNarrowMtu = 1280;
// How much of a packet the input gives: the fuzzer need not learn addresses and checksums.
enum Form : uint8_t { kRawFrame, kIpv4Packet, kIpv6Packet, kTaggedFrame };

constexpr uint16_t VlanOf(uint16_t port, uint8_t tenant) {
  return static_cast<uint16_t>(10 + 10 * port + tenant);
}

// Two tenants with the same addresses: port 0 VLAN 10 and port 1 VLAN 20; VLANs 11
// and 21, narrower on the far side and with the reverse path check.
class TwoTenants : public GraphHarness {
 public:
  TwoTenants() : GraphHarness(Options()) {
    for (uint8_t tenant = 0; tenant < 2; ++tenant) {
      const auto near = static_cast<dataplane::InterfaceId>(1 + 2 * tenant);
      const auto far = static_cast<dataplane::InterfaceId>(near + 1);
      const auto vrf = static_cast<dataplane::VrfId>(tenant + 1);
      AddVrf(vrf);
      AddInterface({.id = near, .vrf = vrf, .port = 0, .vlan = VlanOf(0, tenant), .strict_urpf = tenant == 1},
                   {"10.1.0.254/24", "2001:db8:1::fe/64"});
      AddInterface({.id = far,
                    .vrf = vrf,
                    .port = 1,
                    .vlan = VlanOf(1, tenant),
                    .mtu = tenant == 0 ? kMtu : kNarrowMtu},
                   {"10.9.0.254/24", "2001:db8:9::fe/64"});
      AddNextHop(near, near, kHost);
      AddNextHop(far, far, kRouter);
      AddRoute(vrf, "10.0.0.0/8", far);
      AddRoute(vrf, "10.1.0.0/24", near);
      AddRoute(vrf, "2001:db8::/32", far);
      AddRoute(vrf, "2001:db8:1::/64", near);
    }
  }

 private:
  // What waits for other fragments does so until the next walk, not until the next input.
  static HarnessOptions Options() {
    HarnessOptions options;
    options.limits.reassembly_timeout_ms = 0;
    return options;
  }
};

inline void Put16(Bytes& bytes, size_t at, size_t value) {
  if (at + 2 > bytes.size()) return;
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}

// Right lengths and checksum, so that the packet is more than a malformed header.
inline void Repair(Bytes& ip, Form form) {
  if (form == kIpv4Packet && ip.size() >= 20) {
    ip[0] = static_cast<uint8_t>(0x40 | std::max(5, ip[0] & 0xf));
    const size_t header = std::min<size_t>((ip[0] & 0xf) * 4u, ip.size());
    Put16(ip, 2, ip.size());
    Put16(ip, 10, 0);
    Put16(ip, 10, net::Checksum(std::span(ip.data(), header)));
  } else if (form == kIpv6Packet && ip.size() >= 40) {
    ip[0] = static_cast<uint8_t>(0x60 | (ip[0] & 0xf));
    Put16(ip, 4, ip.size() - 40);
  }
}

// The VLAN of a frame's outer tag, 0 without one. We take S-tags for it, too.
inline uint16_t OuterVlan(const Bytes& frame) {
  if (frame.size() < 18) return 0;
  const int type = frame[12] << 8 | frame[13];
  if (type != 0x8100 && type != 0x88a8) return 0;
  return static_cast<uint16_t>((frame[14] << 8 | frame[15]) & 0xfff);
}

// `tenants`: those that were spoken to, 0 or 1. `sound`: headers are all ours or examined.
inline void CheckSent(const Bytes& frame, const std::set<uint16_t>& tenants, bool sound = true) {
  const uint16_t vlan = OuterVlan(frame);
  SLUICE_CHECK(tenants.contains(vlan % 10));
  SLUICE_CHECK(vlan / 10 == 1 || vlan / 10 == 2);
  SLUICE_CHECK(frame[12] == 0x81 && frame[13] == 0x00);  // however it came
  SLUICE_CHECK(frame.size() <= 18u + kMtu);
  if (!sound || frame[16] != 0x08 || frame[17] != 0x00) return;
  // Whatever came in, the IPv4 header that we wrote or changed sums up.
  const std::span ip = std::span(frame).subspan(18);
  SLUICE_CHECK(ip.size() >= 20);
  SLUICE_CHECK(net::Checksum(ip.first((ip[0] & 0xfu) * 4u)) == 0);
}

}  // namespace sluice::testing
