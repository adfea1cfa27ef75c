// Control's end of the channel: connects, checks what it was handed, sends
// records in one order and takes acknowledgements, refusals and packets. Records
// and acknowledgements belong to one thread, packets to one thread (may differ).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "proto/channel/file_descriptor.h"
#include "proto/channel/hello.h"
#include "proto/channel/packets.h"
#include "proto/channel/records.h"
#include "proto/channel/ring.h"
#include "proto/channel/shared_memory.h"

namespace sluice::channel {

class ChannelClient {
 public:
  // Connects to the hand-over socket and waits at most `timeout` for the answer.
  // Unavailable: nobody there or no answer; FailedPrecondition: other version;
  // AlreadyExists: another control is attached, named in the message.
  static absl::StatusOr<std::unique_ptr<ChannelClient>> Connect(const std::string& path,
                                                                uint64_t control_instance,
                                                                std::chrono::milliseconds timeout);

  // Changes when the dataplane restarts: then nothing that it had is left.
  uint64_t dataplane_instance() const { return memory_.layout().instance; }
  // For the header of every record of this attachment.
  uint32_t epoch() const { return epoch_; }

  // --- Updates (one thread) ---

  // Sends a record: fills in version, length, sequence and epoch of its header
  // and copies it. `bytes` is the whole record's, a multiple of kRecordAlignment.
  // Returns its sequence number (from 1 up), or 0 when the ring is full (then
  // Flush, and call again after the doorbell rang) or broken(). The dataplane sees records
  // after Flush only. A record with keys is the caller's to wipe.
  uint64_t TrySend(RecordHeader* record, uint32_t bytes);
  // Shows the dataplane everything sent, and wakes it if it sleeps.
  void Flush();
  // Of the last record sent; 0 = none yet.
  uint64_t last_sequence() const { return next_sequence_ - 1; }
  // Bytes that are waiting in the update ring, at most: an urgent record waits for these.
  uint64_t queued_bytes() const { return updates_.used_bytes(); }

  // Every record up to this sequence number is applied or refused.
  uint64_t applied_sequence() const {
    return memory_.progress().applied_sequence.load(std::memory_order_seq_cst);
  }
  // The next refusal; absent when there is none. Take all refusals after reading
  // applied_sequence and before acting on it.
  std::optional<Refusal> NextRefusal();

  // Readable when the dataplane rang or died; then call Service.
  int poll_fd() const { return socket_.get(); }
  // The dataplane wrote nonsense into a ring; Service says so too.
  bool broken() const { return corrupt_; }
  // Answers the doorbell. Unavailable: the dataplane is gone; the memory (its
  // counters) stays readable as long as this object lives.
  absl::Status Service();
  // Before sleeping on poll_fd(): wake me when `sequence` (at most
  // last_sequence()) is applied. False: it is already, do not sleep. To wait for
  // room in the ring name a sequence half a ring back, so that wake-ups are few.
  // Refusals wake the sleeper too.
  [[nodiscard]] bool PrepareToSleep(uint64_t sequence);

  // --- Packets (one thread) ---

  // The next punted packet, copied into `packet`; absent when there is none.
  std::optional<PuntRecord> NextPunt(std::span<std::byte> packet);
  // After a burst of NextPunt: gives the room back.
  void ReleasePunts() { punts_.Release(); }
  // False: the ring is full. Becomes visible with FlushInjects.
  bool TryInject(InjectRecord record, std::span<const std::byte> packet);
  void FlushInjects();
  // Readable when packets were punted while we slept; then call ServicePackets.
  int packet_poll_fd() const { return packet_doorbell_.get(); }
  absl::Status ServicePackets();
  [[nodiscard]] bool PrepareToSleepForPunts() { return punts_.PrepareToSleep(); }

  // --- Counters (any thread) ---
  CounterReader counters() const { return memory_.counters(); }

 private:
  ChannelClient(FileDescriptor socket, FileDescriptor packet_doorbell, AttachedMemory memory, uint32_t epoch);

  FileDescriptor socket_;
  FileDescriptor packet_doorbell_;
  AttachedMemory memory_;
  uint32_t epoch_;
  uint64_t next_sequence_ = 1;
  RingProducer updates_;
  RingConsumer refusals_;
  RingConsumer punts_;
  RingProducer injects_;
  bool corrupt_ = false;  // the dataplane broke a ring: treated as its death
  bool packets_corrupt_ = false;
};

}  // namespace sluice::channel
