// Which ciphers and integrity algorithms an ESP SA may have, and the sizes that follow: one
// table, RFC 8221's view of the world less what nobody should use. DES and ESP without
// integrity are not in it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"

namespace sluice::dataplane {

enum class EspCipher : uint8_t {
  kNull,              // RFC 2410, with integrity only
  kAesGcm,            // RFC 4106, ICV of 16 bytes
  kChaCha20Poly1305,  // RFC 7634
  kAesGmac,           // RFC 4543: ENCR_NULL_AUTH_AES_GMAC
  kAesCbc,            // RFC 3602
  kDes3Cbc,           // RFC 2451
};
enum class EspIntegrity : uint8_t {
  kNone,        // the cipher brings its own
  kHmacSha1,    // RFC 2404: 96 bits
  kHmacSha256,  // RFC 4868: 128 bits
  kHmacSha384,  // 192 bits
  kHmacSha512,  // 256 bits
};

// The values cross the channel between the processes: none is ever used for something else.
enum class EspSuiteId : uint8_t {
  kAes128Gcm,
  kAes192Gcm,
  kAes256Gcm,
  kChaCha20Poly1305,
  kAes128Gmac,
  kAes192Gmac,
  kAes256Gmac,
  kAes128CbcSha1,
  kAes128CbcSha256,
  kAes128CbcSha384,
  kAes128CbcSha512,
  kAes192CbcSha1,
  kAes192CbcSha256,
  kAes192CbcSha384,
  kAes192CbcSha512,
  kAes256CbcSha1,
  kAes256CbcSha256,
  kAes256CbcSha384,
  kAes256CbcSha512,
  kNullSha1,
  kNullSha256,
  kNullSha384,
  kNullSha512,
  kDes3CbcSha1,
  kDes3CbcSha256,
  kDes3CbcSha384,
  kDes3CbcSha512,
};

// All sizes in bytes.
struct EspSuite {
  EspSuiteId id;
  std::string_view name;  // as IKE daemons write it
  EspCipher cipher;
  EspIntegrity integrity;
  uint8_t key_bytes;            // of the cipher, without the salt
  uint8_t salt_bytes;           // that follow the key in the keying material (RFC 4106 section 8.1)
  uint8_t integrity_key_bytes;  // as long as the hash
  uint8_t iv_bytes;             // in the packet
  uint8_t icv_bytes;
  uint8_t
      alignment;  // of payload, padding and trailer: the cipher's block, 4 at least (RFC 4303 section 2.4)

  // One operation encrypts and authenticates, or GMAC, which is used in the same way.
  constexpr bool aead() const { return integrity == EspIntegrity::kNone; }
  // The IV is a counter that must never repeat under a key, and nothing more.
  constexpr bool counter_iv() const { return aead(); }
  // Accepted for old peers only, where the operator said so.
  constexpr bool legacy() const { return cipher == EspCipher::kDes3Cbc; }
};

inline constexpr uint8_t kEspIcvBytesMax = 32;
inline constexpr uint8_t kEspIvBytesMax = 16;
inline constexpr uint8_t kEspAlignmentMax = 16;

// All suites, each at the index of its id.
std::span<const EspSuite> EspSuites();

inline const EspSuite& SuiteOf(EspSuiteId id) {
  return EspSuites()[static_cast<uint8_t>(id)];
}

enum class LegacySuites : uint8_t { kRefused, kAllowed };

// Any number may come over the channel. InvalidArgument names the suite and what is wrong with it.
absl::StatusOr<const EspSuite*> FindEspSuite(uint8_t id, LegacySuites legacy);
absl::StatusOr<const EspSuite*> FindEspSuite(std::string_view name, LegacySuites legacy);

}  // namespace sluice::dataplane
