// The virtual networks of a request: raw fields to values.
#pragma once

#include <string_view>
#include <vector>

#include "control/tenant/environment.h"
#include "control/tenant/findings.h"
#include "control/tenant/link_fields.h"
#include "control/tenant/model.h"
#include "sluice/gateway/v1/tenant.pb.h"

namespace sluice::tenant {

// A virtual network that came through, with its place in the request.
struct PlacedNetwork {
  VirtualNetwork network;
  Place place;
};

// Puts text fields of `spec` into canonical form. Networks that could not be programmed as they
// are are left out; what networks share with connections is the caller's to check.
std::vector<PlacedNetwork> TakeVirtualNetworks(gateway::v1::TenantSpec& spec, std::string_view tenant,
                                               const Environment& environment, const Place& place,
                                               Findings& findings);

void AddSubnets(const PlacedNetwork& network, std::vector<PlacedSubnet>& subnets);

// "tenants/contoso/virtualNetworks/red"
std::string VirtualNetworkName(std::string_view tenant, std::string_view network);

Encapsulation EncapsulationOf(const gateway::v1::VirtualNetwork& network);
// "VNI 5001" or "VSID 5001".
std::string NetworkIdText(Encapsulation encapsulation, uint32_t network_id);

}  // namespace sluice::tenant
