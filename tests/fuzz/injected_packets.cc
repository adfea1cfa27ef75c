// A hostile control process or a confused slow path: any packet injected into a worker, as of
// our own making and thus not examined, or as one that was held. Nothing may crash or leak a
// buffer, and what leaves belongs to the tenant that was named.
//
// The input is a list of packets: a byte for kind and form, the VRF, adjacency and interface
// in a byte each, the length in two bytes, the packet from its IP header on.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>

#include "tests/fuzz/two_tenants.h"

namespace {

using namespace sluice::testing;    // NOLINT: a program of its own
using namespace sluice::dataplane;  // NOLINT

constexpr size_t kPacketsMax = 128;  // of one input; fits the inject ring
constexpr size_t kHeadBytes = 6;

// Frames of the slow path's own (kRawL2) go to the port as they are: nothing to look at.
constexpr InjectKind kKinds[] = {InjectKind::kForward, InjectKind::kForward, InjectKind::kAdjacency,
                                 InjectKind::kUnreachable};

PacketMetadata MetadataOf(const uint8_t* head) {
  PacketMetadata meta{};
  meta.inject_kind = kKinds[head[0] & 3];
  // A few real ones, and a few that no table holds.
  meta.vrf = static_cast<VrfId>(head[1] < 240 ? head[1] % 4 : head[1] * 257);
  meta.adjacency = head[2] < 240 ? head[2] % 8 : head[2] * 0x01010101u;
  meta.egress_interface = static_cast<InterfaceId>(head[3] % 8);
  if (meta.inject_kind == InjectKind::kUnreachable)
    meta.interface = static_cast<InterfaceId>(1 + 2 * ((meta.vrf + 1) % 2));
  return meta;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static TwoTenants graph;
  std::set<uint16_t> tenants;
  bool sound = true;
  const uint8_t* const end = data + size;
  for (size_t packets = 0; packets < kPacketsMax && end - data >= static_cast<ptrdiff_t>(kHeadBytes);
       ++packets) {
    const PacketMetadata meta = MetadataOf(data);
    const auto form = static_cast<Form>(data[0] >> 2 & 3);
    const auto length = std::min<ptrdiff_t>((data[4] << 8 | data[5]) & 0x7ff, end - data - 6);
    Bytes packet(data + kHeadBytes, data + kHeadBytes + length);
    data += kHeadBytes + static_cast<size_t>(length);
    Repair(packet, form);
    // Nobody sums up a header of our own making.
    sound &= form == kIpv4Packet || form == kIpv6Packet;
    // A held packet leaves through the interface that it names, tenant or not.
    if (meta.inject_kind == InjectKind::kAdjacency) tenants.insert((meta.egress_interface + 1u) / 2 % 2 ^ 1);
    if (meta.vrf == 1 || meta.vrf == 2) tenants.insert(meta.vrf - 1u);
    graph.Inject(meta, packet);
  }
  graph.Settle();
  for (uint16_t port = 0; port < 2; ++port)
    for (const Bytes& frame : graph.Sent(port)) CheckSent(frame, tenants, sound);
  graph.TakePunted();
  SLUICE_CHECK(graph.mbufs_in_use() == 0);
  return 0;
}
