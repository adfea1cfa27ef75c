// The MSS option: RFC 9293 sections 3.1, 3.2 and 3.7.1.
#include "dataplane/packet/tcp_mss.h"

#include <span>

#include "dataplane/packet/ipv6.h"
#include "dataplane/packet/wire.h"
#include "proto/net/checksum.h"

namespace sluice::dataplane {
namespace {

constexpr uint8_t kOptionEnd = 0, kOptionNop = 1, kOptionMss = 2;
constexpr uint8_t kOptionMssBytes = 4;
constexpr uint16_t kChecksumAt = 16;

// Where the TCP header lies; 0: there is none, or not in this fragment.
uint32_t TcpOffset(const uint8_t* ip, uint32_t ip_bytes) {
  if (ip[0] >> 4 == 4) {
    const bool tcp = Ipv4Protocol(ip) == kProtocolTcp && (Ipv4FragmentField(ip) & kIpv4OffsetMask) == 0;
    return tcp ? Ipv4HeaderLength(ip) : 0;
  }
  const Ipv6Transport transport = FindIpv6Transport(ip, ip_bytes);
  const bool tcp = transport.protocol == kProtocolTcp && !transport.non_initial && !transport.malformed;
  return tcp ? transport.offset : 0;
}

// Where the value of the MSS option lies in `options`; 0: there is none, or the list is
// not well formed.
uint32_t MssOffset(std::span<const uint8_t> options) {
  uint32_t found = 0;
  for (uint32_t at = 0; at < options.size();) {
    const uint8_t kind = options[at];
    if (kind == kOptionEnd) break;
    if (kind == kOptionNop) {
      ++at;
      continue;
    }
    if (at + 1 >= options.size()) return 0;
    const uint8_t length = options[at + 1];
    if (length < 2 || length > options.size() - at) return 0;
    if (kind == kOptionMss) {
      if (length != kOptionMssBytes || found != 0) return 0;
      found = at + 2;
    }
    at += length;
  }
  return found;
}

}  // namespace

void ClampTcpMss(uint8_t* ip, uint32_t ip_bytes, uint16_t mtu) {
  const uint32_t offset = TcpOffset(ip, ip_bytes);
  if (offset == 0 || offset + kTcpHeaderBytes > ip_bytes) return;
  uint8_t* tcp = ip + offset;
  if ((tcp[13] & kTcpSyn) == 0) return;
  const uint32_t header = (tcp[12] >> 4) * 4u;
  if (header < kTcpHeaderBytes || offset + header > ip_bytes) return;
  const uint32_t at = MssOffset(std::span<const uint8_t>(tcp + kTcpHeaderBytes, header - kTcpHeaderBytes));
  if (at == 0) return;
  // RFC 6691: without options of either header, whatever they will be.
  const auto headers =
      static_cast<uint16_t>((ip[0] >> 4 == 4 ? kIpv4HeaderBytes : kIpv6HeaderBytes) + kTcpHeaderBytes);
  if (mtu <= headers) return;
  uint8_t* value = tcp + kTcpHeaderBytes + at;
  uint16_t before = LoadBe16(value);
  auto after = static_cast<uint16_t>(mtu - headers);
  if (before <= after) return;
  StoreBe16(value, after);
  // Its bytes lie in two words of the sum when it does not begin with one.
  if (at % 2 != 0) {
    before = __builtin_bswap16(before);
    after = __builtin_bswap16(after);
  }
  StoreBe16(tcp + kChecksumAt, net::ChecksumReplace(LoadBe16(tcp + kChecksumAt), before, after));
}

}  // namespace sluice::dataplane
