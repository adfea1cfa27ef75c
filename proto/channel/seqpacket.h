// The few calls on Unix SOCK_SEQPACKET sockets that both ends of the channel
// need. Sockets are never waited for except where a function says so.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/channel/file_descriptor.h"

namespace sluice::channel {

// A listening socket at `path`, mode 0600. A path left over by a dead process is
// taken over; AlreadyExists when a living one listens there.
absl::StatusOr<FileDescriptor> ListenSeqpacket(const std::string& path);

// Unavailable when nobody listens.
absl::StatusOr<FileDescriptor> ConnectSeqpacket(const std::string& path);

// Is the other end a process of our own user or of root (SO_PEERCRED)? Sets *pid.
bool PeerIsTrusted(const FileDescriptor& socket, int* pid);

// One message with descriptors; never waits.
absl::Status SendMessage(const FileDescriptor& socket, std::span<const std::byte> message,
                         std::span<const int> descriptors);

enum class ReceiveResult { kMessage, kNothing, kClosed };
// One message of at most message.size() bytes into `message`; never waits. A
// longer message or too many descriptors count as closed.
ReceiveResult ReceiveMessage(const FileDescriptor& socket, std::span<std::byte> message, size_t* bytes,
                             std::vector<FileDescriptor>* descriptors);

// Waits until the socket is readable or `timeout` passes.
bool WaitReadable(const FileDescriptor& socket, std::chrono::milliseconds timeout);

// A doorbell is a message of one byte. Ringing never waits and never fails in a
// way that matters: a full socket means that the other end has rings to answer.
void RingDoorbell(const FileDescriptor& socket);
// Takes what rang. False: the other end closed or sent something else.
bool AnswerDoorbell(const FileDescriptor& socket);

}  // namespace sluice::channel
