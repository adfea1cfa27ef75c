// What the process is allowed to do, and what the service supervisor hears of it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace sluice::io {

struct Privileges {
  bool bind_low_ports = false;  // a configured TCP port is below 1024
  bool change_user = false;     // BecomeUser comes later
};

// Core dumps and debuggers of other users get nothing (the process holds secrets),
// and all capabilities but those named are given up for good, also for programs
// started by it. Before the first thread is made: capabilities are per thread.
absl::Status ShedPrivileges(const Privileges& keep);

// All threads become `user` with its groups, and lose what capabilities they had.
absl::Status BecomeUser(const std::string& user);

// Whether our user may connect to the dataplane's socket, as far as can be known before the
// dataplane is there. PERMISSION_DENIED names both settings and what helps.
absl::Status CheckDataplaneAccess(const std::string& dataplane_socket, const std::string& user);

// Tells systemd, when it supervises us (sd_notify): "READY=1", "STOPPING=1".
void NotifySupervisor(const std::string& state);

// Of this life of the process: random, never 0.
uint64_t MakeInstance();

}  // namespace sluice::io
