// A file lock beside a socket.
#include "control/io/socket_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::io {
namespace {

// The holder's process id, as it wrote it, for the error message.
std::string Holder(int descriptor) {
  char text[16] = {};
  const ssize_t got = pread(descriptor, text, sizeof text - 1, 0);
  return got > 0 ? absl::StrCat(" (process ", std::string(text, static_cast<size_t>(got)), ")") : "";
}

// Somebody who takes no locks may be there: a socket that answers is not a dead one's.
absl::Status CheckUnused(const std::string& path, const std::string& what) {
  struct stat facts {};
  if (lstat(path.c_str(), &facts) != 0) return absl::OkStatus();
  if (!S_ISSOCK(facts.st_mode)) return absl::AlreadyExistsError(what + " exists and is no socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return absl::OkStatus();  // refused by name when bound
  std::memcpy(address.sun_path, path.data(), path.size());
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(errno)));
  const bool dead = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
                    errno == ECONNREFUSED;
  close(probe);
  return dead ? absl::OkStatus() : absl::AlreadyExistsError(what + " is in use by another program");
}

}  // namespace

absl::StatusOr<SocketLock> SocketLock::Take(const std::string& path) {
  const std::string what = absl::StrCat("listen_unix ", path);
  const std::string lock_path = path + ".lock";
  const int descriptor = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0)
    return absl::UnavailableError(absl::StrCat(what, ": ", lock_path, ": ", std::strerror(errno)));
  SocketLock lock(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0)
    return absl::AlreadyExistsError(
        absl::StrCat(what, " is in use by another sluice-gateway", Holder(descriptor)));
  if (absl::Status unused = CheckUnused(path, what); !unused.ok()) return unused;
  const std::string pid = absl::StrCat(getpid());
  // The process id is for people; without it the lock is as good.
  if (ftruncate(descriptor, 0) == 0 && pwrite(descriptor, pid.data(), pid.size(), 0) < 0) return lock;
  return lock;
}

SocketLock::SocketLock(SocketLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

SocketLock::~SocketLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace sluice::io
