// One line about a frame, as far as its bytes go: tags, addresses, protocol.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "sluice/gateway/v1/diagnostics.pb.h"

namespace sluice::ctl {

namespace api = ::sluice::gateway::v1;

// "vlan 101 10.0.0.10 > 18.0.0.10 icmp echo request ttl 64". `frame` starts with
// Ethernet and may be cut anywhere.
std::string FrameText(std::span<const uint8_t> frame);

// The packet, then what each node decided about it.
std::string TracedPacketText(const api::TracedPacket& packet);
std::string CapturedPacketLine(const api::CapturedPacket& packet);

}  // namespace sluice::ctl
