// Building packets for tests.
#include "tests/lib/packet.h"

#include "proto/net/byte_writer.h"
#include "proto/net/check.h"
#include "proto/net/checksum.h"

namespace sluice::testing {
namespace {

Bytes AddressBytes(std::string_view text) {
  const net::Address address = Ip(text);
  if (!address.is_v4()) return {address.v6().bytes.begin(), address.v6().bytes.end()};
  net::ByteWriter out;
  out.U32(address.v4().value);
  return out.Release();
}

Bytes Counting(size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i);
  return bytes;
}

}  // namespace

net::Address Ip(std::string_view text) {
  const auto address = net::Address::Parse(text);
  SLUICE_CHECK(address.has_value());
  return *address;
}

net::MacAddress Mac(std::string_view text) {
  const auto mac = net::MacAddress::Parse(text);
  SLUICE_CHECK(mac.has_value());
  return *mac;
}

Packet& Packet::Ethernet(const net::MacAddress& destination, const net::MacAddress& source) {
  l2_.assign(destination.bytes.begin(), destination.bytes.end());
  l2_.insert(l2_.end(), source.bytes.begin(), source.bytes.end());
  return *this;
}

Packet& Packet::Vlan(uint16_t vlan, uint16_t tpid) {
  net::ByteWriter tag;
  tag.U16(tpid).U16(vlan);
  l2_.insert(l2_.end(), tag.bytes().begin(), tag.bytes().end());
  return *this;
}

Packet& Packet::EtherType(uint16_t type) {
  ether_type_ = type;
  return *this;
}

Packet& Packet::Ipv4(const Ipv4Fields& fields) {
  ipv4_ = fields;
  return *this;
}

Packet& Packet::Ipv6(const Ipv6Fields& fields) {
  ipv6_ = fields;
  return *this;
}

Packet& Packet::Udp(uint16_t source_port, uint16_t destination_port, size_t payload_bytes) {
  net::ByteWriter out;
  out.U16(source_port).U16(destination_port).U16(static_cast<uint16_t>(8 + payload_bytes)).U16(0);
  out.Bytes(Counting(payload_bytes));
  checksum_at_ = 6;
  protocol_ = 17;
  transport_ = out.Release();
  return *this;
}

Packet& Packet::Tcp(uint16_t source_port, uint16_t destination_port, size_t payload_bytes) {
  return Tcp(source_port, destination_port, TcpFields{}, payload_bytes);
}

Packet& Packet::Tcp(uint16_t source_port, uint16_t destination_port, const TcpFields& fields,
                    size_t payload_bytes) {
  net::ByteWriter out;
  out.U16(source_port).U16(destination_port).U32(1).U32(0);
  out.U8(static_cast<uint8_t>((5 + fields.options.size() / 4) << 4)).U8(fields.flags);
  out.U16(65535).U16(0).U16(0).Bytes(fields.options).Bytes(Counting(payload_bytes));
  checksum_at_ = 16;
  protocol_ = 6;
  transport_ = out.Release();
  return *this;
}

Packet& Packet::Icmp(uint8_t type, uint8_t code, uint32_t rest, Bytes body) {
  net::ByteWriter out;
  out.U8(type).U8(code).U16(0).U32(rest).Bytes(body);
  checksum_at_ = 2;
  protocol_ = ipv6_ ? 58 : 1;
  transport_ = out.Release();
  return *this;
}

Packet& Packet::Transport(uint8_t protocol, Bytes bytes) {
  protocol_ = protocol;
  transport_ = std::move(bytes);
  checksum_at_.reset();
  return *this;
}

Packet& Packet::Pad(size_t frame_bytes) {
  pad_ = frame_bytes;
  return *this;
}

Packet& Packet::Cut(size_t frame_bytes) {
  cut_ = frame_bytes;
  return *this;
}

// ICMP over IPv4 has no pseudo header; the others do (RFC 1071, RFC 8200 section 8.1).
Bytes Packet::WithTransportChecksum() const {
  Bytes transport = transport_;
  if (!checksum_at_) return transport;
  uint64_t sum = 0;
  if (protocol_ != 1) {
    sum = net::ChecksumAdd(AddressBytes(ipv6_ ? ipv6_->source : ipv4_->source));
    sum = net::ChecksumAdd(AddressBytes(ipv6_ ? ipv6_->destination : ipv4_->destination), sum);
    sum += transport.size() + protocol_;
  }
  const uint16_t checksum = net::ChecksumFinish(net::ChecksumAdd(transport, sum));
  transport[*checksum_at_] = static_cast<uint8_t>(checksum >> 8);
  transport[*checksum_at_ + 1] = static_cast<uint8_t>(checksum);
  return transport;
}

Bytes Packet::Ipv4Bytes(const Bytes& transport) const {
  const Ipv4Fields& f = *ipv4_;
  const size_t header = 20 + f.options.size();
  net::ByteWriter out;
  out.U8(f.version_ihl.value_or(static_cast<uint8_t>(0x40 | header / 4))).U8(f.tos);
  out.U16(f.total_length.value_or(static_cast<uint16_t>(header + transport.size())));
  out.U16(f.identification).U16(f.fragment).U8(f.ttl).U8(protocol_).U16(0);
  out.Bytes(AddressBytes(f.source)).Bytes(AddressBytes(f.destination)).Bytes(f.options);
  out.PatchU16(10, f.checksum.value_or(net::Checksum(out.bytes())));
  out.Bytes(transport);
  return out.Release();
}

Bytes Packet::Ipv6Bytes(const Bytes& transport) const {
  const Ipv6Fields& f = *ipv6_;
  net::ByteWriter out;
  out.U32(uint32_t{f.version.value_or(6)} << 28 | f.flow_label);
  out.U16(f.payload_length.value_or(static_cast<uint16_t>(f.extensions.size() + transport.size())));
  out.U8(f.extension_type.value_or(protocol_)).U8(f.hop_limit);
  out.Bytes(AddressBytes(f.source)).Bytes(AddressBytes(f.destination)).Bytes(f.extensions);
  out.Bytes(transport);
  return out.Release();
}

Bytes Packet::ip() const {
  const Bytes transport = WithTransportChecksum();
  if (ipv4_) return Ipv4Bytes(transport);
  if (ipv6_) return Ipv6Bytes(transport);
  return transport;
}

Bytes Packet::frame() const {
  Bytes frame = l2_;
  const uint16_t type = ether_type_.value_or(ipv6_ ? 0x86dd : 0x0800);
  frame.push_back(static_cast<uint8_t>(type >> 8));
  frame.push_back(static_cast<uint8_t>(type));
  const Bytes rest = ip();
  frame.insert(frame.end(), rest.begin(), rest.end());
  if (pad_ && frame.size() < *pad_) frame.resize(*pad_);
  if (cut_ && frame.size() > *cut_) frame.resize(*cut_);
  return frame;
}

}  // namespace sluice::testing
