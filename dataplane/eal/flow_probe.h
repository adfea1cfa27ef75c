// Asks a port whether it can steer flows in hardware.
#pragma once

#include <string>

#include "dataplane/tables/ids.h"

namespace sluice::dataplane {

// Creates and removes a rule "VLAN 4094 to queue 0" on a started port, because
// some drivers validate what they cannot create. Returns the answer in words:
// "yes", "validates but does not create: ...", "no: ...".
std::string ProbeFlowApi(PortId port);

}  // namespace sluice::dataplane
