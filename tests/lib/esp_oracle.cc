// ESP with OpenSSL: RFC 4303 and the RFCs of the ciphers, read once more.
#include "tests/lib/esp_oracle.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>

#include "proto/net/check.h"

namespace sluice::testing {
namespace {

using dataplane::EspCipher;
using dataplane::EspIntegrity;
using dataplane::EspSuite;
using View = std::span<const uint8_t>;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

void Append(Bytes& to, View bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}
void AppendBe32(Bytes& to, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<uint8_t>(value >> shift));
}

const EVP_CIPHER* EvpOf(const EspSuite& suite) {
  const bool short_key = suite.key_bytes == 16, middle = suite.key_bytes == 24;
  switch (suite.cipher) {
    case EspCipher::kAesGcm:
    case EspCipher::kAesGmac:
      return short_key ? EVP_aes_128_gcm() : middle ? EVP_aes_192_gcm() : EVP_aes_256_gcm();
    case EspCipher::kChaCha20Poly1305:
      return EVP_chacha20_poly1305();
    case EspCipher::kAesCbc:
      return short_key ? EVP_aes_128_cbc() : middle ? EVP_aes_192_cbc() : EVP_aes_256_cbc();
    case EspCipher::kDes3Cbc:
      return EVP_des_ede3_cbc();
    case EspCipher::kNull:
      break;
  }
  return nullptr;
}

const EVP_MD* DigestOf(EspIntegrity integrity) {
  switch (integrity) {
    case EspIntegrity::kHmacSha1:
      return EVP_sha1();
    case EspIntegrity::kHmacSha256:
      return EVP_sha256();
    case EspIntegrity::kHmacSha384:
      return EVP_sha384();
    case EspIntegrity::kHmacSha512:
      return EVP_sha512();
    case EspIntegrity::kNone:
      break;
  }
  return nullptr;
}

Bytes Cbc(const EspSuite& suite, View key, View iv, View plaintext) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  SLUICE_CHECK(EVP_EncryptInit_ex(context.get(), EvpOf(suite), nullptr, key.data(), iv.data()) == 1);
  EVP_CIPHER_CTX_set_padding(context.get(), 0);
  Bytes out(plaintext.size() + EVP_MAX_BLOCK_LENGTH);
  int length = 0;
  SLUICE_CHECK(EVP_EncryptUpdate(context.get(), out.data(), &length, plaintext.data(),
                                 static_cast<int>(plaintext.size())) == 1);
  SLUICE_CHECK(static_cast<size_t>(length) == plaintext.size());
  out.resize(plaintext.size());
  return out;
}

// Ciphertext and tag.
Bytes Aead(const EspSuite& suite, View key, View nonce, View aad, View plaintext) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX* const c = context.get();
  SLUICE_CHECK(EVP_EncryptInit_ex(c, EvpOf(suite), nullptr, key.data(), nonce.data()) == 1);
  int length = 0;
  SLUICE_CHECK(EVP_EncryptUpdate(c, nullptr, &length, aad.data(), static_cast<int>(aad.size())) == 1);
  Bytes out(plaintext.size() + 16);
  if (!plaintext.empty())
    SLUICE_CHECK(
        EVP_EncryptUpdate(c, out.data(), &length, plaintext.data(), static_cast<int>(plaintext.size())) == 1);
  SLUICE_CHECK(EVP_EncryptFinal_ex(c, out.data() + plaintext.size(), &length) == 1 && length == 0);
  SLUICE_CHECK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, out.data() + plaintext.size()) == 1);
  return out;
}

Bytes Hmac(EspIntegrity integrity, View key, View message) {
  Bytes out(EVP_MAX_MD_SIZE);
  unsigned length = 0;
  SLUICE_CHECK(HMAC(DigestOf(integrity), key.data(), static_cast<int>(key.size()), message.data(),
                    message.size(), out.data(), &length) != nullptr);
  out.resize(length);
  return out;
}

}  // namespace

Bytes EspOracle::Iv(uint64_t sequence) const {
  Bytes counter;
  AppendBe32(counter, static_cast<uint32_t>(sequence >> 32));
  AppendBe32(counter, static_cast<uint32_t>(sequence));
  counter.resize(suite.iv_bytes);
  if (suite.aead() || suite.iv_bytes == 0) return counter;
  return Cbc(suite, encryption, Bytes(suite.iv_bytes), counter);
}

Bytes EspOracle::Seal(uint32_t spi, uint64_t sequence, View iv, View plaintext) const {
  SLUICE_CHECK(iv.size() == suite.iv_bytes);
  Bytes packet;
  AppendBe32(packet, spi);
  AppendBe32(packet, static_cast<uint32_t>(sequence));
  Append(packet, iv);
  const auto upper = static_cast<uint32_t>(sequence >> 32);
  if (!suite.aead()) {
    Append(packet, suite.cipher == EspCipher::kNull ? Bytes(plaintext.begin(), plaintext.end())
                                                    : Cbc(suite, encryption, iv, plaintext));
    Bytes covered = packet;
    if (esn) AppendBe32(covered, upper);
    Append(packet, View(Hmac(suite.integrity, integrity, covered)).first(suite.icv_bytes));
    return packet;
  }
  const View key = View(encryption).first(suite.key_bytes);
  Bytes nonce(encryption.begin() + suite.key_bytes, encryption.end());
  Append(nonce, iv);
  Bytes aad;
  AppendBe32(aad, spi);
  if (esn) AppendBe32(aad, upper);
  AppendBe32(aad, static_cast<uint32_t>(sequence));
  if (suite.cipher == EspCipher::kAesGmac) {
    Append(aad, iv);
    Append(aad, plaintext);
    Append(packet, plaintext);
    Append(packet, Aead(suite, key, nonce, aad, {}));
  } else {
    Append(packet, Aead(suite, key, nonce, aad, plaintext));
  }
  return packet;
}

EspOracle EspOracle::WithSomeKeys(const EspSuite& suite, uint8_t seed, bool esn) {
  EspOracle oracle{suite, Bytes(suite.key_bytes + suite.salt_bytes), Bytes(suite.integrity_key_bytes), esn};
  uint8_t next = seed;
  for (uint8_t& byte : oracle.encryption) byte = next = static_cast<uint8_t>(next * 37 + 11);
  for (uint8_t& byte : oracle.integrity) byte = next = static_cast<uint8_t>(next * 37 + 11);
  return oracle;
}

}  // namespace sluice::testing
