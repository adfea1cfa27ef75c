// (port, VLAN) -> interface and VRF in one load: what classify needs of an
// interface for an ordinary packet fits one atomic word.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/tables/ids.h"

namespace sluice::dataplane {

enum SubinterfaceFlag : uint16_t {
  kSubinterfaceUp = 1 << 0,
  kSubinterfaceStrictUrpf = 1 << 1,
  kSubinterfacePolicerIn = 1 << 2,
  // The MAC address is the interface's own, not the port's.
  kSubinterfaceOwnMac = 1 << 3,
  // Of the underlay: packets of tunnels may arrive here.
  kSubinterfaceUnderlay = 1 << 4,
  // The MSS of TCP connections is clamped to the interface's MTU.
  kSubinterfaceClampMss = 1 << 6,
};

// Value of the map, one word. All zero: nobody's VLAN.
class Subinterface {
 public:
  Subinterface() = default;
  Subinterface(InterfaceId interface, VrfId vrf, uint16_t flags, uint16_t mtu)
      : word_(interface | uint64_t{vrf} << 16 | uint64_t{flags} << 32 | uint64_t{mtu} << 48) {}
  static Subinterface OfWord(uint64_t word) {
    Subinterface subinterface;
    subinterface.word_ = word;
    return subinterface;
  }

  InterfaceId interface() const { return static_cast<InterfaceId>(word_); }
  VrfId vrf() const { return static_cast<VrfId>(word_ >> 16); }
  uint16_t flags() const { return static_cast<uint16_t>(word_ >> 32); }  // SubinterfaceFlag
  uint16_t mtu() const { return static_cast<uint16_t>(word_ >> 48); }
  bool Is(SubinterfaceFlag flag) const { return (word_ >> 32 & flag) != 0; }
  uint64_t Word() const { return word_; }

 private:
  uint64_t word_ = 0;
};

class SubinterfaceMap {
 public:
  static constexpr uint32_t kVlans = 4096;

  explicit SubinterfaceMap(uint32_t ports)
      : ports_(ports), words_(new std::atomic<uint64_t>[uint64_t{ports} * kVlans]()) {}

  uint32_t ports() const { return ports_; }

  // Any reader. `port` must be below ports(); `vlan` is 0 (untagged) .. 4095.
  Subinterface Find(PortId port, uint16_t vlan) const {
    return __builtin_bit_cast(Subinterface,
                              words_[uint64_t{port} * kVlans + vlan].load(std::memory_order_acquire));
  }
  // Any reader that looks several up at once: Word() of all, [port * kVlans + vlan].
  const std::atomic<uint64_t>* Words() const { return words_.get(); }
  // Writer.
  void Set(PortId port, uint16_t vlan, Subinterface value) {
    words_[uint64_t{port} * kVlans + vlan].store(value.Word(), std::memory_order_release);
  }

 private:
  const uint32_t ports_;
  std::unique_ptr<std::atomic<uint64_t>[]> words_;
};

}  // namespace sluice::dataplane
