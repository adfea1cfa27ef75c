// The gateway's place in the provider network: raw fields of its spec to values.
#pragma once

#include <string>
#include <string_view>

#include "control/tenant/environment.h"
#include "control/tenant/findings.h"
#include "control/tenant/model.h"
#include "sluice/gateway/v1/gateway.pb.h"

namespace sluice::tenant {

// Of underlay_interfaces and underlay_routes; puts their text into canonical form. With
// findings the model may lack parts: a request with findings is refused, while a stored
// underlay is programmed as far as it goes. `environment.taken` has the VLANs of all tenants.
UnderlayModel ValidateUnderlay(gateway::v1::GatewaySpec& spec, const Environment& environment,
                               Findings& findings);

// "gateway/underlay_interfaces/tor-a".
std::string UnderlayInterfaceName(std::string_view interface);

}  // namespace sluice::tenant
