// The gateway, its ports, neighbours, findings and audit trail as text. Pure
// functions of API messages.
#pragma once

#include <string>

#include "sluice/gateway/v1/diagnostics.pb.h"
#include "sluice/gateway/v1/gateway.pb.h"

namespace sluice::ctl {

namespace api = ::sluice::gateway::v1;

std::string GatewayTable(const api::Gateway& gateway);
std::string GatewayDescription(const api::Gateway& gateway);
std::string WorkersTable(const api::GatewayStatus& status);
// Tables and queues against their limits, the fullest first.
std::string FillsTable(const api::GatewayStatus& status);
// Leaves only the limit that is named; all when none is. False when there is none of that name.
bool KeepFill(const std::string& name, api::GatewayStatus& status);
std::string PortsTable(const api::DescribePortsResponse& ports);
// What became of the flows that a port was asked to steer, in a line.
std::string SteeringText(const api::PortFlowSteering& steering);
std::string PortDescriptionText(const api::PortDescription& port);
std::string NeighborsTable(const api::ListNeighborsResponse& neighbors);
// Most packets first, as the gateway sorts them.
std::string DropsTable(const api::ListDropsResponse& drops);
// Problems first; a remedy on a line of its own.
std::string FindingsText(const api::DoctorResponse& findings);
std::string AuditTable(const api::ListAuditEventsResponse& events);

}  // namespace sluice::ctl
