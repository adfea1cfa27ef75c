// Keeps a second process from taking over a name or socket that is in use.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace sluice::dataplane {

// Exclusive locks (flock) that the kernel gives back when the process ends,
// however it ends, so that no stale file ever needs to be removed.
class InstanceLock {
 public:
  // Locks the instance's name on this host and the socket's path. The error says
  // which one is taken and by which process.
  static absl::StatusOr<InstanceLock> Take(const std::string& instance, const std::string& grpc_socket);

  InstanceLock(InstanceLock&& other) noexcept;
  InstanceLock& operator=(InstanceLock&&) = delete;
  ~InstanceLock();

 private:
  InstanceLock(int name, int socket) : name_(name), socket_(socket) {}

  int name_;
  int socket_;
};

}  // namespace sluice::dataplane
