// The numbers by which the dataplane's tables name their objects. Control
// allocates them (except ports); zero is never a valid id but for the
// underlay's VRF.
#pragma once

#include <cstdint>

namespace sluice::dataplane {

using VrfId = uint16_t;        // also the tenant in counters; 0 is the underlay
using InterfaceId = uint16_t;  // an L3 subinterface or a tunnel
using PortId = uint16_t;       // DPDK's port number
using AdjacencyId = uint32_t;
using PolicerId = uint32_t;
using RemoteId = uint32_t;  // far end of tunnels; the dataplane's own number
using SaId = uint32_t;      // of either direction
using WorkerIndex = uint16_t;

inline constexpr InterfaceId kNoInterface = 0;
inline constexpr PortId kNoPort = 0xffff;  // a tunnel has none of its own
inline constexpr AdjacencyId kNoAdjacency = 0;
inline constexpr PolicerId kNoPolicer = 0;
inline constexpr RemoteId kNoRemote = 0;
inline constexpr SaId kNoSa = 0;

}  // namespace sluice::dataplane
