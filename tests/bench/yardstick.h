// A fixed piece of work that is timed next to what is measured: header reads and
// arithmetic over packets of its own, with the parallelism of packet code. When
// it is slow, the machine is: another guest, or the other thread of the core,
// takes its share of the execution units.
#pragma once

#include <x86intrin.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace sluice::bench {

class Yardstick {
 public:
  static constexpr unsigned kPackets = 512;

  Yardstick() : headers_(kPackets * kStride) {
    for (size_t i = 0; i < headers_.size(); ++i) headers_[i] = i * 0x9e3779b97f4a7c15u;
  }

  // Cycles per packet of one pass.
  double Measure() {
    const uint64_t begin = __rdtsc();
    uint64_t total = 0;
    for (unsigned i = 0; i < kPackets; ++i) total ^= Digest(&headers_[i * kStride]);
    sink_ = total;  // keeps the work
    const double cycles = static_cast<double>(__rdtsc() - begin) / kPackets;
    quietest_ = std::min(quietest_, cycles);
    return cycles;
  }
  // The fastest pass so far.
  double quietest() const { return quietest_; }

 private:
  static constexpr unsigned kStride = 16;  // two cache lines a packet, of which one is read

  // Eight words, each through four steps that do not wait for the other words.
  static uint64_t Digest(const uint64_t* header) {
    uint64_t digest = 0;
    for (unsigned word = 0; word < 8; ++word) {
      uint64_t value = header[word];
      value ^= value >> 29;
      value += value << 7;
      asm("" : "+r"(value));  // one word at a time: no vector code, the same on every build
      digest += value ^ value >> 32;
    }
    return digest;
  }

  std::vector<uint64_t> headers_;
  volatile uint64_t sink_ = 0;
  double quietest_ = 1e9;
};

}  // namespace sluice::bench
