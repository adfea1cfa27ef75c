// One line for each event of a watch. A pure function of API messages.
#pragma once

#include <string>

#include "sluice/gateway/v1/watch.pb.h"

namespace sluice::ctl {

std::string WatchEventLine(const sluice::gateway::v1::WatchEvent& event);

}  // namespace sluice::ctl
