// The records of the punt ring (dataplane to control) and the inject ring
// (control to dataplane): a fixed head, then the packet from its IP header on.
// Host byte order; the packet as on the wire.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::channel {

inline constexpr uint16_t kPacketRecordVersion = 1;
inline constexpr uint32_t kPacketBytesMax = 9216;

// Why a packet was punted to control; each class has a token budget for every tenant
// in the dataplane, and kBgp and kIkeKnown share queues that the others cannot fill.
enum class PuntClass : uint8_t {
  kLocal = 1,      // to an address of ours, protocol of no other class
  kBgp = 2,        // TCP port 179 from a configured peer
  kIkeKnown = 3,   // UDP 500 or 4500, the responder SPI checks out
  kIkeNew = 4,     // the same, responder SPI 0
  kIcmpError = 5,  // about a packet that we sent
};

struct PuntRecord {
  uint16_t version;  // kPacketRecordVersion
  uint8_t punt_class;
  uint8_t reserved;
  uint32_t vrf;
  uint32_t interface;     // it came in on
  uint32_t bytes;         // of the packet behind this head
  uint64_t timestamp_ns;  // monotonic clock
};
static_assert(sizeof(PuntRecord) == 24 && offsetof(PuntRecord, bytes) == 12);

// For whom control injects; each class has a token budget for every tenant in the
// dataplane.
enum class InjectClass : uint8_t {
  kLocal = 1,  // of no other class
  kBgp = 2,
  kIke = 3,
};
inline constexpr size_t kInjectClasses = 3;

// A packet of ours, forwarded by the VRF's routes without TTL decrement.
struct InjectRecord {
  uint16_t version;      // kPacketRecordVersion
  uint8_t inject_class;  // InjectClass
  uint8_t flags;         // none yet, must be 0
  uint32_t vrf;
  uint32_t reserved;
  uint32_t bytes;
};
static_assert(sizeof(InjectRecord) == 16 && offsetof(InjectRecord, bytes) == 12);

}  // namespace sluice::channel
