// A fixed piece of work that is timed next to what is measured: arithmetic and
// header reads over packets of its own. When it is slow, the machine is.
#pragma once

#include <x86intrin.h>

#include <cstdint>
#include <vector>

namespace sluice::bench {

class Yardstick {
 public:
  static constexpr unsigned kPackets = 512;

  Yardstick() : headers_(kPackets * kStride) {
    for (size_t i = 0; i < headers_.size(); ++i) headers_[i] = i * 0x9e3779b97f4a7c15u;
  }

  // Cycles per packet of one pass. The first passes of a program are slow.
  double Measure() {
    const uint64_t begin = __rdtsc();
    uint64_t sum = sum_;
    for (unsigned i = 0; i < kPackets; ++i) {
      const uint64_t* header = &headers_[i * kStride];
      for (unsigned word = 0; word < 4; ++word) sum = (sum ^ header[word]) * 0xff51afd7ed558ccdu;
      sum ^= sum >> 33;
    }
    sum_ = sum;  // keeps the work
    return static_cast<double>(__rdtsc() - begin) / kPackets;
  }

 private:
  static constexpr unsigned kStride = 16;  // two cache lines a packet, of which one is read

  std::vector<uint64_t> headers_;
  volatile uint64_t sum_ = 0;
};

}  // namespace sluice::bench
