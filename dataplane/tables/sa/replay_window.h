// Anti-replay of an inbound SA (RFC 4303 section 3.4.3, appendix A2), with the ring of bits of
// RFC 6479, in two steps: Check before the packet is authenticated, Advance after.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/net/check.h"

namespace sluice::dataplane {

enum class ReplayVerdict : uint8_t {
  kFresh,
  kReplay,  // came before; or number 0, which nobody sends
  kLate,    // left of the window: whether it came before is forgotten
};

// Of one SA; belongs to its owner worker. Sequence numbers are in host byte order.
class ReplayWindow {
 public:
  static constexpr uint32_t kWindowMin = 32;
  static constexpr uint32_t kWindowMax = 4096;

  struct Checked {
    uint64_t sequence;  // in full: with its upper half
    ReplayVerdict verdict;
  };

  // What a window of `window` packets needs.
  static constexpr size_t WordsOf(uint32_t window) {
    return std::bit_ceil(std::max<size_t>(window, 64)) / 64;
  }

  // `window` is kWindowMin to kWindowMax, or 0: nothing is a replay, which manual keying may
  // want. Borrows `ring`, WordsOf(window) words, for its life. What is not above `floor` counts
  // as received: an SA that goes on where another process left it.
  ReplayWindow(uint32_t window, bool esn, uint64_t floor, std::span<uint64_t> ring)
      : highest_(floor),
        ring_(ring.data()),
        bits_mask_(static_cast<uint16_t>(ring.size() * 64 - 1)),
        window_(static_cast<uint16_t>(window)),
        esn_(esn) {
    SLUICE_CHECK(window == 0 || (window >= kWindowMin && window <= kWindowMax));
    SLUICE_CHECK(ring.size() == WordsOf(window));
    std::fill(ring.begin(), ring.end(), ~uint64_t{0});
  }
  ReplayWindow(const ReplayWindow&) = delete;
  ReplayWindow& operator=(const ReplayWindow&) = delete;

  // Of the number in the packet. Nothing changes.
  Checked Check(uint32_t sequence_low) const {
    const uint64_t sequence = InFull(sequence_low);
    return {sequence, Judge(sequence)};
  }

  // The packet that was checked turned out to be authentic. The verdict is made again, since
  // others may have advanced the window meanwhile; only kFresh is recorded, and the packet's.
  ReplayVerdict Advance(uint64_t sequence) {
    const ReplayVerdict verdict = Judge(sequence);
    if (verdict != ReplayVerdict::kFresh) return verdict;
    if (sequence > highest_) {
      // The numbers between were not received; their bits are of long ago.
      if (sequence - highest_ > 1) Forget(highest_ + 1, sequence);
      highest_ = sequence;
    }
    Word(sequence) |= BitOf(sequence);
    return verdict;
  }

  // The highest authentic number; the floor before the first.
  uint64_t highest() const { return highest_; }
  uint32_t window() const { return window_; }

 private:
  // RFC 4303 appendix A2.2: of the numbers with this lower half, the only one in the 2^32 that
  // begin at the window's bottom. Without a window, of the 2^32 around the highest.
  uint64_t InFull(uint32_t low) const {
    if (!esn_) return low;
    const uint64_t reach = window_ != 0 ? uint64_t{window_} - 1 : uint64_t{1} << 31;
    const uint64_t bottom = highest_ - reach;
    return bottom + static_cast<uint32_t>(low - static_cast<uint32_t>(bottom));
  }

  ReplayVerdict Judge(uint64_t sequence) const {
    if (sequence > highest_) {
      // With ESN, numbers before the first of all come out as huge ones.
      const bool before_all = esn_ && sequence - highest_ > uint64_t{1} << 32;
      return before_all ? ReplayVerdict::kLate : ReplayVerdict::kFresh;
    }
    if (window_ == 0) return ReplayVerdict::kFresh;
    if (highest_ - sequence >= window_) return ReplayVerdict::kLate;
    const bool seen = (ring_[IndexOf(sequence)] & BitOf(sequence)) != 0;
    return seen || sequence == 0 ? ReplayVerdict::kReplay : ReplayVerdict::kFresh;
  }

  // Clears the bits of `first` to `last`.
  void Forget(uint64_t first, uint64_t last) {
    const uint64_t words = uint64_t{bits_mask_} / 64 + 1;
    if (last - first >= words * 64 - 1) {
      std::fill(ring_, ring_ + words, 0);
      return;
    }
    const uint64_t from_first = ~uint64_t{0} << (first & 63);
    const uint64_t to_last = ~uint64_t{0} >> (63 - (last & 63));
    if (first >> 6 == last >> 6) {
      Word(first) &= ~(from_first & to_last);
      return;
    }
    Word(first) &= ~from_first;
    for (uint64_t word = (first >> 6) + 1; word != last >> 6; ++word) ring_[word & (words - 1)] = 0;
    Word(last) &= ~to_last;
  }

  uint64_t IndexOf(uint64_t sequence) const { return (sequence & bits_mask_) >> 6; }
  uint64_t& Word(uint64_t sequence) { return ring_[IndexOf(sequence)]; }
  static uint64_t BitOf(uint64_t sequence) { return uint64_t{1} << (sequence & 63); }

  uint64_t highest_;
  uint64_t* ring_;
  uint16_t bits_mask_;  // bits of the ring, a power of two, less one
  uint16_t window_;
  bool esn_;
};
static_assert(sizeof(ReplayWindow) <= 24, "with the counters in one cache line of the SA");

}  // namespace sluice::dataplane
