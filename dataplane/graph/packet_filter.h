// Which packets an operator wants to see, in one atomic word, so that arming,
// changing and disarming need no hand-over of memory between threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "dataplane/packet/metadata.h"
#include "dataplane/tables/drop_reason.h"
#include "dataplane/tables/ids.h"

namespace sluice::dataplane {

// An absent field matches everything.
struct PacketFilter {
  std::optional<VrfId> vrf;
  std::optional<InterfaceId> interface;  // the packet came in on
  std::optional<PortId> port;            // likewise; of captured frames that leave: it goes to
  bool drops_only = false;
  std::optional<DropReason> drop_reason;  // implies drops_only
};

class FilterWord {
 public:
  // The consumer's thread.
  void Arm(const PacketFilter& filter) { word_.store(Pack(filter), std::memory_order_relaxed); }
  void Disarm() { word_.store(0, std::memory_order_relaxed); }

  // Any thread.
  bool armed() const { return word_.load(std::memory_order_relaxed) != 0; }
  bool drops_only() const { return (word_.load(std::memory_order_relaxed) & kDropsOnly) != 0; }
  // `reason` is kNone for a packet that is not being dropped.
  // `port` is the one the frame is seen on, coming or going.
  bool Matches(const PacketMetadata& meta, DropReason reason, PortId port) const {
    const uint64_t word = word_.load(std::memory_order_relaxed);
    if (!MatchesPlace(meta, port)) return false;
    if ((word & kDropsOnly) != 0 && reason == DropReason::kNone) return false;
    return (word & kReason) == 0 || static_cast<uint8_t>(word >> 40) == static_cast<uint8_t>(reason);
  }
  // Where it came from alone.
  bool MatchesOrigin(const PacketMetadata& meta) const { return MatchesPlace(meta, meta.ingress_port); }

 private:
  bool MatchesPlace(const PacketMetadata& meta, PortId port) const {
    const uint64_t word = word_.load(std::memory_order_relaxed);
    if ((word & kArmed) == 0) return false;
    if ((word & kVrf) != 0 && static_cast<uint16_t>(word) != meta.vrf) return false;
    if ((word & kInterface) != 0 && static_cast<uint16_t>(word >> 16) != meta.interface) return false;
    return (word & kPort) == 0 || static_cast<uint8_t>(word >> 32) == port;
  }

  static constexpr uint64_t kArmed = uint64_t{1} << 63, kVrf = uint64_t{1} << 62,
                            kInterface = uint64_t{1} << 61, kPort = uint64_t{1} << 60,
                            kDropsOnly = uint64_t{1} << 59, kReason = uint64_t{1} << 58;

  static uint64_t Pack(const PacketFilter& filter) {
    uint64_t word = kArmed;
    if (filter.vrf) word |= kVrf | *filter.vrf;
    if (filter.interface) word |= kInterface | uint64_t{*filter.interface} << 16;
    if (filter.port) word |= kPort | uint64_t{static_cast<uint8_t>(*filter.port)} << 32;
    if (filter.drops_only) word |= kDropsOnly;
    if (filter.drop_reason)
      word |= kDropsOnly | kReason | uint64_t{static_cast<uint8_t>(*filter.drop_reason)} << 40;
    return word;
  }

  std::atomic<uint64_t> word_{0};
};

}  // namespace sluice::dataplane
