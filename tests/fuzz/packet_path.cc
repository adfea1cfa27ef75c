// Any bytes on the wire, through the whole graph: nothing may crash or leak a buffer, and
// what is sent belongs to a tenant that was spoken to, fits its link, and is well formed.
//
// The input is a list of frames: a byte that says how much of the frame is given (so that
// the fuzzer need not learn addresses and checksums), its length in two bytes, the rest.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>

#include "tests/fuzz/two_tenants.h"

namespace {

using namespace sluice::testing;  // NOLINT: a program of its own

constexpr size_t kFramesMax = 128;  // of one input; fits every ring of the harness

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
