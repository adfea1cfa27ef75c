// Fragments of any kind: what the parsers make of them stays inside the packet, the
// table does what the plain model does, and what it puts together is a sound packet.
//
// The input is a list of packets: a byte for family, tenant and the time since the one
// before, the length in two bytes, the packet from its IP header on.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"
#include "dataplane/packet/reassembly.h"
#include "dataplane/tables/reassembly_model.h"
#include "tests/fuzz/two_tenants.h"

namespace {

using namespace sluice::testing;    // NOLINT: a program of its own
using namespace sluice::dataplane;  // NOLINT

// The limit per source is out of reach: the table keeps it by a hash, the model not at all.
constexpr ReassemblyOptions kOptions{.datagrams = 8,
                                     .datagrams_per_tenant = 6,
                                     .datagrams_per_source = 9,
                                     .fragments_per_datagram = 6,
                                     .datagram_bytes = 3000,
                                     .timeout_ticks = 16,
                                     .vrfs = 4};

// False: nothing that the reassemble node would get, or malformed.
bool Parse(const Bytes& ip, bool ipv4, Fragment& fragment) {
  const auto bytes = static_cast<uint32_t>(ip.size());
  if (ipv4) {
    if (ExamineIpv4(ip.data(), bytes) != DropReason::kNone || !IsIpv4Fragment(ip.data())) return false;
    if (ParseIpv4Fragment(ip.data(), fragment).reason != DropReason::kNone) return false;
  } else {
    if (ExamineIpv6(ip.data(), bytes) != DropReason::kNone) return false;
    const uint32_t packet = Ipv6PayloadLength(ip.data()) + uint32_t{kIpv6HeaderBytes};
    const Ipv6Transport transport = FindIpv6Transport(ip.data(), packet);
    if (transport.malformed || transport.fragment_at == 0) return false;
    if (ParseIpv6Fragment(ip.data(), transport.fragment_at, fragment).reason != DropReason::kNone)
      return false;
  }
  SLUICE_CHECK(fragment.payload_bytes != 0);
  SLUICE_CHECK(fragment.header == ip.data());
  SLUICE_CHECK(fragment.payload + fragment.payload_bytes <= ip.data() + ip.size());
  return fragment.offset != 0 || fragment.more;
}

void CheckWhole(Payload whole, const Fragment& last, bool congestion) {
  const bool ipv4 = last.key.family == 4;
  const auto bytes = static_cast<uint32_t>(whole.size());
  const uint32_t header =
      ipv4 ? Ipv4HeaderLength(whole.data()) : FindIpv6Transport(whole.data(), bytes).fragment_at + 8u;
  SLUICE_CHECK(header <= bytes);
  const auto finish = ipv4 ? FinishIpv4Datagram : FinishIpv6Datagram;
  const uint8_t* const ip = finish(whole.data() + header, static_cast<uint16_t>(header),
                                   static_cast<uint16_t>(bytes - header), congestion);
  SLUICE_CHECK(ip >= whole.data());
  const auto left = static_cast<uint32_t>(whole.data() + bytes - ip);
  if (ipv4) {
    SLUICE_CHECK(ExamineIpv4(ip, left) == DropReason::kNone && Ipv4TotalLength(ip) == left);
    SLUICE_CHECK(!IsIpv4Fragment(ip));
  } else {
    SLUICE_CHECK(ExamineIpv6(ip, left) == DropReason::kNone);
    SLUICE_CHECK(Ipv6PayloadLength(ip) + uint32_t{kIpv6HeaderBytes} == left);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ReassemblyRig rig(kOptions);
  ReassemblyModel model(kOptions);
  uint64_t now = 0;
  const uint8_t* const end = data + size;
  while (end - data >= 3) {
    const bool ipv4 = (data[0] & 1) == 0;
    const auto vrf = static_cast<VrfId>(data[0] >> 1 & 3);
    now += data[0] >> 3 & 7;
    const auto length = std::min<ptrdiff_t>((data[1] << 8 | data[2]) & 0xfff, end - data - 3);
    Bytes ip(data + 3, data + 3 + length);
    data += 3 + length;
    Repair(ip, ipv4 ? kIpv4Packet : kIpv6Packet);
    Fragment fragment;
    if (!Parse(ip, ipv4, fragment)) continue;
    fragment.key.vrf = vrf;
    const auto expected = model.Offer(fragment, now);
    const auto got = rig.Offer(fragment, now);
    SLUICE_CHECK(got.refused == expected.refused && got.whole == expected.whole);
    SLUICE_CHECK(got.discarded == expected.discarded && got.discarded_for == expected.discarded_for);
    if (got.whole) CheckWhole(*got.whole, fragment, got.congestion);
    uint32_t lost = 0;
    for (const auto& expired : rig.Expire(now)) lost += expired.fragments;
    SLUICE_CHECK(lost == model.Expire(now) && rig.table.held() == model.held());
  }
  for (const auto& expired : rig.Expire(now + kOptions.timeout_ticks)) (void)expired;
  SLUICE_CHECK(rig.table.empty() && rig.buffers_out() == 0);
  return 0;
}
