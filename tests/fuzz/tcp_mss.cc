// The MSS clamp over any sound IP packet: nothing but the option and the checksum
// changes, the option only downwards, and a checksum that held goes on to hold.
// The input: the MTU in two bytes, then the packet.
#include "dataplane/packet/tcp_mss.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/packet/ipv6.h"
#include "proto/net/check.h"
#include "proto/net/checksum.h"

using namespace sluice::dataplane;  // NOLINT: a program of its own
namespace net = sluice::net;

namespace {

// Of whatever follows the IP header, as far as it is TCP; the checksum is not looked at.
uint16_t Sum(const std::vector<uint8_t>& packet, uint32_t offset) {
  const auto segment = std::span(packet).subspan(offset);
  const auto bytes = static_cast<uint32_t>(segment.size());
  const uint64_t pseudo = packet[0] >> 4 == 4
                              ? net::ChecksumAdd(std::span(packet).subspan(12, 8), uint64_t{bytes} + 6)
                              : net::Ipv6PseudoHeaderSum(packet, bytes, 6);
  return net::ChecksumFinish(net::ChecksumAdd(segment, pseudo));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 22) return 0;
  const auto mtu = static_cast<uint16_t>(data[0] << 8 | data[1]);
  std::vector<uint8_t> packet(data + 2, data + size);
  const bool v4 = packet[0] >> 4 == 4;
  const auto available = static_cast<uint32_t>(packet.size());
  if (!v4 && available < kIpv6HeaderBytes) return 0;
  if (v4) {
    const size_t header = std::min<size_t>(packet.size(), (packet[0] & 15u) * 4u);
    packet[10] = packet[11] = 0;
    const uint16_t sum = net::Checksum(std::span(packet).first(header));
    packet[10] = static_cast<uint8_t>(sum >> 8);
    packet[11] = static_cast<uint8_t>(sum);
  }
  const DropReason unsound =
      v4 ? ExamineIpv4(packet.data(), available) : ExamineIpv6(packet.data(), available);
  if (unsound != DropReason::kNone) return 0;
  packet.resize(v4 ? Ipv4TotalLength(packet.data()) : Ipv6PayloadLength(packet.data()) + 40u);
  packet.shrink_to_fit();
  const std::vector<uint8_t> before = packet;
  ClampTcpMss(packet.data(), static_cast<uint32_t>(packet.size()), mtu);
  if (packet == before) return 0;

  const uint32_t offset = v4 ? Ipv4HeaderLength(before.data())
                             : FindIpv6Transport(before.data(), static_cast<uint32_t>(before.size())).offset;
  std::vector<size_t> changed;
  for (size_t i = 0; i < packet.size(); ++i)
    if (packet[i] != before[i] && i != offset + 16 && i != offset + 17) changed.push_back(i);
  SLUICE_CHECK(!changed.empty() && changed.front() >= offset + 22 && changed.back() <= changed.front() + 1);
  SLUICE_CHECK(packet[changed.front()] < before[changed.front()]);
  const bool later_fragment = v4 && IsIpv4Fragment(before.data());
  if (!later_fragment && Sum(before, offset) == 0) SLUICE_CHECK(Sum(packet, offset) == 0);
  return 0;
}
