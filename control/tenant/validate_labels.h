// Labels of a resource: the caller's own words, in the form Kubernetes gives them.
#pragma once

#include <google/protobuf/map.h>

#include <string>

#include "control/tenant/findings.h"

namespace sluice::tenant {

void ValidateLabels(const google::protobuf::Map<std::string, std::string>& labels, uint32_t limit,
                    const Place& place, Findings& findings);

}  // namespace sluice::tenant
