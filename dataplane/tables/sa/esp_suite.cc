// The table of suites.
#include "dataplane/tables/sa/esp_suite.h"

#include <algorithm>
#include <array>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sluice::dataplane {
namespace {

using Id = EspSuiteId;
using Cipher = EspCipher;
using Integrity = EspIntegrity;

constexpr EspSuite kSuites[] = {
    // id, name, cipher, integrity, key, salt, integrity key, IV, ICV, alignment
    {Id::kAes128Gcm, "aes128gcm16", Cipher::kAesGcm, Integrity::kNone, 16, 4, 0, 8, 16, 4},
    {Id::kAes192Gcm, "aes192gcm16", Cipher::kAesGcm, Integrity::kNone, 24, 4, 0, 8, 16, 4},
    {Id::kAes256Gcm, "aes256gcm16", Cipher::kAesGcm, Integrity::kNone, 32, 4, 0, 8, 16, 4},
    {Id::kChaCha20Poly1305, "chacha20poly1305", Cipher::kChaCha20Poly1305, Integrity::kNone, 32, 4, 0, 8, 16,
     4},
    {Id::kAes128Gmac, "aes128gmac", Cipher::kAesGmac, Integrity::kNone, 16, 4, 0, 8, 16, 4},
    {Id::kAes192Gmac, "aes192gmac", Cipher::kAesGmac, Integrity::kNone, 24, 4, 0, 8, 16, 4},
    {Id::kAes256Gmac, "aes256gmac", Cipher::kAesGmac, Integrity::kNone, 32, 4, 0, 8, 16, 4},
    {Id::kAes128CbcSha1, "aes128-sha1", Cipher::kAesCbc, Integrity::kHmacSha1, 16, 0, 20, 16, 12, 16},
    {Id::kAes128CbcSha256, "aes128-sha256", Cipher::kAesCbc, Integrity::kHmacSha256, 16, 0, 32, 16, 16, 16},
    {Id::kAes128CbcSha384, "aes128-sha384", Cipher::kAesCbc, Integrity::kHmacSha384, 16, 0, 48, 16, 24, 16},
    {Id::kAes128CbcSha512, "aes128-sha512", Cipher::kAesCbc, Integrity::kHmacSha512, 16, 0, 64, 16, 32, 16},
    {Id::kAes192CbcSha1, "aes192-sha1", Cipher::kAesCbc, Integrity::kHmacSha1, 24, 0, 20, 16, 12, 16},
    {Id::kAes192CbcSha256, "aes192-sha256", Cipher::kAesCbc, Integrity::kHmacSha256, 24, 0, 32, 16, 16, 16},
    {Id::kAes192CbcSha384, "aes192-sha384", Cipher::kAesCbc, Integrity::kHmacSha384, 24, 0, 48, 16, 24, 16},
    {Id::kAes192CbcSha512, "aes192-sha512", Cipher::kAesCbc, Integrity::kHmacSha512, 24, 0, 64, 16, 32, 16},
    {Id::kAes256CbcSha1, "aes256-sha1", Cipher::kAesCbc, Integrity::kHmacSha1, 32, 0, 20, 16, 12, 16},
    {Id::kAes256CbcSha256, "aes256-sha256", Cipher::kAesCbc, Integrity::kHmacSha256, 32, 0, 32, 16, 16, 16},
    {Id::kAes256CbcSha384, "aes256-sha384", Cipher::kAesCbc, Integrity::kHmacSha384, 32, 0, 48, 16, 24, 16},
    {Id::kAes256CbcSha512, "aes256-sha512", Cipher::kAesCbc, Integrity::kHmacSha512, 32, 0, 64, 16, 32, 16},
    {Id::kNullSha1, "null-sha1", Cipher::kNull, Integrity::kHmacSha1, 0, 0, 20, 0, 12, 4},
    {Id::kNullSha256, "null-sha256", Cipher::kNull, Integrity::kHmacSha256, 0, 0, 32, 0, 16, 4},
    {Id::kNullSha384, "null-sha384", Cipher::kNull, Integrity::kHmacSha384, 0, 0, 48, 0, 24, 4},
    {Id::kNullSha512, "null-sha512", Cipher::kNull, Integrity::kHmacSha512, 0, 0, 64, 0, 32, 4},
    {Id::kDes3CbcSha1, "3des-sha1", Cipher::kDes3Cbc, Integrity::kHmacSha1, 24, 0, 20, 8, 12, 8},
    {Id::kDes3CbcSha256, "3des-sha256", Cipher::kDes3Cbc, Integrity::kHmacSha256, 24, 0, 32, 8, 16, 8},
    {Id::kDes3CbcSha384, "3des-sha384", Cipher::kDes3Cbc, Integrity::kHmacSha384, 24, 0, 48, 8, 24, 8},
    {Id::kDes3CbcSha512, "3des-sha512", Cipher::kDes3Cbc, Integrity::kHmacSha512, 24, 0, 64, 8, 32, 8},
};

constexpr bool TableHolds() {
  for (size_t i = 0; i < std::size(kSuites); ++i) {
    const EspSuite& suite = kSuites[i];
    if (static_cast<size_t>(suite.id) != i) return false;
    if (suite.icv_bytes < 12 || suite.icv_bytes > kEspIcvBytesMax || suite.icv_bytes % 4 != 0) return false;
    if (suite.iv_bytes > kEspIvBytesMax || suite.alignment > kEspAlignmentMax) return false;
    if (suite.aead() != (suite.integrity_key_bytes == 0)) return false;
  }
  return true;
}
static_assert(TableHolds());

absl::StatusOr<const EspSuite*> Admitted(const EspSuite& suite, LegacySuites legacy) {
  if (suite.legacy() && legacy == LegacySuites::kRefused)
    return absl::InvalidArgumentError(
        absl::StrCat("ESP suite '", std::string(suite.name), "' is for old peers and switched off"));
  return &suite;
}

}  // namespace

std::span<const EspSuite> EspSuites() {
  return kSuites;
}

absl::StatusOr<const EspSuite*> FindEspSuite(uint8_t id, LegacySuites legacy) {
  if (id >= std::size(kSuites)) return absl::InvalidArgumentError(absl::StrCat("there is no ESP suite ", id));
  return Admitted(kSuites[id], legacy);
}

absl::StatusOr<const EspSuite*> FindEspSuite(std::string_view name, LegacySuites legacy) {
  const auto* const found = std::find_if(std::begin(kSuites), std::end(kSuites),
                                         [&](const EspSuite& each) { return each.name == name; });
  if (found == std::end(kSuites))
    return absl::InvalidArgumentError(absl::StrCat("there is no ESP suite '", std::string(name), "'"));
  return Admitted(*found, legacy);
}

}  // namespace sluice::dataplane
