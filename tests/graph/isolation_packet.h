// A packet as the slow model sees it; only the model's own files need it.
#pragma once

#include "tests/graph/isolation_model.h"

namespace sluice::testing {

// The fields of an IP packet that routing looks at, and its bytes.
struct IsolationModel::Ip {
  Bytes bytes;  // exactly the packet, without padding
  size_t available = 0;
  bool v4 = true;
  uint8_t version = 4, header = 20, hops = 64, protocol = 0;
  uint32_t total = 0;
  uint16_t fragment = 0;
  net::Address source, destination;

  bool dont_fragment() const { return !v4 || (fragment & 0x4000) != 0; }
  const uint8_t* transport() const { return bytes.data() + header; }
  size_t transport_bytes() const { return bytes.size() - header; }

  static Ip Of(const Bytes& bytes, bool v4) {
    Ip ip;
    ip.v4 = v4;
    ip.available = bytes.size();
    ip.bytes = bytes;
    if (bytes.size() < (v4 ? 20u : 40u)) return ip;
    ip.version = bytes[0] >> 4;
    ip.header = v4 ? static_cast<uint8_t>((bytes[0] & 15) * 4) : 40;
    ip.total = v4 ? static_cast<uint32_t>(bytes[2] << 8 | bytes[3])
                  : static_cast<uint32_t>(bytes[4] << 8 | bytes[5]) + 40;
    ip.fragment = v4 ? static_cast<uint16_t>(bytes[6] << 8 | bytes[7]) : 0;
    ip.hops = v4 ? bytes[8] : bytes[7];
    ip.protocol = v4 ? bytes[9] : bytes[6];
    if (v4) {
      ip.source = net::Ipv4Address::FromBytes(&bytes[12]);
      ip.destination = net::Ipv4Address::FromBytes(&bytes[16]);
    } else {
      ip.source = net::Ipv6Address::FromBytes(&bytes[8]);
      ip.destination = net::Ipv6Address::FromBytes(&bytes[24]);
    }
    if (ip.total <= bytes.size()) ip.bytes.resize(ip.total);
    return ip;
  }
};

}  // namespace sluice::testing
