// Security associations (RFC 4301 section 4.4.2) as workers use them: the cache lines that
// every packet touches come first, those that its owner worker writes apart from those that
// all read.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "dataplane/tables/counters.h"
#include "dataplane/tables/ids.h"
#include "dataplane/tables/sa/esp_keys.h"
#include "dataplane/tables/sa/replay_window.h"
#include "dataplane/tables/sa/selector.h"
#include "dataplane/tables/sa/sequence.h"
#include "proto/net/address.h"

namespace sluice::dataplane {

// Our SPIs are home (8 bits, never 0) | owner slot (8) | index (16).
inline uint8_t SlotOfSpi(uint32_t spi) {
  return static_cast<uint8_t>(spi >> 16);
}
inline uint16_t IndexOfSpi(uint32_t spi) {
  return static_cast<uint16_t>(spi);
}

// What happened to an SA, for control, which scans them: set by whoever sees it first, and
// kept as long as the SA lives, but for kSaPeerMoved.
enum SaState : uint32_t {
  kSaSoftExpired = 1 << 0,
  kSaHardExpired = 1 << 1,
  kSaSequenceExhausted = 1 << 2,
  kSaInboundUsed = 1 << 3,  // an authentic packet came
  kSaPeerMoved = 1 << 4,    // and the last one from somewhere else: SeenPeer says where
};
// No packet goes through an SA with one of these.
inline constexpr uint32_t kSaStopped = kSaHardExpired | kSaSequenceExhausted;

// Each 0: without end. Of inner packets; a deadline in the clock of SaTable::Expire.
struct SaLifetime {
  uint64_t packets = 0, bytes = 0, deadline = 0;

  friend bool operator==(const SaLifetime&, const SaLifetime&) = default;
};

// Where an SA's packets come from and go to in the underlay.
struct SaEndpoints {
  net::Address local, remote;
  uint16_t local_port = 0, remote_port = 0;  // of UDP encapsulation (RFC 3948), else 0

  friend bool operator==(const SaEndpoints&, const SaEndpoints&) = default;
};

// An SA as its writer describes it.
struct SaDescription {
  SaId id = kNoSa;
  EspDirection direction = EspDirection::kOutbound;
  InterfaceId tunnel = kNoInterface;
  uint32_t spi = 0;
  EspSuiteId suite = EspSuiteId::kAes128Gcm;
  bool esn = false;
  bool udp = false;       // UDP encapsulation
  uint8_t slot = 0;       // outbound; that of an inbound SA is in its SPI
  uint16_t window = 0;    // inbound: ReplayWindow
  SaEndpoints endpoints;  // inbound: `remote` is whom we expect, not a condition
  SaLifetime soft, hard;
  uint64_t sequence_floor = 0;             // what is not above it was used, or received
  std::vector<TrafficSelector> selectors;  // none: any packet; at most kSelectorsMax
};

// The owner worker's, but for `state`; others read it whole word by word.
struct SaUsage {
  uint64_t packets = 0, bytes = 0;  // of inner packets
  // The next of the lifetimes by count; the table looks closer when it is reached.
  uint64_t packets_next = std::numeric_limits<uint64_t>::max();
  uint64_t bytes_next = std::numeric_limits<uint64_t>::max();
  std::atomic<uint32_t> state{0};

  bool stopped() const { return (state.load(std::memory_order_relaxed) & kSaStopped) != 0; }
  // True: a lifetime is over.
  bool CountPacket(uint32_t inner_bytes) {
    Count(packets);
    Count(bytes, inner_bytes);
    return (packets >= packets_next) | (bytes >= bytes_next);
  }
};

// Packets lost, by cause; the owner worker's.
struct SaLosses {
  uint64_t replay = 0, late = 0, integrity = 0, malformed = 0, selector = 0, stopped = 0;
  uint64_t dummy = 0;  // next header 59 (RFC 4303 section 2.6): no loss, but counted
};

struct SaRules {
  SaLifetime soft, hard;
  std::vector<TrafficSelector> selectors;
};

// The source of an authentic packet from where no endpoint was: written by the owner
// worker, read whole by any thread.
class SeenPeer {
 public:
  struct Value {
    std::array<uint8_t, 16> address{};  // network byte order, IPv4 in the first four
    uint16_t port = 0;                  // host byte order
    bool ipv4 = true;
  };

  void Store(const Value& value) {
    uint64_t words[3] = {0, 0, uint64_t{value.port} | uint64_t{value.ipv4} << 16};
    std::memcpy(words, value.address.data(), 16);
    version_.fetch_add(1, std::memory_order_acq_rel);
    for (unsigned i = 0; i < 3; ++i) words_[i].store(words[i], std::memory_order_release);
    version_.fetch_add(1, std::memory_order_acq_rel);
  }
  Value Load() const {
    while (true) {
      const uint32_t before = version_.load(std::memory_order_acquire);
      uint64_t words[3];
      for (unsigned i = 0; i < 3; ++i) words[i] = words_[i].load(std::memory_order_acquire);
      if ((before & 1) != 0 || version_.load(std::memory_order_relaxed) != before) continue;
      Value value;
      std::memcpy(value.address.data(), words, 16);
      value.port = static_cast<uint16_t>(words[2]);
      value.ipv4 = (words[2] >> 16 & 1) != 0;
      return value;
    }
  }

 private:
  std::atomic<uint32_t> version_{0};
  std::atomic<uint64_t> words_[3]{};
};

// The addresses of an inbound SA, changed in place under readers. One packet may see half
// of a change: it is found to have moved, and is reported once more at worst.
class InboundEndpoints {
 public:
  void Store(const SaEndpoints& endpoints);
  bool LocalIs(const uint8_t* address, bool ipv4) const { return Same(local_, address, ipv4); }
  // `port` in host byte order; 0 without UDP.
  bool RemoteIs(const uint8_t* address, bool ipv4, uint16_t port) const {
    return Same(remote_, address, ipv4) && remote_port_.load(std::memory_order_relaxed) == port;
  }

 private:
  static bool Same(const std::atomic<uint64_t> words[2], const uint8_t* address, bool ipv4) {
    uint64_t given[2] = {0, 0};
    std::memcpy(given, address, ipv4 ? 4 : 16);
    return words[0].load(std::memory_order_relaxed) == given[0] &&
           words[1].load(std::memory_order_relaxed) == given[1];
  }

  std::atomic<uint64_t> local_[2]{}, remote_[2]{};  // network byte order, IPv4 in the first four
  std::atomic<uint16_t> remote_port_{0};
};

// The window's bits in lines of their own: a packet touches one of them, and few windows are long.
struct alignas(64) ReplayRingLine {
  std::array<uint64_t, 8> words;
};

struct alignas(64) InboundSa {
  // Without its keys: `transform` is the caller's to fill.
  InboundSa(const SaDescription& description, SequenceMark& mark);

  // --- Read by every packet ---
  EspTransform transform;
  const uint32_t spi;
  const SaId id;
  const InterfaceId tunnel;
  const bool udp;
  const bool any_packet;  // no selectors
  InboundEndpoints endpoints;

  // --- Written by the owner worker for every packet ---
  const std::unique_ptr<ReplayRingLine[]> ring;
  alignas(64) ReplayWindow window;
  SaUsage usage;

  // --- Rare ---
  alignas(64) SaLosses losses;
  SequenceMark& mark;
  const SaRules rules;
  SeenPeer peer;
  EspKeys keys;
};

// The outer headers of an outbound SA, as far as its packets do not differ: IP without
// lengths, TOS, TTL, identification and checksum, and UDP of RFC 3948. Immutable.
struct alignas(64) OuterHeader {
  static constexpr unsigned kRoom = 48;

  explicit OuterHeader(const SaEndpoints& endpoints, uint32_t spi, bool udp);

  // Ends where the room ends.
  std::array<uint8_t, kRoom> header{};
  uint32_t remote = 0;    // IPv4, host byte order
  uint32_t ipv4_sum = 0;  // of the IPv4 header as it lies there (RFC 1071), not folded
  uint8_t bytes = 0;
  bool ipv4 = true;
  bool udp = false;
};
static_assert(sizeof(OuterHeader) == 64);
static_assert(sizeof(SequenceReservation) + sizeof(SaUsage) == 64 &&
                  sizeof(ReplayWindow) + sizeof(SaUsage) == 64,
              "what the owner writes for every packet is one cache line");

struct alignas(64) OutboundSa {
  // Without its keys: `transform` is the caller's to fill.
  OutboundSa(const SaDescription& description, SequenceMark& mark);
  ~OutboundSa() { delete outer.load(std::memory_order_relaxed); }
  OutboundSa(const OutboundSa&) = delete;
  OutboundSa& operator=(const OutboundSa&) = delete;

  // --- Read by every packet ---
  EspTransform transform;
  const uint32_t spi;
  const SaId id;
  const InterfaceId tunnel;
  const uint8_t slot;
  std::atomic<const OuterHeader*> outer;
  SequenceMark& mark;

  // --- Written by the owner worker for every packet ---
  alignas(64) SequenceReservation sequence;
  SaUsage usage;

  // --- Rare ---
  alignas(64) SaLosses losses;
  const SaRules rules;
  EspKeys keys;
};

}  // namespace sluice::dataplane
