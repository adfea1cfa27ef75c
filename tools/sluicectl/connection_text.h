// Connections as tables and descriptions. Pure functions of API messages.
#pragma once

#include <string>
#include <vector>

#include "sluice/gateway/v1/tenant.pb.h"

namespace sluice::ctl {

namespace api = ::sluice::gateway::v1;

// What is wanted of a connection beside what is; the status may be empty.
struct ConnectionView {
  std::string tenant;
  api::Connection spec;
  api::ConnectionStatus status;
};

// In order of name.
std::vector<ConnectionView> ConnectionsOf(const api::Tenant& tenant);

std::string ConnectionsTable(const std::vector<ConnectionView>& connections);
// Of one tenant, which is not repeated in each line.
std::string TenantConnectionsTable(const std::vector<ConnectionView>& connections);
std::string ConnectionDescription(const ConnectionView& connection);
// "l3 port0 vlan 101", "gre key 7 to 203.0.113.1".
std::string CarrierText(const api::Connection& connection);

}  // namespace sluice::ctl
