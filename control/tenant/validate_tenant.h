// A tenant's spec: raw fields to values. Pure: the same request in the same
// environment always gives the same answer, and nothing else changes.
#pragma once

#include <string_view>

#include "control/tenant/environment.h"
#include "control/tenant/findings.h"
#include "control/tenant/model.h"
#include "sluice/gateway/v1/tenant.pb.h"

namespace sluice::tenant {

struct ValidatedTenant {
  // What can be programmed. With findings it may lack parts; a request with
  // findings is refused as a whole, while a stored tenant is programmed as far
  // as it goes and shows the findings as conditions.
  TenantModel model;
  gateway::v1::TenantSpec spec;  // canonical text forms
  Findings findings;
  uint64_t booked_kbps = 0;  // of the gateway's capacity
};

ValidatedTenant ValidateTenant(std::string_view name, gateway::v1::TenantSpec spec,
                               const Environment& environment);

// "tenants/contoso", "tenants/contoso/connections/los-angeles".
std::string TenantName(std::string_view tenant);
std::string ConnectionName(std::string_view tenant, std::string_view connection);

}  // namespace sluice::tenant
