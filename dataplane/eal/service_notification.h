// Tells a supervisor that the service is ready or stopping: systemd's protocol
// (sd_notify(3)) without its library.
#pragma once

#include <string_view>

namespace sluice::dataplane {

// Sends `state` ("READY=1", "STOPPING=1") to the socket in NOTIFY_SOCKET; does
// nothing without one, and never fails the caller.
void NotifySupervisor(std::string_view state);

}  // namespace sluice::dataplane
