// Path MTU messages of any bytes: nothing is read that is not there, and what is taken names a
// packet from the address that the message was sent to, larger than what it says passes.
#include "dataplane/packet/path_mtu_message.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/packet/icmp.h"
#include "proto/net/check.h"
#include "proto/net/checksum.h"

using namespace sluice::dataplane;  // NOLINT: a program of its own
namespace net = sluice::net;

namespace {

// So that mutations get behind it: the checksum that the message ought to have. ICMP begins
// where there are neither options nor extension headers.
void Repair(std::vector<uint8_t>& packet) {
  const bool v4 = packet[0] >> 4 == 4;
  const size_t at = v4 ? kIpv4HeaderBytes : kIpv6HeaderBytes;
  const size_t total = v4 ? Ipv4TotalLength(packet.data()) : Ipv6PayloadLength(packet.data()) + at;
  if (total > packet.size() || total < at + kIcmpHeaderBytes) return;
  const auto icmp = std::span(packet).subspan(at, total - at);
  icmp[2] = icmp[3] = 0;
  const auto bytes = static_cast<uint32_t>(icmp.size());
  const uint64_t pseudo = v4 ? 0 : net::Ipv6PseudoHeaderSum(packet, bytes, kProtocolIcmpv6);
  const uint16_t sum = net::ChecksumFinish(net::ChecksumAdd(icmp, pseudo));
  icmp[2] = static_cast<uint8_t>(sum >> 8);
  icmp[3] = static_cast<uint8_t>(sum);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> packet(data, data + size);
  if (size >= kIpv6HeaderBytes + kIcmpHeaderBytes) Repair(packet);
  const PathMtuMessage parsed = ParsePathMtuMessage(packet);
  if (parsed.reason != DropReason::kNone) return 0;
  const PathMtuReport& report = parsed.report;
  const bool v4 = packet[0] >> 4 == 4;
  const net::Address receiver =
      v4 ? net::Address(net::Ipv4Address::FromBytes(packet.data() + 16))
         : net::Address(net::Ipv6Address::FromBytes(Ipv6Destination(packet.data())));
  SLUICE_CHECK(report.local == receiver && report.remote.is_v4() == v4);
  SLUICE_CHECK(report.path_mtu < UINT16_MAX);
  SLUICE_CHECK(report.has_key || (report.kind == TunnelKind::kGre && !report.key));
  SLUICE_CHECK((report.udp_port == 0) || report.kind == TunnelKind::kVxlan);
  if (report.kind != TunnelKind::kGre && report.key) SLUICE_CHECK(*report.key <= 0xffffff);
  return 0;
}
