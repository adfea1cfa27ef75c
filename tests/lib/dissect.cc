// Takes frames apart into named fields.
#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include "proto/net/byte_reader.h"
#include "proto/net/checksum.h"
#include "tests/lib/packet.h"

namespace sluice::testing {
namespace {

std::string MacText(std::span<const uint8_t> bytes) {
  net::MacAddress mac;
  std::copy(bytes.begin(), bytes.end(), mac.bytes.begin());
  return mac.ToString();
}

std::string Hex(std::span<const uint8_t> bytes) {
  return absl::BytesToHexString(std::string(bytes.begin(), bytes.end()));
}

void DissectIcmp(std::span<const uint8_t> message, uint64_t pseudo_header, bool v6, Fields& out) {
  net::ByteReader in(message);
  const uint8_t type = in.U8(), code = in.U8();
  in.U16();
  const uint32_t rest = in.U32();
  out["icmp.type"] = absl::StrCat(type);
  out["icmp.code"] = absl::StrCat(code);
  out["icmp.checksum"] = net::ChecksumFinish(net::ChecksumAdd(message, pseudo_header)) == 0 ? "good" : "bad";
  const bool too_big = v6 ? type == 2 : type == 3 && code == 4;
  out[too_big ? "icmp.mtu" : "icmp.rest"] = absl::StrCat(rest);
  out["payload"] = Hex(in.Take(in.remaining()));
}

void DissectTransport(uint8_t protocol, std::span<const uint8_t> bytes, uint64_t pseudo_header, bool v6,
                      Fields& out) {
  out["ip.protocol"] = absl::StrCat(protocol);
  if (protocol == (v6 ? 58 : 1)) return DissectIcmp(bytes, v6 ? pseudo_header : 0, v6, out);
  out["payload"] = Hex(bytes);
}

void DissectIpv4(std::span<const uint8_t> packet, Fields& out) {
  net::ByteReader in(packet);
  const uint8_t version_ihl = in.U8();
  out["ip.tos"] = absl::StrCat(in.U8());
  const uint16_t total = in.U16();
  out["ip.length"] = absl::StrCat(total);
  out["ip.identification"] = absl::StrCat(in.U16());
  const uint16_t fragment = in.U16();
  out["ip.flags"] = absl::StrCat(fragment >> 13);
  out["ip.offset"] = absl::StrCat((fragment & 0x1fff) * 8);
  out["ip.ttl"] = absl::StrCat(in.U8());
  const uint8_t protocol = in.U8();
  in.U16();
  out["ip.source"] = net::Ipv4Address{in.U32()}.ToString();
  out["ip.destination"] = net::Ipv4Address{in.U32()}.ToString();
  const size_t header = (version_ihl & 0xf) * 4u;
  if (version_ihl >> 4 != 4 || header < 20 || header > total || total > packet.size()) {
    out["malformed"] = "ipv4";
    return;
  }
  out["ip.checksum"] = net::Checksum(packet.first(header)) == 0 ? "good" : "bad";
  if (header > 20) out["ip.options"] = Hex(packet.subspan(20, header - 20));
  if (packet.size() > total) out["padding"] = absl::StrCat(packet.size() - total);
  const auto payload = packet.subspan(header, total - header);
  if ((fragment & 0x3fff) != 0) {
    out["ip.protocol"] = absl::StrCat(protocol);
    out["payload"] = Hex(payload);
    return;
  }
  DissectTransport(protocol, payload, 0, false, out);
}

void DissectIpv6(std::span<const uint8_t> packet, Fields& out) {
  net::ByteReader in(packet);
  const uint32_t first = in.U32();
  out["ip.tos"] = absl::StrCat(first >> 20 & 0xff);
  out["ip.flow_label"] = absl::StrCat(first & 0xfffff);
  const uint16_t length = in.U16();
  out["ip.length"] = absl::StrCat(length + 40);
  const uint8_t protocol = in.U8();
  out["ip.ttl"] = absl::StrCat(in.U8());
  const auto addresses = in.Take(32);
  if (addresses.size() < 32 || first >> 28 != 6 || length > in.remaining()) {
    out["malformed"] = "ipv6";
    return;
  }
  out["ip.source"] = net::Ipv6Address::FromBytes(addresses.data()).ToString();
  out["ip.destination"] = net::Ipv6Address::FromBytes(addresses.data() + 16).ToString();
  if (in.remaining() > length) out["padding"] = absl::StrCat(in.remaining() - length);
  DissectTransport(protocol, in.Take(length), net::ChecksumAdd(addresses, length + uint64_t{protocol}), true,
                   out);
}

}  // namespace

Fields Dissect(const Bytes& frame) {
  Fields out;
  net::ByteReader in(frame);
  out["eth.destination"] = MacText(in.Take(6));
  out["eth.source"] = MacText(in.Take(6));
  uint16_t type = in.U16();
  if (type == 0x8100 || type == 0x88a8) {
    out["vlan.tpid"] = absl::StrCat(absl::Hex(type));
    out["vlan.id"] = absl::StrCat(in.U16() & 0xfff);
    type = in.U16();
  }
  out["eth.type"] = absl::StrCat(absl::Hex(type, absl::kZeroPad4));
  if (!in.ok()) {
    out["malformed"] = "ethernet";
    return out;
  }
  const auto rest = in.Take(in.remaining());
  if (type == 0x0800 && rest.size() >= 20) {
    DissectIpv4(rest, out);
  } else if (type == 0x86dd) {
    DissectIpv6(rest, out);
  } else {
    out["payload"] = Hex(rest);
  }
  return out;
}

}  // namespace sluice::testing
