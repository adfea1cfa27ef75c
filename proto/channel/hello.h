// The two messages of the hand-over socket (SOCK_SEQPACKET, Unix). Control sends
// HelloRequest; the dataplane answers HelloReply and, when it accepts, passes the
// memfds and the packet doorbell with it (SCM_RIGHTS). From then on a message of
// one byte is a doorbell, and the close of the socket is the death signal.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::channel {

inline constexpr uint64_t kHelloMagic = 0x4f4c4c4548454355;
// Descriptors passed with an accepting reply, in this order: the memory, its
// counters, and control's end of a socket pair that is the doorbell of punt and inject.
inline constexpr uint32_t kHelloDescriptors = 3;

struct HelloRequest {
  uint64_t magic;
  uint32_t layout_version;
  uint32_t record_version;
  uint64_t control_instance;  // changes when control restarts
};
static_assert(sizeof(HelloRequest) == 24);

enum class HelloVerdict : uint32_t {
  kAccepted = 0,
  kVersion = 1,   // the other versions are in the reply
  kAttached = 2,  // another control is attached
  kMalformed = 3,
};

struct HelloReply {
  uint64_t magic;
  uint32_t layout_version;
  uint32_t record_version;
  uint64_t instance;  // of the dataplane; changes when it restarts
  uint32_t epoch;     // for this attachment's records; never given out before by this instance
  uint32_t verdict;   // HelloVerdict
  char text[96];      // why not, in words, zero-terminated
};
static_assert(sizeof(HelloReply) == 128 && offsetof(HelloReply, text) == 32);

}  // namespace sluice::channel
