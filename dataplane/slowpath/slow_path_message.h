// The slow path's counters as gRPC tells them.
#pragma once

#include "dataplane/slowpath/slow_path.h"
#include "sluice/dataplane/v1/dataplane.pb.h"

namespace sluice::dataplane {

// Any thread.
v1::GetSlowPathReply MessageOf(const SlowPath& slow_path);

}  // namespace sluice::dataplane
