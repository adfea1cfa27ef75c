// The dataplane's end of the punt and inject rings. It belongs to the slow path's
// thread, but the agent attaches and detaches control underneath it; a mutex held
// for one burst keeps the two apart (neither is a worker).
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>

#include "proto/channel/file_descriptor.h"
#include "proto/channel/packets.h"
#include "proto/channel/ring.h"
#include "proto/channel/shared_memory.h"

namespace sluice::channel {

class PacketPort {
 public:
  enum class Punted { kPushed, kFull, kDetached };
  enum class Injected { kPacket, kMalformed, kNothing };

  // `memory` must outlive the port.
  explicit PacketPort(const ChannelMemory& memory);

  // Slow path's thread. `record.bytes` and `.version` are filled in here. Becomes
  // visible with Flush.
  Punted Punt(PuntRecord record, std::span<const std::byte> packet);
  void Flush();

  // Slow path's thread. Copies the next packet that control sent into `packet`
  // (kPacketBytesMax is always enough). kMalformed: the record is skipped, for the
  // caller to count; of `record` only `vrf` may be used, which may be any number.
  Injected Inject(InjectRecord* record, std::span<std::byte> packet, uint32_t* bytes);
  // Gives the room of the injected packets back to control; call after a burst.
  void Release();
  // Before sleeping until poll_fd() is readable. False: work is there.
  [[nodiscard]] bool PrepareToSleep();
  // The same descriptor for the port's life: readable when control rang. Then
  // call AnswerDoorbell.
  int poll_fd() const { return epoll_.get(); }
  void AnswerDoorbell();

  // Agent's thread. Attach resets both rings and takes our end of the doorbell.
  void Attach(FileDescriptor doorbell);
  void Detach();
  // An end found the rings corrupt: the attachment must be closed.
  bool corrupt();

 private:
  const ChannelMemory& memory_;
  FileDescriptor epoll_;  // watches doorbell_, whichever it is
  std::mutex mutex_;
  FileDescriptor doorbell_;
  RingProducer punt_;
  RingConsumer inject_;
  bool corrupt_ = false;
};

}  // namespace sluice::channel
