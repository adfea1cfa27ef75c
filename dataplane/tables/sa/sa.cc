// Making SAs, and their prebuilt outer headers.
#include "dataplane/tables/sa/sa.h"

#include <algorithm>
#include <cstring>

#include "proto/net/checksum.h"

namespace sluice::dataplane {
namespace {

constexpr uint8_t kProtocolUdp = 17, kProtocolEsp = 50;
constexpr unsigned kIpv4Bytes = 20, kIpv6Bytes = 40, kUdpBytes = 8;

void Put16(uint8_t* at, uint16_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

void Put32(uint8_t* at, uint32_t value) {
  Put16(at, static_cast<uint16_t>(value >> 16));
  Put16(at + 2, static_cast<uint16_t>(value));
}

void StoreWords(const net::Address& address, std::atomic<uint64_t> words[2]) {
  uint8_t bytes[16] = {};
  if (address.is_v4()) {
    Put32(bytes, address.v4().value);
  } else {
    std::memcpy(bytes, address.v6().bytes.data(), sizeof bytes);
  }
  for (unsigned i = 0; i < 2; ++i) {
    uint64_t word;
    std::memcpy(&word, bytes + 8 * i, sizeof word);
    words[i].store(word, std::memory_order_relaxed);
  }
}

// The nearer of soft and hard, as far as it is not behind `now`.
uint64_t NextOf(uint64_t soft, uint64_t hard, uint64_t now) {
  uint64_t next = std::numeric_limits<uint64_t>::max();
  for (const uint64_t end : {soft, hard})
    if (end != 0 && end > now) next = std::min(next, end);
  return next;
}

void BeginUsage(const SaDescription& description, SaUsage& usage) {
  usage.packets_next = NextOf(description.soft.packets, description.hard.packets, 0);
  usage.bytes_next = NextOf(description.soft.bytes, description.hard.bytes, 0);
}

}  // namespace

void InboundEndpoints::Store(const SaEndpoints& endpoints) {
  StoreWords(endpoints.local, local_);
  StoreWords(endpoints.remote, remote_);
  remote_port_.store(endpoints.remote_port, std::memory_order_relaxed);
}

InboundSa::InboundSa(const SaDescription& description, SequenceMark& to_publish)
    : spi(description.spi),
      id(description.id),
      tunnel(description.tunnel),
      udp(description.udp),
      any_packet(description.selectors.empty()),
      ring(new ReplayRingLine[(ReplayWindow::WordsOf(description.window) + 7) / 8]),
      window(description.window, description.esn, description.sequence_floor,
             std::span(ring[0].words.data(), ReplayWindow::WordsOf(description.window))),
      mark(to_publish),
      rules{description.soft, description.hard, description.selectors} {
  endpoints.Store(description.endpoints);
  BeginUsage(description, usage);
}

OuterHeader::OuterHeader(const SaEndpoints& endpoints, uint32_t spi, bool with_udp)
    : bytes(static_cast<uint8_t>((endpoints.local.is_v4() ? kIpv4Bytes : kIpv6Bytes) +
                                 (with_udp ? kUdpBytes : 0))),
      ipv4(endpoints.local.is_v4()),
      udp(with_udp) {
  uint8_t* const ip = header.data() + kRoom - bytes;
  const uint8_t protocol = udp ? kProtocolUdp : kProtocolEsp;
  if (ipv4) {
    remote = endpoints.remote.v4().value;
    ip[0] = 0x45;
    ip[9] = protocol;
    Put32(ip + 12, endpoints.local.v4().value);
    Put32(ip + 16, remote);
    ipv4_sum = static_cast<uint32_t>(net::ChecksumAdd(std::span(ip, kIpv4Bytes)));
  } else {
    // For routers that spread by the flow label (RFC 6438): one SA is one flow, and what is
    // inside stays inside.
    Put32(ip, 0x6000'0000 | (spi & 0xfffff));
    ip[6] = protocol;
    std::memcpy(ip + 8, endpoints.local.v6().bytes.data(), 16);
    std::memcpy(ip + 24, endpoints.remote.v6().bytes.data(), 16);
  }
  if (!udp) return;
  uint8_t* const udp_header = ip + (ipv4 ? kIpv4Bytes : kIpv6Bytes);
  Put16(udp_header, endpoints.local_port);
  Put16(udp_header + 2, endpoints.remote_port);
}

OutboundSa::OutboundSa(const SaDescription& description, SequenceMark& to_move)
    : spi(description.spi),
      id(description.id),
      tunnel(description.tunnel),
      slot(description.slot),
      outer(new OuterHeader(description.endpoints, description.spi, description.udp)),
      mark(to_move),
      sequence(description.sequence_floor, description.esn),
      rules{description.soft, description.hard, description.selectors} {
  BeginUsage(description, usage);
}

}  // namespace sluice::dataplane
