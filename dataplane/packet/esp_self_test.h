// Known answers of every ESP suite, asked for when the dataplane starts: a suite that does not
// give its answer on this processor is not used.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "dataplane/packet/esp_crypto.h"

namespace sluice::dataplane {

// The packet whose ICV is known: these keys, SPI and sequence number (extended), and a payload of
// so many bytes, whole blocks for every suite, that all loops of the ciphers run.
namespace esp_self_test {
inline constexpr uint32_t kSpi = 0x10203040;
inline constexpr uint64_t kSequence = 0x00000001'00000002;
inline constexpr uint32_t kPlaintextBytes = 1104;
constexpr uint8_t EncryptionKeyByte(unsigned i) {
  return static_cast<uint8_t>(i + 1);
}
constexpr uint8_t IntegrityKeyByte(unsigned i) {
  return static_cast<uint8_t>(0x80 + i);
}
constexpr uint8_t PlaintextByte(unsigned i) {
  return static_cast<uint8_t>(i * 7 + i / 256);
}
}  // namespace esp_self_test

struct EspKnownAnswer {
  EspSuiteId suite;
  std::string_view icv;  // in hexadecimal; it depends on every byte of the packet
};

// One for each suite, computed with OpenSSL; esp_self_test_test.cc computes them again.
std::span<const EspKnownAnswer> EspKnownAnswers();

// The suites that fail: sealed in a full burst to a packet with another ICV, not opened again to
// what it was, or opened with a wrong ICV. Empty is good. Those for old peers are asked where they
// may be used: 3DES takes tenths of a second, the others some milliseconds. Allocates.
std::vector<EspSuiteId> FailedEspSuites(EspCrypto& crypto, LegacySuites legacy,
                                        std::span<const EspKnownAnswer> answers = EspKnownAnswers());

// What the operator reads; OK if none failed.
absl::Status DescribeFailedEspSuites(std::span<const EspSuiteId> failed);

}  // namespace sluice::dataplane
