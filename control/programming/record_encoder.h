// Objects as channel records. The header's version, length, sequence and epoch
// are filled in by the channel itself.
#pragma once

#include <cstdint>

#include "control/programming/object_key.h"
#include "control/programming/wire_ids.h"
#include "control/rib/route_view.h"
#include "proto/channel/records.h"

namespace sluice::programming {

// Room for any record; `bytes` is how much of it is one.
union RecordBuffer {
  channel::RecordHeader header;
  channel::ScopeRecord scope;
  channel::VrfRecord vrf;
  channel::IdRecord id;
  channel::InterfaceRecord interface;
  channel::TunnelRecord tunnel;
  channel::InterfaceAddressRecord address;
  channel::NeighborRecord neighbor;
  channel::AdjacencyRecord adjacency;
  channel::NextHopGroupRecord group;
  channel::RouteRecord route;
  channel::PolicerRecord policer;
};

// Numbers that only the attached dataplane gives.
struct WireNumbers {
  WireIds adjacencies;
  WireIds groups;
};

// `port` is the dataplane's number of an interface's port, else unused. All
// return the record's length in bytes.
uint32_t EncodePut(const Object& object, uint16_t port, WireNumbers& numbers, RecordBuffer& out);
uint32_t EncodeDelete(const Object& object, const WireNumbers& numbers, RecordBuffer& out);
uint32_t EncodeRoute(const rib::RouteUpdate& route, const WireNumbers& numbers, RecordBuffer& out);
uint32_t EncodeSync(channel::RecordType type, uint32_t stale_deadline_ms, RecordBuffer& out);

}  // namespace sluice::programming
