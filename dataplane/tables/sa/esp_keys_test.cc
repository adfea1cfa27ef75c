// Which suites there are, what keys they take, and that keys do not outlive their SA.
#include "dataplane/tables/sa/esp_keys.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace sluice::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes Pattern(size_t bytes, uint8_t from) {
  Bytes pattern(bytes);
  for (uint8_t& byte : pattern) byte = from++;
  return pattern;
}

MultiBuffer Library() {
  auto library = MultiBuffer::Create();
  REQUIRE(library.ok());
  return *std::move(library);
}

}  // namespace

TEST_CASE("ESP suites are found by number and by name, each its own") {
  std::set<std::string_view> names;
  for (const EspSuite& suite : EspSuites()) {
    INFO(suite.name);
    CHECK(names.insert(suite.name).second);
    CHECK(*FindEspSuite(suite.name, LegacySuites::kAllowed) == &suite);
    CHECK(*FindEspSuite(static_cast<uint8_t>(suite.id), LegacySuites::kAllowed) == &suite);
    CHECK(&SuiteOf(suite.id) == &suite);
    // Something authenticates.
    CHECK((suite.integrity != EspIntegrity::kNone || suite.cipher == EspCipher::kAesGcm ||
           suite.cipher == EspCipher::kAesGmac || suite.cipher == EspCipher::kChaCha20Poly1305));
  }
  CHECK(EspSuites().size() == 27);
}

TEST_CASE("what is no ESP suite, or one for old peers, is refused by name") {
  for (const char* name : {"des-sha1", "null", "null-none", "aes128", "aes128gcm8", "des-md5", "3des", ""}) {
    INFO(name);
    const auto found = FindEspSuite(name, LegacySuites::kAllowed);
    REQUIRE_FALSE(found.ok());
    CHECK(found.status().message() == "there is no ESP suite '" + std::string(name) + "'");
  }
  CHECK(FindEspSuite(27, LegacySuites::kAllowed).status().message() == "there is no ESP suite 27");
  CHECK_FALSE(FindEspSuite(255, LegacySuites::kAllowed).ok());
  for (const EspSuite& suite : EspSuites()) {
    const bool des3 = suite.cipher == EspCipher::kDes3Cbc;
    CHECK(FindEspSuite(suite.name, LegacySuites::kRefused).ok() == !des3);
    CHECK(FindEspSuite(static_cast<uint8_t>(suite.id), LegacySuites::kRefused).ok() == !des3);
  }
  CHECK(FindEspSuite("3des-sha1", LegacySuites::kRefused).status().message() ==
        "ESP suite '3des-sha1' is for old peers and switched off");
}

TEST_CASE("keys of another length are refused, and the message says which") {
  MultiBuffer library = Library();
  const auto keys = std::make_unique<EspKeys>();
  for (const EspSuite& suite : EspSuites()) {
    INFO(suite.name);
    const unsigned encryption = suite.key_bytes + suite.salt_bytes, integrity = suite.integrity_key_bytes;
    const auto expand = [&](size_t encryption_bytes, size_t integrity_bytes) {
      const Bytes one = Pattern(encryption_bytes, 1), two = Pattern(integrity_bytes, 100);
      return ExpandEspKeys(library, suite, EspDirection::kOutbound, true, {one, two}, *keys);
    };
    const auto good = expand(encryption, integrity);
    REQUIRE(good.ok());
    CHECK(good->keys == keys.get());
    CHECK(good->suite == suite.id);
    CHECK(good->esn == 1);
    CHECK(good->alignment == suite.alignment);
    CHECK(good->envelope_bytes() == 8u + suite.iv_bytes + suite.icv_bytes);
    if (suite.salt_bytes != 0) {
      const Bytes salt = Pattern(4, static_cast<uint8_t>(1 + suite.key_bytes));
      CHECK(std::memcmp(&good->salt, salt.data(), 4) == 0);
    }
    CHECK_FALSE(expand(encryption + 1, integrity).ok());
    CHECK_FALSE(expand(encryption, integrity + 1).ok());
    if (encryption != 0) CHECK_FALSE(expand(encryption - 1, integrity).ok());
    if (integrity != 0) CHECK_FALSE(expand(encryption, integrity - 1).ok());
  }
  const Bytes key = Pattern(20, 1);
  CHECK(
      ExpandEspKeys(library, SuiteOf(EspSuiteId::kAes256Gcm), EspDirection::kInbound, false, {key, {}}, *keys)
          .status()
          .message() == "ESP suite 'aes256gcm16': the encryption key has 20 bytes instead of 36");
}

TEST_CASE("a 3DES key that is one of single DES is refused") {
  MultiBuffer library = Library();
  const auto keys = std::make_unique<EspKeys>();
  const Bytes integrity = Pattern(20, 1);
  const auto accepted = [&](const Bytes& key) {
    return ExpandEspKeys(library, SuiteOf(EspSuiteId::kDes3CbcSha1), EspDirection::kInbound, false,
                         {key, integrity}, *keys)
        .ok();
  };
  const Bytes a = Pattern(8, 0x10), b = Pattern(8, 0x40), c = Pattern(8, 0x80);
  Bytes a_with_other_parity = a;
  a_with_other_parity[3] ^= 1;
  const auto joined = [](const Bytes& one, const Bytes& two, const Bytes& three) {
    Bytes key(24);
    std::copy(one.begin(), one.end(), key.begin());
    std::copy(two.begin(), two.end(), key.begin() + 8);
    std::copy(three.begin(), three.end(), key.begin() + 16);
    return key;
  };
  CHECK(accepted(joined(a, b, c)));
  CHECK(accepted(joined(a, b, a)));  // two keys, as some peers have it
  CHECK_FALSE(accepted(joined(a, a, c)));
  CHECK_FALSE(accepted(joined(a, b, b)));
  CHECK_FALSE(accepted(joined(a, a_with_other_parity, c)));
}

TEST_CASE("keys are wiped when their SA ends") {
  MultiBuffer library = Library();
  for (const EspSuite& suite : EspSuites()) {
    INFO(suite.name);
    alignas(EspKeys) static uint8_t memory[sizeof(EspKeys)];
    std::memset(memory, 0xff, sizeof memory);
    auto* const keys = new (memory) EspKeys;
    const Bytes encryption = Pattern(suite.key_bytes + suite.salt_bytes, 1);
    const Bytes integrity = Pattern(suite.integrity_key_bytes, 100);
    REQUIRE(
        ExpandEspKeys(library, suite, EspDirection::kInbound, false, {encryption, integrity}, *keys).ok());
    CHECK(std::count(memory, memory + sizeof memory, 0) < static_cast<std::ptrdiff_t>(sizeof memory));
    keys->~EspKeys();
    asm volatile("" ::"r"(memory) : "memory");
    CHECK(std::count(memory, memory + sizeof memory, 0) == static_cast<std::ptrdiff_t>(sizeof memory));
  }
}

}  // namespace sluice::dataplane
