// Takes tunnel packets apart: GRE (RFC 2784, 2890), NVGRE (RFC 7637), VXLAN (RFC 7348).
#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include "proto/net/byte_reader.h"
#include "proto/net/byte_writer.h"
#include "proto/net/checksum.h"
#include "tests/lib/packet.h"

namespace sluice::testing {
namespace {

void AddAll(const std::string& prefix, const Fields& fields, Fields& out) {
  for (const auto& [name, value] : fields) out[prefix + name] = value;
}

// The inner packet of a GRE tunnel as a frame, so that it can be taken apart as one.
Bytes AsFrame(uint16_t type, std::span<const uint8_t> packet) {
  net::ByteWriter frame;
  frame.Bytes(Bytes(12)).U16(type).Bytes(packet);
  return frame.Release();
}

std::optional<Bytes> Gre(std::span<const uint8_t> gre, Fields& out) {
  net::ByteReader in(gre);
  const uint16_t flags = in.U16(), type = in.U16();
  out["tunnel.kind"] = "gre";
  out["tunnel.flags"] = absl::StrCat(absl::Hex(flags, absl::kZeroPad4));
  if ((flags & 0x8000) != 0) {
    in.U32();
    out["tunnel.checksum"] = net::Checksum(gre) == 0 ? "good" : "bad";
  }
  std::optional<uint32_t> key;
  if ((flags & 0x2000) != 0) key = in.U32();
  if ((flags & 0x1000) != 0) out["tunnel.sequence"] = absl::StrCat(in.U32());
  if (!in.ok()) return std::nullopt;
  const auto payload = in.Take(in.remaining());
  if (type != 0x6558) {
    if (key) out["tunnel.key"] = absl::StrCat(*key);
    return AsFrame(type, payload);
  }
  out["tunnel.kind"] = "nvgre";
  out["tunnel.key"] = absl::StrCat(key.value_or(0) >> 8);
  return Bytes(payload.begin(), payload.end());
}

std::optional<Bytes> Vxlan(std::span<const uint8_t> udp, uint64_t pseudo_header, Fields& out) {
  net::ByteReader in(udp);
  const uint16_t source = in.U16(), destination = in.U16(), length = in.U16(), checksum = in.U16();
  const uint32_t flags = in.U32(), vni = in.U32();
  if (!in.ok() || length != udp.size()) return std::nullopt;
  out["tunnel.kind"] = "vxlan";
  out["tunnel.source_port"] = source >= 49152 ? "dynamic" : absl::StrCat(source);
  out["tunnel.port"] = absl::StrCat(destination);
  const bool holds = net::ChecksumFinish(net::ChecksumAdd(udp, pseudo_header)) == 0;
  out["tunnel.checksum"] = checksum == 0 ? "none" : holds ? "good" : "bad";
  out["tunnel.flags"] = absl::StrCat(absl::Hex(flags, absl::kZeroPad8));
  out["tunnel.key"] = absl::StrCat(vni >> 8);
  const auto payload = in.Take(in.remaining());
  return Bytes(payload.begin(), payload.end());
}

}  // namespace

Fields DissectTunnel(const Bytes& frame, Bytes* inner_frame) {
  Fields out;
  Fields outer = Dissect(frame);
  const std::string bytes = absl::HexStringToBytes(outer["payload"]);
  const Bytes payload(bytes.begin(), bytes.end());
  const std::string protocol = outer["ip.protocol"];
  outer.erase("payload");
  AddAll("outer.", outer, out);
  std::optional<Bytes> inner;
  if (outer.contains("malformed")) return out;
  if (protocol == "47") inner = Gre(payload, out);
  if (protocol == "17") {
    net::ByteWriter pseudo;
    for (const char* end : {"ip.source", "ip.destination"}) {
      const net::Address address = Ip(outer.at(end));
      if (address.is_v4()) {
        pseudo.U32(address.v4().value);
      } else {
        pseudo.Bytes(address.v6().bytes);
      }
    }
    inner = Vxlan(payload, net::ChecksumAdd(pseudo.bytes(), payload.size() + uint64_t{17}), out);
  }
  if (!inner) {
    out["malformed"] = "tunnel";
    return out;
  }
  AddAll("inner.", Dissect(*inner), out);
  if (inner_frame != nullptr) *inner_frame = std::move(*inner);
  return out;
}

}  // namespace sluice::testing
