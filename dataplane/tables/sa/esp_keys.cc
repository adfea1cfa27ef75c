// Key expansion. Whatever held a key on the way is cleared.
#include "dataplane/tables/sa/esp_keys.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sluice::dataplane {
namespace {

using Bytes = std::span<const uint8_t>;

absl::Status WrongLength(const EspSuite& suite, const char* which, size_t given, unsigned wanted) {
  return absl::InvalidArgumentError(absl::StrCat("ESP suite '", std::string(suite.name), "': the ", which,
                                                 " key has ", given, " bytes instead of ", wanted));
}

void ExpandGcm(IMB_MGR& manager, Bytes key, gcm_key_data& out) {
  switch (key.size()) {
    case IMB_KEY_128_BYTES:
      return IMB_AES128_GCM_PRE(&manager, key.data(), &out);
    case IMB_KEY_192_BYTES:
      return IMB_AES192_GCM_PRE(&manager, key.data(), &out);
    default:
      return IMB_AES256_GCM_PRE(&manager, key.data(), &out);
  }
}

void ExpandAesCbc(IMB_MGR& manager, EspDirection direction, Bytes key, EspKeys::AesCbc& out) {
  alignas(16) uint8_t other[16 * 15];  // of the direction that is not wanted
  const bool outbound = direction == EspDirection::kOutbound;
  uint8_t* const encrypt = outbound ? out.rounds.data() : other;
  uint8_t* const decrypt = outbound ? other : out.rounds.data();
  switch (key.size()) {
    case IMB_KEY_128_BYTES:
      IMB_AES_KEYEXP_128(&manager, key.data(), encrypt, decrypt);
      break;
    case IMB_KEY_192_BYTES:
      IMB_AES_KEYEXP_192(&manager, key.data(), encrypt, decrypt);
      break;
    default:
      IMB_AES_KEYEXP_256(&manager, key.data(), encrypt, decrypt);
  }
  imb_clear_mem(other, sizeof other);
}

// Neighbouring keys that are equal cancel out, and single DES remains. The lowest bit of each
// byte is parity and counts for nothing.
bool IsSingleDes(Bytes key) {
  const auto same = [&](size_t one, size_t two) {
    for (size_t i = 0; i < 8; ++i)
      if (((key[one + i] ^ key[two + i]) & 0xfe) != 0) return false;
    return true;
  };
  return same(0, 8) || same(8, 16);
}

void ExpandDes3(IMB_MGR& manager, Bytes key, EspKeys::Des3Cbc& out) {
  for (size_t i = 0; i < out.rounds.size(); ++i) {
    IMB_DES_KEYSCHED(&manager, out.rounds[i].data(), key.data() + 8 * i);
    out.rounds_of[i] = out.rounds[i].data();
  }
}

// RFC 2104 section 2, as far as it does not depend on the message.
void ExpandHmac(IMB_MGR& manager, EspIntegrity integrity, Bytes key, EspKeys::Hmac& out) {
  alignas(16) uint8_t block[IMB_SHA_512_BLOCK_SIZE];
  const auto pad = [&](uint8_t with, uint8_t* state) {
    std::memset(block, with, sizeof block);
    for (size_t i = 0; i < key.size(); ++i) block[i] ^= key[i];
    switch (integrity) {
      case EspIntegrity::kNone:
        break;
      case EspIntegrity::kHmacSha1:
        IMB_SHA1_ONE_BLOCK(&manager, block, state);
        break;
      case EspIntegrity::kHmacSha256:
        IMB_SHA256_ONE_BLOCK(&manager, block, state);
        break;
      case EspIntegrity::kHmacSha384:
        IMB_SHA384_ONE_BLOCK(&manager, block, state);
        break;
      case EspIntegrity::kHmacSha512:
        IMB_SHA512_ONE_BLOCK(&manager, block, state);
        break;
    }
  };
  pad(0x36, out.inner.data());
  pad(0x5c, out.outer.data());
  imb_clear_mem(block, sizeof block);
}

}  // namespace

void EspKeys::Wipe() {
  imb_clear_mem(this, sizeof *this);
}

absl::StatusOr<EspTransform> ExpandEspKeys(MultiBuffer& library, const EspSuite& suite,
                                           EspDirection direction, bool esn, const EspKeyMaterial& material,
                                           EspKeys& keys) {
  const unsigned encryption_bytes = suite.key_bytes + suite.salt_bytes;
  if (material.encryption.size() != encryption_bytes)
    return WrongLength(suite, "encryption", material.encryption.size(), encryption_bytes);
  if (material.integrity.size() != suite.integrity_key_bytes)
    return WrongLength(suite, "integrity", material.integrity.size(), suite.integrity_key_bytes);
  const Bytes key = material.encryption.first(suite.key_bytes);
  if (suite.cipher == EspCipher::kDes3Cbc && IsSingleDes(key))
    return absl::InvalidArgumentError(
        absl::StrCat("ESP suite '", std::string(suite.name), "': the encryption key is one of single DES"));

  keys.Wipe();
  IMB_MGR& manager = library.manager();
  switch (suite.cipher) {
    case EspCipher::kNull:
      ExpandHmac(manager, suite.integrity, material.integrity, keys.aes_cbc.hmac);
      break;
    case EspCipher::kAesGcm:
    case EspCipher::kAesGmac:
      ExpandGcm(manager, key, keys.gcm);
      break;
    case EspCipher::kChaCha20Poly1305:
      std::copy(key.begin(), key.end(), keys.chacha.begin());
      break;
    case EspCipher::kAesCbc:
      ExpandAesCbc(manager, direction, key, keys.aes_cbc);
      ExpandHmac(manager, suite.integrity, material.integrity, keys.aes_cbc.hmac);
      break;
    case EspCipher::kDes3Cbc:
      ExpandDes3(manager, key, keys.des3_cbc);
      ExpandHmac(manager, suite.integrity, material.integrity, keys.des3_cbc.hmac);
      break;
  }
  EspTransform transform;
  transform.keys = &keys;
  if (suite.salt_bytes != 0)
    std::memcpy(&transform.salt, material.encryption.data() + suite.key_bytes, sizeof transform.salt);
  transform.suite = suite.id;
  transform.iv_bytes = suite.iv_bytes;
  transform.icv_bytes = suite.icv_bytes;
  transform.alignment = static_cast<uint8_t>(suite.alignment & 0x7f);
  transform.esn = esn ? 1 : 0;
  return transform;
}

}  // namespace sluice::dataplane
