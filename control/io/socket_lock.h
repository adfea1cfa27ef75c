// Keeps a second gateway from taking the socket that another one listens on: gRPC
// itself removes a socket's file before it binds and when it ends, whoever's it is.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace sluice::io {

// An exclusive lock (flock) on `path` with ".lock" appended, which the kernel gives back
// when the process ends, however it ends. The lock's file stays.
class SocketLock {
 public:
  // Of the Unix socket at `path`, before anything listens there. ALREADY_EXISTS when another
  // process holds the lock or listens on the socket, or the path is no socket; names both.
  static absl::StatusOr<SocketLock> Take(const std::string& path);

  SocketLock(SocketLock&& other) noexcept;
  SocketLock& operator=(SocketLock&&) = delete;
  ~SocketLock();

 private:
  explicit SocketLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace sluice::io
