// Feeds test vectors from elsewhere, one a line on standard input, to the ciphers of ESP:
//   open SUITE ENCRYPTION INTEGRITY NUMBERS PACKET PLAINTEXT   a packet that must open to this;
//                                                              PLAINTEXT `forged`: must not open
//   gcm KEY NONCE AAD CIPHERTEXT TAG PLAINTEXT                 AES-GCM with the keys of an SA, since ESP's
//                                                              AAD has one of two lengths; `forged` likewise
// Fields in hexadecimal, `-` for an empty one. Prints how many; exit 1 and the line at the first that
// fails. esp_vectors.py makes the lines.
#include <cstdio>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "dataplane/packet/esp_crypto.h"
#include "dataplane/packet/wire.h"

namespace sluice::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;
using Fields = std::vector<std::string>;

Bytes FromHex(const std::string& hex) {
  const std::string raw = hex == "-" ? "" : absl::HexStringToBytes(hex);
  return {raw.begin(), raw.end()};
}

bool OpenHolds(EspCrypto& crypto, const Fields& fields) {
  const auto suite = FindEspSuite(fields.at(1), LegacySuites::kAllowed);
  if (!suite.ok()) return false;
  const Bytes encryption = FromHex(fields.at(2)), integrity = FromHex(fields.at(3));
  const Bytes numbers = FromHex(fields.at(4));
  const bool esn = numbers.size() == 12;
  EspKeys keys;
  const auto transform =
      ExpandEspKeys(crypto.library(), **suite, EspDirection::kInbound, esn, {encryption, integrity}, keys);
  if (!transform.ok()) return false;
  Bytes memory(4);
  for (const uint8_t byte : FromHex(fields.at(5))) memory.push_back(byte);
  EspRequest request{&*transform, memory.data() + 4,
                     esn ? LoadBe64(numbers.data() + 4) : LoadBe32(numbers.data() + 4),
                     static_cast<uint32_t>(memory.size() - 4)};
  crypto.Open({&request, 1});
  if (fields.at(6) == "forged") return !request.authentic;
  const Bytes payload(memory.begin() + 12 + transform->iv_bytes, memory.end() - transform->icv_bytes);
  return request.authentic && payload == FromHex(fields.at(6));
}

bool GcmHolds(EspCrypto& crypto, const Fields& fields) {
  Bytes key = FromHex(fields.at(1));
  const Bytes nonce = FromHex(fields.at(2)), aad = FromHex(fields.at(3)), ciphertext = FromHex(fields.at(4));
  const Bytes tag = FromHex(fields.at(5));
  if (nonce.size() != 12 || tag.size() > 16) return false;
  const EspSuiteId id = key.size() == 16   ? EspSuiteId::kAes128Gcm
                        : key.size() == 24 ? EspSuiteId::kAes192Gcm
                                           : EspSuiteId::kAes256Gcm;
  key.insert(key.end(), nonce.begin(), nonce.begin() + 4);
  EspKeys keys;
  if (!ExpandEspKeys(crypto.library(), SuiteOf(id), EspDirection::kInbound, false, {key, {}}, keys).ok())
    return false;
  IMB_MGR& manager = crypto.library().manager();
  Bytes plaintext(ciphertext.size()), computed(16);
  IMB_JOB* job = nullptr;
  if (IMB_GET_NEXT_BURST(&manager, 1, &job) != 1) return false;
  IMB_JOB fresh{};
  fresh.cipher_mode = IMB_CIPHER_GCM;
  fresh.hash_alg = IMB_AUTH_AES_GMAC;
  fresh.chain_order = IMB_ORDER_HASH_CIPHER;
  fresh.cipher_direction = IMB_DIR_DECRYPT;
  fresh.enc_keys = fresh.dec_keys = &keys.gcm;
  fresh.key_len_in_bytes = SuiteOf(id).key_bytes;
  fresh.src = ciphertext.data();
  fresh.dst = plaintext.data();
  fresh.msg_len_to_cipher_in_bytes = ciphertext.size();
  fresh.iv = nonce.data();
  fresh.iv_len_in_bytes = nonce.size();
  fresh.u.GCM.aad = aad.data();
  fresh.u.GCM.aad_len_in_bytes = aad.size();
  fresh.auth_tag_output = computed.data();
  fresh.auth_tag_output_len_in_bytes = 16;
  *job = fresh;
  if (IMB_SUBMIT_BURST_NOCHECK(&manager, 1, &job) != 1) return false;
  computed.resize(tag.size());
  if (fields.at(6) == "forged") return computed != tag;
  return computed == tag && plaintext == FromHex(fields.at(6));
}

int Replay() {
  // The jobs of `gcm` are not EspCrypto's: it must not find them where it left its own.
  auto crypto = EspCrypto::Create();
  auto bare = EspCrypto::Create();
  if (!crypto.ok() || !bare.ok()) return 1;
  unsigned count = 0;
  for (std::string line; std::getline(std::cin, line); ++count) {
    std::istringstream words(line);
    Fields fields;
    for (std::string field; words >> field;) fields.push_back(field);
    const bool holds =
        fields.size() == 7 &&
        (fields[0] == "open" ? OpenHolds(*crypto, fields) : fields[0] == "gcm" && GcmHolds(*bare, fields));
    if (holds) continue;
    std::printf("this vector does not hold: %s\n", line.c_str());
    return 1;
  }
  std::printf("%u vectors hold\n", count);
  return count == 0 ? 1 : 0;
}

}  // namespace
}  // namespace sluice::dataplane

int main() {
  return sluice::dataplane::Replay();
}
