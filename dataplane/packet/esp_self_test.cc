// The known answers and the questions.
#include "dataplane/packet/esp_self_test.h"

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "dataplane/packet/esp.h"

namespace sluice::dataplane {
namespace {

using namespace esp_self_test;
using Bytes = std::vector<uint8_t>;

constexpr EspKnownAnswer kAnswers[] = {
    {EspSuiteId::kAes128Gcm, "2e502bae5a75695df60945a05c2643b3"},
    {EspSuiteId::kAes192Gcm, "0d088dda1866a352259141fa7ff443d1"},
    {EspSuiteId::kAes256Gcm, "3daffd1753bd6b0b290be1f5baa9fbbd"},
    {EspSuiteId::kChaCha20Poly1305, "ce10a72f68fdeb95cde738159903e53d"},
    {EspSuiteId::kAes128Gmac, "59b17e4e4e133909738ed942ff989c1a"},
    {EspSuiteId::kAes192Gmac, "a65ba48980d35329fe2ac0365783fe6e"},
    {EspSuiteId::kAes256Gmac, "2bb73e845aa371ba4c0f8c290772c6e0"},
    {EspSuiteId::kAes128CbcSha1, "d6f0fb1354bbe1399fe592d8"},
    {EspSuiteId::kAes128CbcSha256, "f14e37b6abdce58d4178c2c1d81fc724"},
    {EspSuiteId::kAes128CbcSha384, "792d0150f45b51cf69220c9f2e011af3bea4b1ba0847f120"},
    {EspSuiteId::kAes128CbcSha512, "4347b4e27c13facb0091940d1754baae5c0249d4cd70b139791bd1865d9d1057"},
    {EspSuiteId::kAes192CbcSha1, "6759fbb8e7705fa452ff6e65"},
    {EspSuiteId::kAes192CbcSha256, "7826c12799d366220932327e6c9549b7"},
    {EspSuiteId::kAes192CbcSha384, "a05772d56a107443c38152ef42b92d6bbe488e1b228e8e50"},
    {EspSuiteId::kAes192CbcSha512, "7ef9a7ee13ab85aa6e98a2287402ae4eb1f0f584cf26bf9b971b23394689f345"},
    {EspSuiteId::kAes256CbcSha1, "f976e3428516ebc67d48fbe8"},
    {EspSuiteId::kAes256CbcSha256, "b58d81668712e8f922ef6e37400daefc"},
    {EspSuiteId::kAes256CbcSha384, "a4388d0e978239a70d2352ee4042f4d5577f24a294a11573"},
    {EspSuiteId::kAes256CbcSha512, "406dc84d26b03bf54dd4bd528c975dff25ac8a4db4baf769ebc03ff53379d855"},
    {EspSuiteId::kNullSha1, "a7892b244a5d180fd1c2a8c9"},
    {EspSuiteId::kNullSha256, "a9b228b4c0ad2b65e40d5f254182bd3a"},
    {EspSuiteId::kNullSha384, "752e85620855162094e432ab4cf7537792b45dd34672bb50"},
    {EspSuiteId::kNullSha512, "2c77dda1873f46a67fd64b92f52617dd7f3db2300cebdd69f4f9bb8b8571d4ef"},
    {EspSuiteId::kDes3CbcSha1, "6413a56ac5b6c973d27981b6"},
    {EspSuiteId::kDes3CbcSha256, "31ef3b2930ece3bb70dbb63a6a9d1d87"},
    {EspSuiteId::kDes3CbcSha384, "5ea0695eef80669ca632096c07caebbaf3604e12a9c68160"},
    {EspSuiteId::kDes3CbcSha512, "fe7c42625622e7d5135baef39f71ae86e6cdfa53c2cd183a59615d26f6687a6f"},
};

// More than one burst of the library, so that all lanes are in use and some are flushed.
constexpr unsigned kCopies = 37;

Bytes SomeKey(unsigned bytes, uint8_t (*byte)(unsigned)) {
  Bytes key(bytes);
  for (unsigned i = 0; i < bytes; ++i) key[i] = byte(i);
  return key;
}

class Examination {
 public:
  explicit Examination(EspCrypto& crypto) : crypto_(crypto), packets_(kCopies), requests_(kCopies) {}

  bool Passes(const EspSuite& suite, const std::string& icv) {
    const Bytes encryption = SomeKey(suite.key_bytes + suite.salt_bytes, EncryptionKeyByte);
    const Bytes integrity = SomeKey(suite.integrity_key_bytes, IntegrityKeyByte);
    const auto expand = [&](EspDirection direction, EspKeys& keys) {
      return ExpandEspKeys(crypto_.library(), suite, direction, true, {encryption, integrity}, keys);
    };
    EspKeys outbound_keys, inbound_keys;
    const auto outbound = expand(EspDirection::kOutbound, outbound_keys);
    const auto inbound = expand(EspDirection::kInbound, inbound_keys);
    if (!outbound.ok() || !inbound.ok()) return false;
    return Seals(*outbound, icv) && Opens(*inbound) && Refuses(*inbound);
  }

 private:
  static constexpr unsigned kBefore = 4;  // which GMAC borrows

  uint8_t* Esp(unsigned i) { return packets_[i].data() + kBefore; }
  uint8_t* Plaintext(unsigned i, const EspTransform& transform) {
    return Esp(i) + kEspHeaderBytes + transform.iv_bytes;
  }

  bool Seals(const EspTransform& transform, const std::string& icv) {
    const uint32_t bytes = transform.envelope_bytes() + kPlaintextBytes;
    for (unsigned i = 0; i < kCopies; ++i) {
      packets_[i].assign(kBefore + bytes, 0);
      StoreEspHeader(Esp(i), kSpi, kSequence);
      for (unsigned at = 0; at < kPlaintextBytes; ++at) Plaintext(i, transform)[at] = PlaintextByte(at);
      requests_[i] = {&transform, Esp(i), kSequence, bytes};
    }
    crypto_.Seal(requests_);
    return std::all_of(packets_.begin(), packets_.end(), [&](const Bytes& packet) {
      return icv.size() == transform.icv_bytes &&
             std::equal(icv.begin(), icv.end(), packet.end() - transform.icv_bytes,
                        [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
    });
  }

  bool Opens(const EspTransform& transform) {
    sealed_ = packets_[0];
    for (EspRequest& request : requests_) request.transform = &transform;
    crypto_.Open(requests_);
    for (unsigned i = 0; i < kCopies; ++i) {
      if (!requests_[i].authentic) return false;
      for (unsigned at = 0; at < kPlaintextBytes; ++at)
        if (Plaintext(i, transform)[at] != PlaintextByte(at)) return false;
    }
    return true;
  }

  // Each copy with one bit of its ICV wrong.
  bool Refuses(const EspTransform& transform) {
    for (unsigned i = 0; i < kCopies; ++i) {
      packets_[i] = sealed_;
      packets_[i][packets_[i].size() - 1 - i % transform.icv_bytes] ^= static_cast<uint8_t>(1 << i % 8);
      requests_[i].esp = Esp(i);
    }
    crypto_.Open(requests_);
    return std::none_of(requests_.begin(), requests_.end(), [](const EspRequest& r) { return r.authentic; });
  }

  EspCrypto& crypto_;
  std::vector<Bytes> packets_;
  std::vector<EspRequest> requests_;
  Bytes sealed_;
};

}  // namespace

std::span<const EspKnownAnswer> EspKnownAnswers() {
  return kAnswers;
}

std::vector<EspSuiteId> FailedEspSuites(EspCrypto& crypto, LegacySuites legacy,
                                        std::span<const EspKnownAnswer> answers) {
  std::vector<EspSuiteId> failed;
  Examination examination(crypto);
  for (const EspSuite& suite : EspSuites()) {
    if (suite.legacy() && legacy == LegacySuites::kRefused) continue;
    const auto answer = std::find_if(answers.begin(), answers.end(),
                                     [&](const EspKnownAnswer& each) { return each.suite == suite.id; });
    const bool known = answer != answers.end();
    if (!known || !examination.Passes(suite, absl::HexStringToBytes(std::string(answer->icv))))
      failed.push_back(suite.id);
  }
  return failed;
}

absl::Status DescribeFailedEspSuites(std::span<const EspSuiteId> failed) {
  if (failed.empty()) return absl::OkStatus();
  std::string names;
  for (const EspSuiteId id : failed)
    absl::StrAppend(&names, names.empty() ? "" : ", ", std::string(SuiteOf(id).name));
  return absl::InternalError(absl::StrCat("the self-test of ESP failed, and these suites stay off: ", names));
}

}  // namespace sluice::dataplane
