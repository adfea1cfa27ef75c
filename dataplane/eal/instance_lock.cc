// File locks behind InstanceLock.
#include "dataplane/eal/instance_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::dataplane {
namespace {

// Where the name's lock lives; an unprivileged process has a runtime folder of its own.
std::string LockFolder() {
  if (geteuid() == 0) return "/run";
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
  return runtime != nullptr ? runtime : "/tmp";
}

// The holder's process id, as it wrote it, for the error message.
std::string Holder(int descriptor) {
  char text[16] = {};
  const ssize_t got = pread(descriptor, text, sizeof text - 1, 0);
  return got > 0 ? absl::StrCat(" (process ", std::string(text, static_cast<size_t>(got)), ")") : "";
}

absl::StatusOr<int> LockFile(const std::string& path, const std::string& what) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0)
    return absl::UnavailableError(absl::StrCat(what, ": ", path, ": ", std::strerror(errno)));
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    const std::string holder = Holder(descriptor);
    close(descriptor);
    return absl::AlreadyExistsError(absl::StrCat(what, " is in use by another sluice-dataplane", holder));
  }
  const std::string pid = absl::StrCat(getpid());
  // The process id is for people; without it the lock is as good.
  if (ftruncate(descriptor, 0) == 0 && pwrite(descriptor, pid.data(), pid.size(), 0) < 0) return descriptor;
  return descriptor;
}

}  // namespace

absl::StatusOr<InstanceLock> InstanceLock::Take(const std::string& instance, const std::string& grpc_socket) {
  const auto name = LockFile(absl::StrCat(LockFolder(), "/sluice-dataplane-", instance, ".lock"),
                             absl::StrCat("instance \"", instance, "\""));
  if (!name.ok()) return name.status();
  const auto socket = LockFile(grpc_socket + ".lock", absl::StrCat("grpc_socket ", grpc_socket));
  if (!socket.ok()) {
    close(*name);
    return socket.status();
  }
  return InstanceLock(*name, *socket);
}

InstanceLock::InstanceLock(InstanceLock&& other) noexcept
    : name_(std::exchange(other.name_, -1)), socket_(std::exchange(other.socket_, -1)) {}

InstanceLock::~InstanceLock() {
  if (name_ >= 0) close(name_);
  if (socket_ >= 0) close(socket_);
}

}  // namespace sluice::dataplane
