// Builds packets for tests, with right lengths and checksums unless told
// otherwise, and takes frames apart again into named fields. Independent of the
// dataplane's own parsers on purpose.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/net/address.h"
#include "proto/net/mac_address.h"

namespace sluice::testing {

using Bytes = std::vector<uint8_t>;

// Both abort the test program when the text is malformed.
net::Address Ip(std::string_view text);
net::MacAddress Mac(std::string_view text);

struct Ipv4Fields {
  std::string source = "10.1.0.1";
  std::string destination = "10.2.0.1";
  uint8_t ttl = 64;
  uint8_t tos = 0;
  uint16_t identification = 1;
  uint16_t fragment = 0;  // flags and offset
  Bytes options;          // a multiple of four
  // Wrong on purpose:
  std::optional<uint8_t> version_ihl;
  std::optional<uint16_t> total_length;
  std::optional<uint16_t> checksum;
};

struct Ipv6Fields {
  std::string source = "2001:db8:1::1";
  std::string destination = "2001:db8:2::1";
  uint8_t hop_limit = 64;
  uint32_t flow_label = 0;
  // Extension headers in front of the transport, the first one's type, and the
  // bytes; the last one must name the transport itself.
  std::optional<uint8_t> extension_type;
  Bytes extensions;
  std::optional<uint8_t> version;
  std::optional<uint16_t> payload_length;
};

struct TcpFields {
  uint8_t flags = 0x02;
  Bytes options;  // a multiple of four
};

// A frame under construction. One IP header at most.
class Packet {
 public:
  Packet& Ethernet(const net::MacAddress& destination, const net::MacAddress& source);
  Packet& Vlan(uint16_t vlan, uint16_t tpid = 0x8100);
  Packet& EtherType(uint16_t type);  // of something that is not IP
  Packet& Ipv4(const Ipv4Fields& fields);
  Packet& Ipv6(const Ipv6Fields& fields);
  Packet& Udp(uint16_t source_port, uint16_t destination_port, size_t payload_bytes = 18);
  Packet& Tcp(uint16_t source_port, uint16_t destination_port, size_t payload_bytes = 6);
  Packet& Tcp(uint16_t source_port, uint16_t destination_port, const TcpFields& fields,
              size_t payload_bytes = 6);
  // ICMP or ICMPv6, as the IP header is; the checksum is computed.
  Packet& Icmp(uint8_t type, uint8_t code, uint32_t rest, Bytes body);
  Packet& Transport(uint8_t protocol, Bytes bytes);
  // Adds what padding, or a truncation, leaves of the frame.
  Packet& Pad(size_t frame_bytes);
  Packet& Cut(size_t frame_bytes);

  // The frame.
  Bytes frame() const;
  // From the IP header on.
  Bytes ip() const;

 private:
  Bytes Ipv4Bytes(const Bytes& transport) const;
  Bytes Ipv6Bytes(const Bytes& transport) const;
  Bytes WithTransportChecksum() const;

  Bytes l2_;
  std::optional<uint16_t> ether_type_;
  std::optional<Ipv4Fields> ipv4_;
  std::optional<Ipv6Fields> ipv6_;
  uint8_t protocol_ = 0;
  Bytes transport_;
  std::optional<size_t> checksum_at_;  // in transport_
  std::optional<size_t> pad_, cut_;
};

// A frame as named fields, in text: "eth.destination", "vlan.id", "ip.source",
// "ip.ttl", "ip.checksum" ("good" or "bad"), "icmp.type", "icmp.mtu", "payload"
// and so on. What does not parse is under "malformed".
using Fields = std::map<std::string, std::string>;
Fields Dissect(const Bytes& frame);
// The same of a GRE, NVGRE or VXLAN packet: the outer headers as "outer.ip.source" and
// so on, "tunnel.kind", "tunnel.key", "tunnel.checksum" ("good", "bad", "none"), and the
// inner frame as "inner.ip.source"; that of GRE has Ethernet addresses of zero.
// `inner_frame`, if given, gets its bytes.
Fields DissectTunnel(const Bytes& frame, Bytes* inner_frame = nullptr);

}  // namespace sluice::testing
