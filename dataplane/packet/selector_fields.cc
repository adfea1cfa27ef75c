// Addresses, protocol and ports of either family.
#include "dataplane/packet/selector_fields.h"

#include "dataplane/packet/icmp.h"
#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"

namespace sluice::dataplane {
namespace {

constexpr uint8_t kTcp = 6, kUdp = 17, kDccp = 33, kSctp = 132, kUdpLite = 136;

// Of a packet, before it is known which end is ours.
struct Ends {
  SelectorAddress source, destination;
  uint16_t source_port = 0, destination_port = 0;
};

// `bytes` of the transport header follow; false: its protocol has no ports, or they are cut off.
bool ReadPorts(uint8_t protocol, const uint8_t* transport, uint32_t bytes, Ends& ends) {
  switch (protocol) {
    case kTcp:
    case kUdp:
    case kDccp:
    case kSctp:
    case kUdpLite:
      if (bytes < 4) return false;
      ends.source_port = LoadBe16(transport);
      ends.destination_port = LoadBe16(transport + 2);
      return true;
    case kProtocolIcmp:
    case kProtocolIcmpv6:
      // Type and code are one number on either side (RFC 7296 section 3.13.1).
      if (bytes < 2) return false;
      ends.source_port = ends.destination_port = LoadBe16(transport);
      return true;
  }
  return false;
}

}  // namespace

SelectorFields SelectorFieldsOf(const uint8_t* ip, uint32_t bytes, LocalEnd local_end) {
  SelectorFields fields;
  Ends ends;
  if (ip[0] >> 4 == 4) {
    fields.family = 4;
    fields.protocol = Ipv4Protocol(ip);
    ends.source.low = Ipv4Source(ip);
    ends.destination.low = Ipv4Destination(ip);
    const uint32_t header = Ipv4HeaderLength(ip);
    const bool first = (Ipv4FragmentField(ip) & kIpv4OffsetMask) == 0;
    fields.has_ports =
        first && header <= bytes && ReadPorts(fields.protocol, ip + header, bytes - header, ends);
  } else {
    fields.family = 6;
    const Ipv6Transport transport = FindIpv6Transport(ip, bytes);
    fields.protocol = transport.protocol;
    ends.source = {LoadBe64(Ipv6Source(ip)), LoadBe64(Ipv6Source(ip) + 8)};
    ends.destination = {LoadBe64(Ipv6Destination(ip)), LoadBe64(Ipv6Destination(ip) + 8)};
    fields.has_ports = !transport.non_initial && !transport.malformed && transport.offset <= bytes &&
                       ReadPorts(fields.protocol, ip + transport.offset, bytes - transport.offset, ends);
  }
  const bool source_is_ours = local_end == LocalEnd::kSource;
  fields.local = source_is_ours ? ends.source : ends.destination;
  fields.remote = source_is_ours ? ends.destination : ends.source;
  fields.local_port = source_is_ours ? ends.source_port : ends.destination_port;
  fields.remote_port = source_is_ours ? ends.destination_port : ends.source_port;
  return fields;
}

}  // namespace sluice::dataplane
