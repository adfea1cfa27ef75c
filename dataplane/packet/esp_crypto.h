// Encryption and integrity of ESP packets in place, in bursts, with IPsec-MB. It knows nothing
// of mbufs, SAs or outer headers.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/tables/sa/esp_keys.h"
#include "dataplane/tables/sa/multi_buffer.h"

namespace sluice::dataplane {

// One packet. Everything is borrowed until Seal or Open returns.
struct EspRequest {
  const EspTransform* transform = nullptr;
  // The SPI. ESP header, IV, payload with trailer, and ICV lie one after the other. AES-GMAC
  // with extended sequence numbers borrows the four bytes before, too, and puts them back.
  uint8_t* esp = nullptr;
  uint64_t sequence = 0;   // in full, host byte order; the packet has its lower half
  uint32_t bytes = 0;      // from the SPI to the end of the ICV; EspLengthHolds(*transform, bytes)
  bool authentic = false;  // of Open
};

// Of one worker. No function allocates, and all work on a burst is done when it returns.
class EspCrypto {
 public:
  // Allocates all there will be.
  static absl::StatusOr<EspCrypto> Create(
      MultiBuffer::InstructionSet wanted = MultiBuffer::InstructionSet::kBest);

  // Each packet has its header, payload and trailer; Seal writes the IV, encrypts, and writes the
  // ICV. The IV is the sequence number (RFC 4106 section 3.1, RFC 7634 section 2); of CBC modes, which
  // need one that nobody foretells (RFC 3602 section 3), that number encrypted under the SA's key.
  // So no number may ever be used twice with a key.
  void Seal(std::span<EspRequest> requests);

  // Decrypts, compares the ICVs in constant time and says `authentic`. If not, the payload's
  // bytes mean nothing. ICV and IV are not changed.
  void Open(std::span<EspRequest> requests);

  // For key expansion before workers run, and for the log.
  MultiBuffer& library() { return library_; }

 private:
  // Of a packet while it is in work. AEAD needs the first line only.
  struct alignas(64) Scratch {
    alignas(16) std::array<uint8_t, 16> nonce;
    alignas(16) std::array<uint8_t, 16> aad;
    alignas(16) std::array<uint8_t, kEspIcvBytesMax> icv;  // as computed by Open
    uint32_t displaced;  // what lay where the upper half of the sequence number is put
  };
  // More at once only fill the first level cache with jobs; fewer leave lanes of CBC and HMAC empty.
  static constexpr unsigned kJobsAtOnce = 32;
  static_assert(kJobsAtOnce <= IMB_MAX_BURST_SIZE);
  // The shape of a job: suite, direction, ESN.
  static constexpr uint16_t kNoShape = 0xffff;

  explicit EspCrypto(MultiBuffer library);

  template <EspDirection kDirection>
  void Run(std::span<EspRequest> requests);
  template <EspDirection kDirection>
  void Fill(IMB_JOB& job, const EspRequest& request, Scratch& scratch);
  void Shape(IMB_JOB& job, const EspTransform& transform, EspDirection direction);

  MultiBuffer library_;
  std::unique_ptr<std::array<Scratch, kJobsAtOnce>> scratch_;
  // What the library's slots for jobs hold of earlier ones: it does not change what it was given,
  // and packets of one kind come together, so that most of a job is written once.
  std::array<uint16_t, IMB_MAX_JOBS> shapes_;
};

}  // namespace sluice::dataplane
