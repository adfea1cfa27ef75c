// Layout of the ICMP messages that a router sends.
#include "dataplane/packet/icmp.h"

#include <cstring>
#include <span>
#include <utility>

#include "proto/net/checksum.h"

namespace sluice::dataplane {
namespace {

constexpr uint8_t kOurHops = 64;
constexpr uint8_t kPrecedenceInternetControl = 0xc0;  // RFC 1812 section 4.3.2.5

bool IsIcmpv4Error(uint8_t type) {
  return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

void WriteIpv4Header(uint8_t* ip, uint16_t total, uint32_t source, uint32_t destination,
                     uint16_t identification, uint8_t tos) {
  ip[0] = 0x45;
  ip[1] = tos;
  StoreBe16(ip + 2, total);
  StoreBe16(ip + 4, identification);
  StoreBe16(ip + 6, 0);
  ip[8] = kOurHops;
  ip[9] = kProtocolIcmp;
  StoreBe16(ip + 10, 0);
  StoreBe32(ip + 12, source);
  StoreBe32(ip + 16, destination);
  StoreBe16(ip + 10, net::Checksum(std::span(ip, kIpv4HeaderBytes)));
}

}  // namespace

bool MayCauseIcmpv4Error(const uint8_t* ip, uint32_t ip_bytes) {
  if ((Ipv4FragmentField(ip) & kIpv4OffsetMask) != 0) return false;
  // Source and destination were found to be single hosts when the packet came in.
  const uint32_t header = Ipv4HeaderLength(ip);
  if (Ipv4Protocol(ip) != kProtocolIcmp) return true;
  return header < ip_bytes && !IsIcmpv4Error(ip[header]);
}

bool MayCauseIcmpv6Error(const uint8_t* ip, uint32_t ip_bytes) {
  if (Ipv6Destination(ip)[0] == 0xff || Ipv6Source(ip)[0] == 0xff) return false;
  if (LoadBe64(Ipv6Source(ip)) == 0 && LoadBe64(Ipv6Source(ip) + 8) == 0) return false;
  const Ipv6Transport transport = FindIpv6Transport(ip, ip_bytes);
  if (transport.malformed || transport.non_initial) return false;
  if (transport.protocol != kProtocolIcmpv6) return true;
  // Informational messages only; redirects (137) are informational by number but
  // must not be answered either.
  if (transport.offset >= ip_bytes) return false;
  const uint8_t type = ip[transport.offset];
  return type >= 128 && type != 137;
}

uint8_t* WriteIcmpv4Error(const Icmpv4Error& error, uint8_t* quote, uint16_t quoted) {
  const uint32_t destination = Ipv4Source(quote);
  uint8_t* icmp = quote - kIcmpHeaderBytes;
  uint8_t* ip = icmp - kIpv4HeaderBytes;
  icmp[0] = error.kind.type;
  icmp[1] = error.kind.code;
  StoreBe16(icmp + 2, 0);
  StoreBe32(icmp + 4, error.rest);
  const auto icmp_bytes = static_cast<uint16_t>(kIcmpHeaderBytes + quoted);
  StoreBe16(icmp + 2, net::Checksum(std::span(icmp, icmp_bytes)));
  WriteIpv4Header(ip, static_cast<uint16_t>(kIpv4HeaderBytes + icmp_bytes), error.source, destination,
                  error.identification, kPrecedenceInternetControl);
  return ip;
}

uint8_t* WriteIcmpv6Error(const Icmpv6Error& error, uint8_t* quote, uint16_t quoted) {
  uint8_t* icmp = quote - kIcmpHeaderBytes;
  uint8_t* ip = icmp - kIpv6HeaderBytes;
  const auto icmp_bytes = static_cast<uint16_t>(kIcmpHeaderBytes + quoted);
  StoreBe32(ip, 0x60000000);
  StoreBe16(ip + 4, icmp_bytes);
  ip[6] = kProtocolIcmpv6;
  ip[7] = kOurHops;
  std::memcpy(ip + 8, error.source, 16);
  std::memcpy(ip + 24, Ipv6Source(quote), 16);
  icmp[0] = error.kind.type;
  icmp[1] = error.kind.code;
  StoreBe16(icmp + 2, 0);
  StoreBe32(icmp + 4, error.rest);
  const uint64_t sum = net::ChecksumAdd(
      std::span(icmp, icmp_bytes),
      net::Ipv6PseudoHeaderSum(std::span(ip, kIpv6HeaderBytes), icmp_bytes, kProtocolIcmpv6));
  StoreBe16(icmp + 2, net::ChecksumFinish(sum));
  return ip;
}

uint8_t* AnswerIcmpv4Echo(uint8_t* ip, uint16_t identification) {
  const uint32_t header = Ipv4HeaderLength(ip);
  const auto icmp_bytes = static_cast<uint16_t>(Ipv4TotalLength(ip) - header);
  uint8_t* icmp = ip + header;
  if (net::Checksum(std::span(icmp, icmp_bytes)) != 0) return nullptr;
  icmp[0] = kIcmpEchoReply;
  StoreBe16(icmp + 2, net::ChecksumReplace(LoadBe16(icmp + 2), kIcmpEcho << 8, kIcmpEchoReply << 8));
  const uint32_t source = Ipv4Source(ip), destination = Ipv4Destination(ip);
  uint8_t* reply = icmp - kIpv4HeaderBytes;
  WriteIpv4Header(reply, static_cast<uint16_t>(kIpv4HeaderBytes + icmp_bytes), destination, source,
                  identification, ip[1]);
  return reply;
}

bool Icmpv6ChecksumHolds(const uint8_t* ip, uint32_t ip_bytes, uint32_t offset) {
  const uint32_t icmp_bytes = ip_bytes - offset;
  const uint64_t sum = net::ChecksumAdd(
      std::span(ip + offset, icmp_bytes),
      net::Ipv6PseudoHeaderSum(std::span(ip, kIpv6HeaderBytes), icmp_bytes, kProtocolIcmpv6));
  return net::ChecksumFinish(sum) == 0;
}

uint8_t* AnswerIcmpv6Echo(uint8_t* ip, uint8_t* icmp, uint32_t ip_bytes) {
  const auto offset = static_cast<uint32_t>(icmp - ip);
  if (!Icmpv6ChecksumHolds(ip, ip_bytes, offset)) return nullptr;
  icmp[0] = kIcmpv6EchoReply;
  StoreBe16(icmp + 2, net::ChecksumReplace(LoadBe16(icmp + 2), kIcmpv6Echo << 8, kIcmpv6EchoReply << 8));
  uint8_t addresses[32];
  std::memcpy(addresses, ip + 24, 16);
  std::memcpy(addresses + 16, ip + 8, 16);
  const uint32_t first_word = LoadBe32(ip);
  uint8_t* reply = icmp - kIpv6HeaderBytes;
  StoreBe32(reply, first_word & 0xfff00000);  // the flow label was the sender's
  StoreBe16(reply + 4, static_cast<uint16_t>(ip_bytes - offset));
  reply[6] = kProtocolIcmpv6;
  reply[7] = kOurHops;
  std::memcpy(reply + 8, addresses, sizeof addresses);
  return reply;
}

}  // namespace sluice::dataplane
