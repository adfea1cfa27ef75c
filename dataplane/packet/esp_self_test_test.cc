// The known answers are OpenSSL's, and a suite that does not give its own is found.
#include "dataplane/packet/esp_self_test.h"

#include <catch2/catch.hpp>
#include <string>

#include "absl/strings/escaping.h"
#include "tests/lib/esp_oracle.h"

namespace sluice::dataplane {
namespace {

using testing::Bytes;
using testing::EspOracle;

std::string IcvByOpenSsl(const EspSuite& suite) {
  EspOracle oracle{suite, Bytes(suite.key_bytes + suite.salt_bytes), Bytes(suite.integrity_key_bytes), true};
  for (unsigned i = 0; i < oracle.encryption.size(); ++i)
    oracle.encryption[i] = esp_self_test::EncryptionKeyByte(i);
  for (unsigned i = 0; i < oracle.integrity.size(); ++i)
    oracle.integrity[i] = esp_self_test::IntegrityKeyByte(i);
  Bytes plaintext(esp_self_test::kPlaintextBytes);
  for (unsigned i = 0; i < plaintext.size(); ++i) plaintext[i] = esp_self_test::PlaintextByte(i);
  const Bytes sealed = oracle.Seal(esp_self_test::kSpi, esp_self_test::kSequence,
                                   oracle.Iv(esp_self_test::kSequence), plaintext);
  return absl::BytesToHexString(
      {reinterpret_cast<const char*>(sealed.data() + sealed.size() - suite.icv_bytes), suite.icv_bytes});
}

}  // namespace

TEST_CASE("the known answers of the self-test are OpenSSL's") {
  for (const EspSuite& suite : EspSuites()) {
    INFO(suite.name);
    unsigned found = 0;
    for (const EspKnownAnswer& answer : EspKnownAnswers()) {
      if (answer.suite != suite.id) continue;
      ++found;
      CHECK(std::string(answer.icv) == IcvByOpenSsl(suite));
    }
    CHECK(found == 1);
  }
}

TEST_CASE("every suite passes its self-test on this processor") {
  auto crypto = EspCrypto::Create();
  REQUIRE(crypto.ok());
  CHECK(FailedEspSuites(*crypto, LegacySuites::kAllowed).empty());
  CHECK(DescribeFailedEspSuites({}).ok());
}

TEST_CASE("a suite with another answer, or none, fails its self-test, and no other does") {
  auto crypto = EspCrypto::Create();
  REQUIRE(crypto.ok());
  for (const EspSuiteId id :
       {EspSuiteId::kAes128Gcm, EspSuiteId::kAes256CbcSha384, EspSuiteId::kNullSha512}) {
    INFO(SuiteOf(id).name);
    std::vector<EspKnownAnswer> answers(EspKnownAnswers().begin(), EspKnownAnswers().end());
    EspKnownAnswer& answer = answers[static_cast<size_t>(id)];
    REQUIRE(answer.suite == id);
    std::string wrong(answer.icv);
    wrong.back() = wrong.back() == '0' ? '1' : '0';
    answer.icv = wrong;
    CHECK(FailedEspSuites(*crypto, LegacySuites::kRefused, answers) == std::vector<EspSuiteId>{id});
  }
  const std::vector<EspSuiteId> modern = FailedEspSuites(*crypto, LegacySuites::kRefused, {});
  CHECK(modern.size() == EspSuites().size() - 4);
  const std::vector<EspSuiteId> all = FailedEspSuites(*crypto, LegacySuites::kAllowed, {});
  CHECK(all.size() == EspSuites().size());
  const std::string message(DescribeFailedEspSuites(all).message());
  for (const EspSuite& suite : EspSuites()) CHECK(message.find(std::string(suite.name)) != std::string::npos);
}

}  // namespace sluice::dataplane
