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
inline constexpr EspSuite kEspSuites[] = {
    // id, name, cipher, integrity, key, salt, integrity key, IV, ICV, alignment
    {EspSuiteId::kAes128Gcm, "aes128gcm16", EspCipher::kAesGcm, EspIntegrity::kNone, 16, 4, 0, 8, 16, 4},
    {EspSuiteId::kAes192Gcm, "aes192gcm16", EspCipher::kAesGcm, EspIntegrity::kNone, 24, 4, 0, 8, 16, 4},
    {EspSuiteId::kAes256Gcm, "aes256gcm16", EspCipher::kAesGcm, EspIntegrity::kNone, 32, 4, 0, 8, 16, 4},
    {EspSuiteId::kChaCha20Poly1305, "chacha20poly1305", EspCipher::kChaCha20Poly1305, EspIntegrity::kNone, 32,
     4, 0, 8, 16, 4},
    {EspSuiteId::kAes128Gmac, "aes128gmac", EspCipher::kAesGmac, EspIntegrity::kNone, 16, 4, 0, 8, 16, 4},
    {EspSuiteId::kAes192Gmac, "aes192gmac", EspCipher::kAesGmac, EspIntegrity::kNone, 24, 4, 0, 8, 16, 4},
    {EspSuiteId::kAes256Gmac, "aes256gmac", EspCipher::kAesGmac, EspIntegrity::kNone, 32, 4, 0, 8, 16, 4},
    {EspSuiteId::kAes128CbcSha1, "aes128-sha1", EspCipher::kAesCbc, EspIntegrity::kHmacSha1, 16, 0, 20, 16,
     12, 16},
    {EspSuiteId::kAes128CbcSha256, "aes128-sha256", EspCipher::kAesCbc, EspIntegrity::kHmacSha256, 16, 0, 32,
     16, 16, 16},
    {EspSuiteId::kAes128CbcSha384, "aes128-sha384", EspCipher::kAesCbc, EspIntegrity::kHmacSha384, 16, 0, 48,
     16, 24, 16},
    {EspSuiteId::kAes128CbcSha512, "aes128-sha512", EspCipher::kAesCbc, EspIntegrity::kHmacSha512, 16, 0, 64,
     16, 32, 16},
    {EspSuiteId::kAes192CbcSha1, "aes192-sha1", EspCipher::kAesCbc, EspIntegrity::kHmacSha1, 24, 0, 20, 16,
     12, 16},
    {EspSuiteId::kAes192CbcSha256, "aes192-sha256", EspCipher::kAesCbc, EspIntegrity::kHmacSha256, 24, 0, 32,
     16, 16, 16},
    {EspSuiteId::kAes192CbcSha384, "aes192-sha384", EspCipher::kAesCbc, EspIntegrity::kHmacSha384, 24, 0, 48,
     16, 24, 16},
    {EspSuiteId::kAes192CbcSha512, "aes192-sha512", EspCipher::kAesCbc, EspIntegrity::kHmacSha512, 24, 0, 64,
     16, 32, 16},
    {EspSuiteId::kAes256CbcSha1, "aes256-sha1", EspCipher::kAesCbc, EspIntegrity::kHmacSha1, 32, 0, 20, 16,
     12, 16},
    {EspSuiteId::kAes256CbcSha256, "aes256-sha256", EspCipher::kAesCbc, EspIntegrity::kHmacSha256, 32, 0, 32,
     16, 16, 16},
    {EspSuiteId::kAes256CbcSha384, "aes256-sha384", EspCipher::kAesCbc, EspIntegrity::kHmacSha384, 32, 0, 48,
     16, 24, 16},
    {EspSuiteId::kAes256CbcSha512, "aes256-sha512", EspCipher::kAesCbc, EspIntegrity::kHmacSha512, 32, 0, 64,
     16, 32, 16},
    {EspSuiteId::kNullSha1, "null-sha1", EspCipher::kNull, EspIntegrity::kHmacSha1, 0, 0, 20, 0, 12, 4},
    {EspSuiteId::kNullSha256, "null-sha256", EspCipher::kNull, EspIntegrity::kHmacSha256, 0, 0, 32, 0, 16, 4},
    {EspSuiteId::kNullSha384, "null-sha384", EspCipher::kNull, EspIntegrity::kHmacSha384, 0, 0, 48, 0, 24, 4},
    {EspSuiteId::kNullSha512, "null-sha512", EspCipher::kNull, EspIntegrity::kHmacSha512, 0, 0, 64, 0, 32, 4},
    {EspSuiteId::kDes3CbcSha1, "3des-sha1", EspCipher::kDes3Cbc, EspIntegrity::kHmacSha1, 24, 0, 20, 8, 12,
     8},
    {EspSuiteId::kDes3CbcSha256, "3des-sha256", EspCipher::kDes3Cbc, EspIntegrity::kHmacSha256, 24, 0, 32, 8,
     16, 8},
    {EspSuiteId::kDes3CbcSha384, "3des-sha384", EspCipher::kDes3Cbc, EspIntegrity::kHmacSha384, 24, 0, 48, 8,
     24, 8},
    {EspSuiteId::kDes3CbcSha512, "3des-sha512", EspCipher::kDes3Cbc, EspIntegrity::kHmacSha512, 24, 0, 64, 8,
     32, 8},
};

constexpr std::span<const EspSuite> EspSuites() {
  return kEspSuites;
}

constexpr const EspSuite& SuiteOf(EspSuiteId id) {
  return kEspSuites[static_cast<uint8_t>(id)];
}

enum class LegacySuites : uint8_t { kRefused, kAllowed };

// Any number may come over the channel. InvalidArgument names the suite and what is wrong with it.
absl::StatusOr<const EspSuite*> FindEspSuite(uint8_t id, LegacySuites legacy);
absl::StatusOr<const EspSuite*> FindEspSuite(std::string_view name, LegacySuites legacy);

}  // namespace sluice::dataplane
