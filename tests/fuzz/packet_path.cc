// Any bytes on the wire, through the whole graph: nothing may crash or leak a buffer, and
// what is sent belongs to a tenant that was spoken to, fits its link, and is well formed.
//
// The input is a list of frames: a byte that says how much of the frame is given (so that
// the fuzzer need not learn addresses and checksums), its length in two bytes, the rest.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>

#include "dataplane/packet/ethernet.h"
#include "dataplane/packet/ipv4.h"
#include "proto/net/check.h"
#include "proto/net/checksum.h"
#include "tests/graph/harness.h"

namespace {

using namespace sluice::testing;  // NOLINT: a program of its own

const sluice::net::MacAddress kHost = Mac("02:00:00:00:00:01"), kRouter = Mac("02:00:00:00:00:02");
constexpr uint16_t kMtu = 1500, kNarrowMtu = 1280;
constexpr size_t kFramesMax = 128;  // of one input; fits every ring of the harness

enum Form : uint8_t { kRawFrame, kIpv4Packet, kIpv6Packet, kTaggedFrame };

constexpr uint16_t VlanOf(uint16_t port, uint8_t tenant) {
  return static_cast<uint16_t>(10 + 10 * port + tenant);
}

// Two tenants with the same addresses: port 0 VLAN 10 and port 1 VLAN 20; VLANs 11
// and 21, narrower on the far side and with the reverse path check.
class TwoTenants : public GraphHarness {
 public:
  TwoTenants() {
    for (uint8_t tenant = 0; tenant < 2; ++tenant) {
      const auto near = static_cast<sluice::dataplane::InterfaceId>(1 + 2 * tenant);
      const auto far = static_cast<sluice::dataplane::InterfaceId>(near + 1);
      const auto vrf = static_cast<sluice::dataplane::VrfId>(tenant + 1);
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
};

void Put16(Bytes& bytes, size_t at, size_t value) {
  if (at + 2 > bytes.size()) return;
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}

// Right lengths and checksum, so that the packet is more than a malformed header.
void Repair(Bytes& ip, Form form) {
  if (form == kIpv4Packet && ip.size() >= 20) {
    ip[0] = static_cast<uint8_t>(0x40 | std::max(5, ip[0] & 0xf));
    const size_t header = std::min<size_t>((ip[0] & 0xf) * 4u, ip.size());
    Put16(ip, 2, ip.size());
    Put16(ip, 10, 0);
    Put16(ip, 10, sluice::net::Checksum(std::span(ip.data(), header)));
  } else if (form == kIpv6Packet && ip.size() >= 40) {
    ip[0] = static_cast<uint8_t>(0x60 | (ip[0] & 0xf));
    Put16(ip, 4, ip.size() - 40);
  }
}

Bytes FrameOf(GraphHarness& graph, Form form, uint16_t port, uint8_t tenant, Bytes bytes) {
  if (form == kRawFrame) return bytes;
  Bytes frame =
      Packet().Ethernet(graph.port(port).mac(), kHost).Vlan(VlanOf(port, tenant)).EtherType(0).frame();
  frame.resize(sluice::dataplane::kEthernetBytes + sluice::dataplane::kVlanTagBytes);
  if (form == kTaggedFrame) frame.resize(frame.size() - 2);  // the type comes from the input
  if (form == kIpv4Packet) Put16(frame, frame.size() - 2, 0x0800);
  if (form == kIpv6Packet) Put16(frame, frame.size() - 2, 0x86dd);
  Repair(bytes, form);
  frame.insert(frame.end(), bytes.begin(), bytes.end());
  return frame;
}

// The VLAN of a frame's outer tag, 0 without one.
uint16_t OuterVlan(const Bytes& frame) {
  if (frame.size() < 18 || frame[12] != 0x81 || frame[13] != 0x00) return 0;
  return static_cast<uint16_t>((frame[14] << 8 | frame[15]) & 0xfff);
}

void CheckSent(const Bytes& frame, const std::set<uint16_t>& tenants_spoken_to) {
  const uint16_t vlan = OuterVlan(frame);
  SLUICE_CHECK(tenants_spoken_to.contains(vlan % 10));
  SLUICE_CHECK(vlan / 10 == 1 || vlan / 10 == 2);
  SLUICE_CHECK(frame.size() <= 18u + kMtu);
  if (frame[16] != 0x08 || frame[17] != 0x00) return;
  // Whatever came in, the IPv4 header that we wrote or changed sums up.
  const std::span ip = std::span(frame).subspan(18);
  SLUICE_CHECK(ip.size() >= 20);
  SLUICE_CHECK(sluice::net::Checksum(ip.first((ip[0] & 0xfu) * 4u)) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static TwoTenants graph;
  std::set<uint16_t> tenants;
  const uint8_t* const end = data + size;
  for (size_t frames = 0; frames < kFramesMax && end - data >= 3; ++frames) {
    const uint16_t port = data[0] & 1;
    const uint8_t tenant = data[0] >> 1 & 1;
    const auto form = static_cast<Form>(data[0] >> 2 & 3);
    const auto length = std::min<ptrdiff_t>((data[1] << 8 | data[2]) & 0x7ff, end - data - 3);
    const Bytes frame = FrameOf(graph, form, port, tenant, Bytes(data + 3, data + 3 + length));
    data += 3 + length;
    if (frame.size() < sluice::dataplane::kEthernetBytes) continue;  // no port delivers it
    if (const uint16_t vlan = OuterVlan(frame); vlan != 0) tenants.insert(vlan % 10);
    graph.Push(port, frame);
  }
  graph.Settle();
  for (uint16_t port = 0; port < 2; ++port)
    for (const Bytes& frame : graph.Sent(port)) CheckSent(frame, tenants);
  graph.TakePunted();
  SLUICE_CHECK(graph.mbufs_in_use() == 0);
  return 0;
}
