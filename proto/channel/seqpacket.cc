// Unix SOCK_SEQPACKET sockets with descriptors.
#include "proto/channel/seqpacket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_format.h"
#include "proto/net/check.h"

namespace sluice::channel {
namespace {

constexpr size_t kDescriptorsMax = 4;
constexpr int kBacklog = 8;
// Messages taken by one AnswerDoorbell, so that a flood cannot keep the caller.
constexpr int kDoorbellsPerAnswer = 64;

absl::Status Refused(const std::string& path, const char* call) {
  return absl::UnavailableError(absl::StrFormat("socket %s: %s: %s", path, call, std::strerror(errno)));
}

absl::StatusOr<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return absl::InvalidArgumentError(
        absl::StrFormat("socket path '%s' must have 1 to %u bytes", path, sizeof address.sun_path - 1));
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

FileDescriptor NewSocket() {
  return FileDescriptor(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// Moves received descriptors into owners, whatever else is wrong with the message.
void TakeDescriptors(msghdr* header, std::vector<FileDescriptor>* descriptors) {
  for (cmsghdr* part = CMSG_FIRSTHDR(header); part != nullptr; part = CMSG_NXTHDR(header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      descriptors->emplace_back(fd);
    }
  }
}

}  // namespace

absl::StatusOr<FileDescriptor> ConnectSeqpacket(const std::string& path) {
  const auto address = AddressOf(path);
  if (!address.ok()) return address.status();
  FileDescriptor socket = NewSocket();
  if (!socket.valid()) return Refused(path, "socket");
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
    return Refused(path, "connect");
  return socket;
}

absl::StatusOr<FileDescriptor> ListenSeqpacket(const std::string& path) {
  const auto address = AddressOf(path);
  if (!address.ok()) return address.status();
  struct stat status {};
  if (lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode))
      return absl::AlreadyExistsError(absl::StrFormat("%s exists and is not a socket", path));
    if (ConnectSeqpacket(path).ok())
      return absl::AlreadyExistsError(absl::StrFormat("another instance listens on %s", path));
    unlink(path.c_str());
  }
  FileDescriptor socket = NewSocket();
  if (!socket.valid()) return Refused(path, "socket");
  // The mode of the socket before bind is the mode of the file it makes, so that
  // there is no moment at which others could connect.
  if (fchmod(socket.get(), 0600) != 0) return Refused(path, "fchmod");
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
    return Refused(path, "bind");
  if (listen(socket.get(), kBacklog) != 0) return Refused(path, "listen");
  return socket;
}

bool PeerIsTrusted(const FileDescriptor& socket, int* pid) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  *pid = peer.pid;
  return peer.uid == 0 || peer.uid == geteuid();
}

absl::Status SendMessage(const FileDescriptor& socket, std::span<const std::byte> message,
                         std::span<const int> descriptors) {
  SLUICE_CHECK(descriptors.size() <= kDescriptorsMax);
  iovec part{const_cast<std::byte*>(message.data()), message.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kDescriptorsMax * sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
  }
  if (sendmsg(socket.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL) != static_cast<ssize_t>(message.size()))
    return absl::UnavailableError(absl::StrFormat("channel socket: send: %s", std::strerror(errno)));
  return absl::OkStatus();
}

ReceiveResult ReceiveMessage(const FileDescriptor& socket, std::span<std::byte> message, size_t* bytes,
                             std::vector<FileDescriptor>* descriptors) {
  iovec part{message.data(), message.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kDescriptorsMax * sizeof(int))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t received;
  do {
    received = recvmsg(socket.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return errno == EAGAIN ? ReceiveResult::kNothing : ReceiveResult::kClosed;
  std::vector<FileDescriptor> taken;
  TakeDescriptors(&header, &taken);
  if (received == 0 || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return ReceiveResult::kClosed;
  *bytes = static_cast<size_t>(received);
  if (descriptors != nullptr) *descriptors = std::move(taken);
  return ReceiveResult::kMessage;
}

bool WaitReadable(const FileDescriptor& socket, std::chrono::milliseconds timeout) {
  pollfd wait{socket.get(), POLLIN, 0};
  return poll(&wait, 1, static_cast<int>(timeout.count())) > 0;
}

void RingDoorbell(const FileDescriptor& socket) {
  const std::byte bell{1};
  (void)send(socket.get(), &bell, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool AnswerDoorbell(const FileDescriptor& socket) {
  for (int i = 0; i < kDoorbellsPerAnswer; ++i) {
    std::byte bell[1];
    size_t bytes;
    switch (ReceiveMessage(socket, bell, &bytes, nullptr)) {
      case ReceiveResult::kMessage:
        break;
      case ReceiveResult::kNothing:
        return true;
      case ReceiveResult::kClosed:
        return false;
    }
  }
  return true;
}

}  // namespace sluice::channel
