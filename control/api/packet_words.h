// What the dataplane says of traced and captured packets, with an operator's names for its numbers.
#pragma once

#include <cstdint>
#include <string>

#include "control/api/name_table.h"
#include "sluice/dataplane/v1/dataplane.pb.h"

namespace sluice::api {

// The note of one step: what the node did, in names.
std::string StepNote(const dataplane::v1::TraceStep& step, LinkOf link_of);

// The subinterface that a captured frame was seen on, coming or going.
uint32_t InterfaceOfFrame(const dataplane::v1::CapturedPacket& packet);

}  // namespace sluice::api
