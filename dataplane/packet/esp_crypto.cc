// Jobs of the crypto library, one for each packet.
#include "dataplane/packet/esp_crypto.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dataplane/packet/esp.h"
#include "dataplane/packet/wire.h"
#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

constexpr EspDirection kOut = EspDirection::kOutbound;
constexpr uint8_t kNonceBytes = 12;  // salt and IV

// CBC starts with it, and the first block that it encrypts is the IV.
alignas(16) constexpr std::array<uint8_t, kEspIvBytesMax> kZeroIv{};

IMB_CIPHER_MODE CipherMode(EspCipher cipher) {
  switch (cipher) {
    case EspCipher::kNull:
    case EspCipher::kAesGmac:
      return IMB_CIPHER_NULL;
    case EspCipher::kAesGcm:
      return IMB_CIPHER_GCM;
    case EspCipher::kChaCha20Poly1305:
      return IMB_CIPHER_CHACHA20_POLY1305;
    case EspCipher::kAesCbc:
      return IMB_CIPHER_CBC;
    case EspCipher::kDes3Cbc:
      return IMB_CIPHER_DES3;
  }
  return IMB_CIPHER_NULL;
}

IMB_HASH_ALG GmacOf(unsigned key_bytes) {
  if (key_bytes == IMB_KEY_128_BYTES) return IMB_AUTH_AES_GMAC_128;
  return key_bytes == IMB_KEY_192_BYTES ? IMB_AUTH_AES_GMAC_192 : IMB_AUTH_AES_GMAC_256;
}

IMB_HASH_ALG HashOf(const EspSuite& suite) {
  switch (suite.integrity) {
    case EspIntegrity::kHmacSha1:
      return IMB_AUTH_HMAC_SHA_1;
    case EspIntegrity::kHmacSha256:
      return IMB_AUTH_HMAC_SHA_256;
    case EspIntegrity::kHmacSha384:
      return IMB_AUTH_HMAC_SHA_384;
    case EspIntegrity::kHmacSha512:
      return IMB_AUTH_HMAC_SHA_512;
    case EspIntegrity::kNone:
      break;
  }
  if (suite.cipher == EspCipher::kAesGmac) return GmacOf(suite.key_bytes);
  return suite.cipher == EspCipher::kAesGcm ? IMB_AUTH_AES_GMAC : IMB_AUTH_CHACHA20_POLY1305;
}

const EspKeys::Hmac& HmacKeysOf(const EspTransform& transform, EspCipher cipher) {
  const EspKeys& keys = *transform.keys;
  return cipher == EspCipher::kDes3Cbc ? keys.des3_cbc.hmac : keys.aes_cbc.hmac;
}

uint32_t UpperHalf(uint64_t sequence) {
  return __builtin_bswap32(static_cast<uint32_t>(sequence >> 32));
}

// Constant time, whatever the compiler thinks of it; `bytes` is a multiple of four, 12 at least.
bool IcvsEqual(const uint8_t* one, const uint8_t* two, unsigned bytes) {
  const auto differ = [&](unsigned at) { return LoadRaw<uint64_t>(one + at) ^ LoadRaw<uint64_t>(two + at); };
  // The last eight bytes may overlap.
  uint64_t difference = differ(0) | differ(bytes - 8);
  for (unsigned at = 8; at + 8 < bytes; at += 8) difference |= differ(at);
  asm("" : "+r"(difference));
  return difference == 0;
}

// The upper half of the sequence number is authenticated where it does not stand in the packet:
// HMAC wants it behind the payload (RFC 4303 section 2.2.1), where the ICV is or will be; GMAC
// between SPI and the lower half (RFC 4543 section 3.3), so the SPI moves out of its way.
bool Displaces(const EspTransform& transform, EspCipher cipher) {
  return transform.esn != 0 && cipher != EspCipher::kAesGcm && cipher != EspCipher::kChaCha20Poly1305;
}

uint32_t Displace(const EspRequest& request, EspCipher cipher) {
  const uint32_t upper = UpperHalf(request.sequence);
  uint8_t* at = request.esp - sizeof upper;
  if (cipher == EspCipher::kAesGmac) {
    const auto displaced = LoadRaw<uint32_t>(at);
    std::memcpy(at, request.esp, sizeof upper);
    std::memcpy(request.esp, &upper, sizeof upper);
    return displaced;
  }
  at = request.esp + request.bytes - request.transform->icv_bytes;
  const auto displaced = LoadRaw<uint32_t>(at);
  std::memcpy(at, &upper, sizeof upper);
  return displaced;
}

// `sealed`: the ICV of HMAC is already where the upper half was.
void PutBack(const EspRequest& request, EspCipher cipher, uint32_t displaced, bool sealed) {
  uint8_t* at = request.esp - sizeof displaced;
  if (cipher == EspCipher::kAesGmac) {
    std::memcpy(request.esp, at, sizeof displaced);
    std::memcpy(at, &displaced, sizeof displaced);
  } else if (!sealed) {
    at = request.esp + request.bytes - request.transform->icv_bytes;
    std::memcpy(at, &displaced, sizeof displaced);
  }
}

}  // namespace

absl::StatusOr<EspCrypto> EspCrypto::Create(MultiBuffer::InstructionSet wanted) {
  absl::StatusOr<MultiBuffer> library = MultiBuffer::Create(wanted);
  if (!library.ok()) return library.status();
  return EspCrypto(*std::move(library));
}

EspCrypto::EspCrypto(MultiBuffer library)
    : library_(std::move(library)), scratch_(std::make_unique<std::array<Scratch, kJobsAtOnce>>()) {
  shapes_.fill(kNoShape);
}

// What all packets of one kind have in common.
void EspCrypto::Shape(IMB_JOB& job, const EspTransform& transform, EspDirection direction) {
  const EspSuite& suite = SuiteOf(transform.suite);
  const bool out = direction == kOut;
  const bool chained = !suite.aead();
  job.cipher_mode = CipherMode(suite.cipher);
  job.cipher_direction = out ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
  job.hash_alg = HashOf(suite);
  job.chain_order = out ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
  job.key_len_in_bytes = suite.key_bytes;
  job.auth_tag_output_len_in_bytes = suite.icv_bytes;
  job.iv_len_in_bytes = chained ? suite.iv_bytes : kNonceBytes;
  // Outbound CBC encrypts its IV, too.
  job.cipher_start_src_offset_in_bytes =
      chained && out ? kEspHeaderBytes : unsigned{kEspHeaderBytes} + suite.iv_bytes;
  job.hash_start_src_offset_in_bytes =
      suite.cipher == EspCipher::kChaCha20Poly1305 ? job.cipher_start_src_offset_in_bytes : 0;
  const uint64_t aad_bytes = transform.esn != 0 ? 12 : 8;
  if (suite.cipher == EspCipher::kAesGcm) job.u.GCM.aad_len_in_bytes = aad_bytes;
  if (suite.cipher == EspCipher::kChaCha20Poly1305) job.u.CHACHA20_POLY1305.aad_len_in_bytes = aad_bytes;
  if (suite.cipher == EspCipher::kAesGmac) job.u.GMAC.iv_len_in_bytes = kNonceBytes;
  if (suite.cipher == EspCipher::kNull || suite.cipher == EspCipher::kAesGmac)
    job.msg_len_to_cipher_in_bytes = 0;
}

template <EspDirection kDirection>
inline void EspCrypto::Fill(IMB_JOB& job, const EspRequest& request, Scratch& scratch) {
  const EspTransform& transform = *request.transform;
  const EspKeys& keys = *transform.keys;
  const EspCipher cipher = SuiteOf(transform.suite).cipher;
  uint8_t* const esp = request.esp;
  uint8_t* const iv = esp + kEspHeaderBytes;
  uint8_t* const icv = esp + request.bytes - transform.icv_bytes;
  job.src = esp;
  job.auth_tag_output = kDirection == kOut ? icv : scratch.icv.data();

  if (!SuiteOf(transform.suite).aead()) {
    const EspKeys::Hmac& hmac = HmacKeysOf(transform, cipher);
    job.u.HMAC._hashed_auth_key_xor_ipad = hmac.inner.data();
    job.u.HMAC._hashed_auth_key_xor_opad = hmac.outer.data();
    job.msg_len_to_hash_in_bytes = request.bytes - transform.icv_bytes + (transform.esn != 0 ? 4u : 0u);
    if (Displaces(transform, cipher)) scratch.displaced = Displace(request, cipher);
    job.dst = esp + job.cipher_start_src_offset_in_bytes;
    if (cipher == EspCipher::kNull) return;
    const void* const rounds = cipher == EspCipher::kAesCbc
                                   ? static_cast<const void*>(keys.aes_cbc.rounds.data())
                                   : static_cast<const void*>(keys.des3_cbc.rounds_of.data());
    job.enc_keys = job.dec_keys = rounds;
    job.msg_len_to_cipher_in_bytes =
        request.bytes - transform.icv_bytes - job.cipher_start_src_offset_in_bytes;
    job.iv = kDirection == kOut ? kZeroIv.data() : iv;
    if (kDirection != kOut) return;
    const uint64_t counter = __builtin_bswap64(request.sequence);
    std::memset(iv, 0, transform.iv_bytes);
    std::memcpy(iv, &counter, sizeof counter);
    return;
  }

  uint64_t counter = __builtin_bswap64(request.sequence);
  if (kDirection == kOut)
    std::memcpy(iv, &counter, sizeof counter);
  else
    std::memcpy(&counter, iv, sizeof counter);
  const uint64_t nonce[] = {transform.salt | counter << 32, counter >> 32};
  std::memcpy(scratch.nonce.data(), nonce, sizeof nonce);
  if (cipher == EspCipher::kAesGmac) {
    job.u.GMAC._key = &keys.gcm;
    job.u.GMAC._iv = scratch.nonce.data();
    job.msg_len_to_hash_in_bytes = request.bytes - transform.icv_bytes;
    if (!Displaces(transform, cipher)) return;
    scratch.displaced = Displace(request, cipher);
    job.src -= sizeof scratch.displaced;
    job.msg_len_to_hash_in_bytes += sizeof scratch.displaced;
    return;
  }
  const void* aad = esp;
  if (transform.esn != 0) {
    // RFC 4106 section 5, RFC 7634 section 2.1: SPI and the whole number.
    const uint32_t words[] = {LoadRaw<uint32_t>(esp), UpperHalf(request.sequence),
                              LoadRaw<uint32_t>(esp + 4)};
    std::memcpy(scratch.aad.data(), words, sizeof words);
    aad = scratch.aad.data();
  }
  const uint64_t payload_bytes = request.bytes - transform.envelope_bytes();
  job.dst = iv + transform.iv_bytes;
  job.iv = scratch.nonce.data();
  job.msg_len_to_cipher_in_bytes = payload_bytes;
  job.enc_keys = job.dec_keys = &keys;
  if (cipher == EspCipher::kAesGcm) {
    job.u.GCM.aad = aad;
    return;
  }
  job.msg_len_to_hash_in_bytes = payload_bytes;
  job.u.CHACHA20_POLY1305.aad = aad;
}

template <EspDirection kDirection>
void EspCrypto::Run(std::span<EspRequest> requests) {
  IMB_MGR& manager = library_.manager();
  const auto count = static_cast<uint32_t>(requests.size());
  IMB_JOB* jobs[kJobsAtOnce];
  SLUICE_CHECK(IMB_GET_NEXT_BURST(&manager, count, jobs) == count);
  bool displaced = false;
  for (uint32_t i = 0; i < count; ++i) {
    const EspTransform& transform = *requests[i].transform;
    uint16_t& shape = shapes_[static_cast<size_t>(jobs[i] - manager.jobs)];
    const auto wanted = static_cast<uint16_t>(static_cast<unsigned>(transform.suite) << 2 |
                                              unsigned{transform.esn} << 1 | unsigned{kDirection == kOut});
    if (shape != wanted) {
      Shape(*jobs[i], transform, kDirection);
      shape = wanted;
    }
    Fill<kDirection>(*jobs[i], requests[i], (*scratch_)[i]);
    displaced |= transform.esn != 0;
  }
  uint32_t done = IMB_SUBMIT_BURST_NOCHECK(&manager, count, jobs);
  while (done < count) {
    const uint32_t flushed = IMB_FLUSH_BURST(&manager, count - done, jobs);
    SLUICE_CHECK(flushed != 0);
    done += flushed;
  }
  if (displaced) {
    for (uint32_t i = 0; i < count; ++i) {
      const EspCipher cipher = SuiteOf(requests[i].transform->suite).cipher;
      if (Displaces(*requests[i].transform, cipher))
        PutBack(requests[i], cipher, (*scratch_)[i].displaced, kDirection == kOut);
    }
  }
  if (kDirection == kOut) return;
  for (uint32_t i = 0; i < count; ++i) {
    EspRequest& request = requests[i];
    const unsigned icv_bytes = request.transform->icv_bytes;
    request.authentic =
        IcvsEqual((*scratch_)[i].icv.data(), request.esp + request.bytes - icv_bytes, icv_bytes);
  }
}

void EspCrypto::Seal(std::span<EspRequest> requests) {
  for (; !requests.empty(); requests = requests.subspan(std::min<size_t>(requests.size(), kJobsAtOnce)))
    Run<kOut>(requests.first(std::min<size_t>(requests.size(), kJobsAtOnce)));
}

void EspCrypto::Open(std::span<EspRequest> requests) {
  for (; !requests.empty(); requests = requests.subspan(std::min<size_t>(requests.size(), kJobsAtOnce)))
    Run<EspDirection::kInbound>(requests.first(std::min<size_t>(requests.size(), kJobsAtOnce)));
}

}  // namespace sluice::dataplane
