// Keys of an SA as the cipher wants them, expanded once when the SA is installed.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "dataplane/tables/sa/esp_suite.h"
#include "dataplane/tables/sa/multi_buffer.h"

namespace sluice::dataplane {

enum class EspDirection : uint8_t { kOutbound, kInbound };

// The expanded keys of one SA in one direction; which member is in use, its suite says.
// 1 KiB, of which AES-128-GCM with AVX2 touches six cache lines for a packet. It stays where
// it is (parts point to parts) and is wiped when it ends.
struct alignas(64) EspKeys {
  EspKeys() : gcm{} {}
  ~EspKeys() { Wipe(); }
  EspKeys(const EspKeys&) = delete;
  EspKeys& operator=(const EspKeys&) = delete;

  void Wipe();

  // States of the hash after the key with RFC 2104's two pads, in the processor's byte order.
  struct Hmac {
    alignas(16) std::array<uint8_t, 64> inner;
    alignas(16) std::array<uint8_t, 64> outer;
  };
  struct AesCbc {
    alignas(16) std::array<uint8_t, 16 * 15> rounds;  // for the SA's direction
    Hmac hmac;
  };
  struct Des3Cbc {
    std::array<std::array<uint64_t, 16>, 3> rounds;
    std::array<const void*, 3> rounds_of;  // the library wants three pointers
    Hmac hmac;
  };

  union {
    alignas(64) gcm_key_data gcm;    // kAesGcm, kAesGmac
    std::array<uint8_t, 32> chacha;  // kChaCha20Poly1305
    AesCbc aes_cbc;                  // kAesCbc; of kNull the part `hmac`
    Des3Cbc des3_cbc;                // kDes3Cbc
  };
};
static_assert(sizeof(EspKeys) == 1024, "two of them and their SAs in 4 KiB");

// What a packet needs to know of its SA to be sealed or opened, beside addresses and numbers:
// 16 bytes, to be held by value in an SA's hot cache line. `keys` is borrowed.
struct EspTransform {
  const EspKeys* keys = nullptr;
  uint32_t salt = 0;  // the first four bytes of the nonce, as they lie in memory
  EspSuiteId suite = EspSuiteId::kAes128Gcm;
  uint8_t iv_bytes = 0;
  uint8_t icv_bytes = 0;
  uint8_t alignment : 7 = 4;
  uint8_t esn : 1 = 0;  // extended sequence numbers: the upper half is authenticated, not sent

  // Of the packet beside payload, padding and trailer: ESP header, IV, ICV.
  uint32_t envelope_bytes() const { return 8u + iv_bytes + icv_bytes; }
};
static_assert(sizeof(EspTransform) == 16);

// As IKE (RFC 7296 section 2.17) and manual configuration give them; borrowed, the caller wipes them.
struct EspKeyMaterial {
  std::span<const uint8_t> encryption;  // key_bytes, then salt_bytes
  std::span<const uint8_t> integrity;   // integrity_key_bytes; empty for suites that need none
};

// Fills `keys`, which the result points to. InvalidArgument: a wrong length, or a 3DES key that
// is one of DES (RFC 2451 section 2.3). Not for workers: takes microseconds.
absl::StatusOr<EspTransform> ExpandEspKeys(MultiBuffer& library, const EspSuite& suite,
                                           EspDirection direction, bool esn, const EspKeyMaterial& material,
                                           EspKeys& keys);

}  // namespace sluice::dataplane
