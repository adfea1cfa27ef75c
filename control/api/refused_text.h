// What the dataplane refused, as one line for conditions and errors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/api/programming_status.h"

namespace sluice::api {

// "tenant contoso: connection la: limit interfaces (4096) is reached; ..., and 7 more". `count` is
// how many there are; `refused` may have fewer.
std::string TextOf(const std::vector<RefusedObject>& refused, uint64_t count);

}  // namespace sluice::api
