// The loop around submit_burst.
#include "tests/bench/raw_cipher.h"

#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "dataplane/packet/esp.h"
#include "proto/net/check.h"
#include "tests/bench/esp_scenario.h"
#include "tests/bench/yardstick.h"
#include "tests/lib/route_set.h"

namespace sluice::bench {
namespace {

using namespace dataplane;  // NOLINT: this is about nothing else

constexpr size_t kBufferBytes = 2496;  // an mbuf with its room, in the pools of the other rows

class RawCipher {
 public:
  explicit RawCipher(const RawCipherRun& run)
      : run_(run),
        library_(*MultiBuffer::Create()),
        keys_(new EspKeys[run.keys]),
        bytes_(new uint8_t[kBufferBytes * run.variant.inflight]) {
    std::memset(bytes_.get(), 0x5a, kBufferBytes * run.variant.inflight);
    std::vector<uint8_t> key(20);
    for (unsigned i = 0; i < run.keys; ++i) {
      std::memcpy(key.data(), &i, sizeof i);
      SLUICE_CHECK(
          ExpandEspKeys(library_, SuiteOf(EspSuiteId::kAes128Gcm), run.direction, false, {key, {}}, keys_[i])
              .ok());
    }
    for (unsigned i = 0; i < run.variant.inflight; ++i) {
      testing::Random random(0x55000000u + i);
      const uint16_t inner = InnerBytesOf(run.frame_bytes, i);
      packets_.push_back(
          {static_cast<unsigned>(random.Below(run.keys)), inner + EspPadBytes(inner, 4) + kEspTrailerBytes});
    }
  }

  // All packets in flight once.
  void Run() {
    const uint16_t burst = std::min<uint16_t>(run_.variant.burst, IMB_MAX_BURST_SIZE);
    for (unsigned begin = 0; begin < packets_.size(); begin += burst) Submit(begin, burst);
  }

 private:
  struct Sized {
    unsigned key;
    uint32_t bytes;
  };
  struct alignas(64) Scratch {
    uint8_t nonce[16], aad[16], tag[16];
  };

  void Submit(unsigned begin, unsigned count) {
    IMB_MGR* const manager = &library_.manager();
    IMB_JOB* jobs[IMB_MAX_BURST_SIZE];
    SLUICE_CHECK(IMB_GET_NEXT_BURST(manager, count, jobs) == count);
    const bool seal = run_.direction == EspDirection::kOutbound;
    for (unsigned i = 0; i < count; ++i) {
      const Sized& packet = packets_[begin + i];
      uint8_t* const data = bytes_.get() + kBufferBytes * (begin + i) + 256;
      IMB_JOB& job = *jobs[i];
      job.cipher_mode = IMB_CIPHER_GCM;
      job.hash_alg = IMB_AUTH_AES_GMAC;
      job.cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
      job.chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
      job.enc_keys = job.dec_keys = &keys_[packet.key].gcm;
      job.key_len_in_bytes = 16;
      job.src = data;
      job.dst = data;
      job.cipher_start_src_offset_in_bytes = job.hash_start_src_offset_in_bytes = 0;
      job.msg_len_to_cipher_in_bytes = job.msg_len_to_hash_in_bytes = packet.bytes;
      job.iv = scratch_[i].nonce;
      job.iv_len_in_bytes = 12;
      job.u.GCM.aad = scratch_[i].aad;
      job.u.GCM.aad_len_in_bytes = 8;
      job.auth_tag_output = scratch_[i].tag;
      job.auth_tag_output_len_in_bytes = 16;
    }
    SLUICE_CHECK(IMB_SUBMIT_BURST_NOCHECK(manager, count, jobs) == count);
  }

  const RawCipherRun run_;
  MultiBuffer library_;
  std::unique_ptr<EspKeys[]> keys_;
  std::unique_ptr<uint8_t[]> bytes_;
  std::vector<Sized> packets_;
  Scratch scratch_[IMB_MAX_BURST_SIZE]{};
};

}  // namespace

std::vector<Window> MeasureRawCipher(const RawCipherRun& run, double seconds) {
  RawCipher cipher(run);
  Yardstick yardstick;
  std::vector<Window> windows;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
    double around = yardstick.Measure();
    cipher.Run();
    const uint64_t begin = __rdtsc();
    cipher.Run();
    const double cycles = static_cast<double>(__rdtsc() - begin) / run.variant.inflight;
    around = std::max(around, yardstick.Measure());
    windows.push_back({cycles, around});
  }
  return windows;
}

}  // namespace sluice::bench
