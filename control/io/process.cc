// Capabilities, users and the notification socket: see the header.
#include "control/io/process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_format.h"
#include "proto/net/check.h"

namespace sluice::io {
namespace {

absl::Status Failed(const char* what) {
  return absl::InternalError(absl::StrFormat("%s: %s", what, std::strerror(errno)));
}

}  // namespace

absl::Status ShedPrivileges(const Privileges& keep) {
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return Failed("making the process non-dumpable");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Failed("giving up new privileges");
  uint64_t kept = 0;
  if (keep.bind_low_ports) kept |= uint64_t{1} << CAP_NET_BIND_SERVICE;
  if (keep.change_user) kept |= uint64_t{1} << CAP_SETUID | uint64_t{1} << CAP_SETGID;

  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (syscall(SYS_capget, &header, sets) != 0) return Failed("reading capabilities");
  if (sets[0].effective & (1u << CAP_SETPCAP)) {
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
      if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return Failed("dropping bounding capabilities");
    }
  }
  for (unsigned i = 0; i < 2; ++i) {
    const auto mask = static_cast<uint32_t>(kept >> (32 * i));
    sets[i].permitted &= mask;
    sets[i].effective = sets[i].permitted;
    sets[i].inheritable = 0;
  }
  if (syscall(SYS_capset, &header, sets) != 0) return Failed("dropping capabilities");
  return absl::OkStatus();
}

absl::Status BecomeUser(const std::string& user) {
  errno = 0;
  const passwd* entry = getpwnam(user.c_str());
  if (entry == nullptr)
    return absl::NotFoundError(absl::StrFormat("run_as_user: there is no user '%s'", user));
  const uid_t uid = entry->pw_uid;
  const gid_t gid = entry->pw_gid;
  if (initgroups(user.c_str(), gid) != 0) return Failed("run_as_user: setting groups");
  if (setresgid(gid, gid, gid) != 0) return Failed("run_as_user: changing the group");
  if (setresuid(uid, uid, uid) != 0) return Failed("run_as_user: changing the user");
  // The kernel makes a process dumpable again when its user changes.
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return Failed("making the process non-dumpable");
  return absl::OkStatus();
}

absl::Status CheckDataplaneAccess(const std::string& dataplane_socket, const std::string& user) {
  // Connecting needs the right to write to a socket, and to search the folders on the way.
  if (faccessat(AT_FDCWD, dataplane_socket.c_str(), W_OK, AT_EACCESS) == 0 || errno != EACCES)
    return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrFormat(
      "run_as_user: user '%s' may not connect to dataplane_socket %s, which is for the dataplane's own user; "
      "run both programs as one user, or leave run_as_user out",
      user, dataplane_socket));
}

void NotifySupervisor(const std::string& state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path == nullptr || std::strlen(path) >= sizeof(address.sun_path)) return;
  std::strcpy(address.sun_path, path);
  // '@' stands for the abstract namespace.
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  (void)!sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                length);
  close(fd);
}

uint64_t MakeInstance() {
  uint64_t instance = 0;
  while (instance == 0) {
    SLUICE_CHECK(getrandom(&instance, sizeof(instance), 0) == sizeof(instance));
  }
  return instance;
}

}  // namespace sluice::io
