// The tenant pair with an ESP tunnel, and its far end, played with OpenSSL.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "dataplane/packet/esp.h"
#include "proto/net/checksum.h"
#include "tests/graph/tunnel_gateway.h"
#include "tests/lib/esp_oracle.h"

namespace sluice::testing {

using dataplane::EspDirection;
using dataplane::OutboundPolicy;
using dataplane::SaDescription;
using dataplane::SaId;

// What a tunnel of the tests is like.
struct EspShape {
  bool outer4 = true, udp = false, esn = false;
  dataplane::EspSuiteId suite = dataplane::EspSuiteId::kAes128Gcm;
  uint16_t window = 64;
  uint64_t floor = 0;
};

inline constexpr uint32_t kEspSpiIn = 0x01050007, kEspSpiOut = 0xc0ffee01;
inline constexpr uint8_t kEspSlot = 5;  // in kEspSpiIn
inline constexpr SaId kSaIn = 2, kSaOut = 1;

// Tunnel 4 of VRF 1 with one SA each way, whose keys are `out` and `in`.
struct EspGateway : TunnelGateway {
  explicit EspGateway(const EspShape& wanted = {}, const HarnessOptions& options = {})
      : TunnelGateway(options),
        shape(wanted),
        out(EspOracle::WithSomeKeys(suite(), 1, wanted.esn)),
        in(EspOracle::WithSomeKeys(suite(), 2, wanted.esn)) {
    AddTunnel({.kind = dataplane::TunnelKind::kEsp, .ttl = 64}, remote());
    Install(OutboundSa(), out);
    Install(InboundSa(), in);
    SendThrough(kSaOut);
  }

  const dataplane::EspSuite& suite() const { return dataplane::SuiteOf(shape.suite); }
  std::string local() const { return shape.outer4 ? "192.0.2.1" : "2001:db8:f::1"; }
  std::string remote() const { return shape.outer4 ? "198.51.100.2" : "2001:db8:e::2"; }
  dataplane::SaEndpoints Ends() const {
    const auto port = static_cast<uint16_t>(shape.udp ? 4500 : 0);
    return {Ip(local()), Ip(remote()), port, port};
  }
  SaDescription OutboundSa() const {
    SaDescription sa{.id = kSaOut,
                     .tunnel = 4,
                     .spi = kEspSpiOut,
                     .suite = shape.suite,
                     .esn = shape.esn,
                     .udp = shape.udp,
                     .slot = kEspSlot};
    sa.endpoints = Ends();
    sa.sequence_floor = shape.floor;
    return sa;
  }
  SaDescription InboundSa() const {
    SaDescription sa = OutboundSa();
    sa.id = kSaIn;
    sa.direction = EspDirection::kInbound;
    sa.spi = kEspSpiIn;
    sa.slot = 0;
    sa.window = shape.window;
    return sa;
  }
  void Install(const SaDescription& sa, const EspOracle& keys) {
    REQUIRE(tables().sas.Put(sa, esp_crypto().library(), keys.material()).ok());
  }
  void SendThrough(SaId sa) {
    REQUIRE(tables().sas.PutPolicies(4, std::vector<OutboundPolicy>{{{}, sa}}).ok());
  }
  const dataplane::InboundSa& inbound(SaId id = kSaIn) { return *tables().sas.Inbound(id); }
  const dataplane::OutboundSa& outbound(SaId id = kSaOut) { return *tables().sas.Outbound(id); }

  // RFC 4303 section 2: payload, padding of 1, 2, 3 … to whole blocks, its length, next header.
  Bytes Plaintext(const Bytes& payload, uint8_t next_header) const {
    Bytes plaintext = payload;
    const size_t block = suite().alignment;
    for (uint8_t pad = 0;; ++pad) {
      if ((plaintext.size() + 2) % block == 0) {
        plaintext.push_back(pad);
        plaintext.push_back(next_header);
        return plaintext;
      }
      plaintext.push_back(static_cast<uint8_t>(pad + 1));
    }
  }
  static uint8_t NextHeaderOf(const Bytes& ip) { return ip[0] >> 4 == 4 ? 4 : 41; }
  // The far end's ESP packet around an inner one.
  Bytes Sealed(const Bytes& ip, uint64_t sequence) const {
    return in.Seal(kEspSpiIn, sequence, in.Iv(sequence), Plaintext(ip, NextHeaderOf(ip)));
  }
  // Ours.
  Bytes Expected(const Bytes& ip, uint64_t sequence) const {
    return out.Seal(kEspSpiOut, sequence, out.Iv(sequence), Plaintext(ip, NextHeaderOf(ip)));
  }

  // The inner packet of one of our frames, by the dataplane's own cipher; without ESN.
  Bytes Opened(const Bytes& frame) {
    dataplane::EspKeys keys;
    const dataplane::EspTransform transform = *dataplane::ExpandEspKeys(
        esp_crypto().library(), suite(), EspDirection::kInbound, false, out.material(), keys);
    Bytes esp(frame.begin() + 18 + (shape.outer4 ? 20 : 40) + (shape.udp ? 8 : 0), frame.end());
    const uint32_t sequence = dataplane::LoadBe32(esp.data() + 4);
    dataplane::EspRequest request{&transform, esp.data(), sequence, static_cast<uint32_t>(esp.size())};
    esp_crypto().Open(std::span(&request, 1));
    REQUIRE(request.authentic);
    const size_t begin = 8 + suite().iv_bytes, end = esp.size() - suite().icv_bytes;
    return {esp.begin() + static_cast<std::ptrdiff_t>(begin),
            esp.begin() + static_cast<std::ptrdiff_t>(end - 2 - esp[end - 2])};
  }

  // A frame from the far end, and one to it. `tos` of the outer header.
  Bytes Arriving(const Bytes& esp, uint8_t tos = 0) {
    return Carrying(FromUnderlay(), esp, remote(), local(), tos, 0);
  }
  Bytes Leaving(const Bytes& esp, uint8_t tos = 0) {
    return Carrying(ToUnderlay(), esp, local(), remote(), tos, 0x4000);
  }

  EspShape shape;
  EspOracle out, in;

 private:
  Bytes Carrying(Packet packet, const Bytes& esp, const std::string& from, const std::string& to, uint8_t tos,
                 uint16_t fragment) const {
    const uint32_t label = from == local() ? kEspSpiOut & 0xfffff : 0;
    if (shape.outer4) {
      packet.Ipv4({.source = from, .destination = to, .tos = tos, .identification = 0, .fragment = fragment});
    } else {
      packet.Ipv6({.source = from, .destination = to, .flow_label = uint32_t{tos} << 20 | label});
    }
    if (!shape.udp) return packet.Transport(50, esp).frame();
    const auto length = static_cast<uint16_t>(esp.size() + 8);
    Bytes udp{0x11, 0x94, 0x11, 0x94, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length), 0, 0};
    udp.insert(udp.end(), esp.begin(), esp.end());
    if (!shape.outer4) {
      const Bytes ip = Packet(packet).Transport(17, udp).ip();
      const uint64_t pseudo = net::Ipv6PseudoHeaderSum(std::span(ip).first(40), length, 17);
      const uint16_t sum = net::ChecksumFinish(net::ChecksumAdd(udp, pseudo));
      udp[6] = static_cast<uint8_t>(sum >> 8);
      udp[7] = static_cast<uint8_t>(sum);
    }
    return packet.Transport(17, udp).frame();
  }
};

// A packet out of the tunnel and one into it, of either family, as the tenant's hosts see it.
inline Packet InnerFromFar(bool v4, uint8_t hops = 64, size_t payload = 18) {
  Packet packet;
  if (v4)
    return packet.Ipv4({.source = "10.3.0.1", .destination = "10.1.0.1", .ttl = hops}).Udp(5, 6, payload);
  return packet.Ipv6({.source = "2001:db8:3::1", .destination = "2001:db8:1::1", .hop_limit = hops})
      .Udp(5, 6, payload);
}
inline Packet& ToFar(Packet& packet, bool v4, uint8_t hops = 64, size_t payload = 18) {
  if (v4)
    return packet.Ipv4({.source = "10.1.0.1", .destination = "10.3.0.1", .ttl = hops}).Udp(6, 5, payload);
  return packet.Ipv6({.source = "2001:db8:1::1", .destination = "2001:db8:3::1", .hop_limit = hops})
      .Udp(6, 5, payload);
}

}  // namespace sluice::testing
