// ESP by another implementation of the ciphers (OpenSSL), slow and plain, to compare ours with.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/tables/sa/esp_keys.h"

namespace sluice::testing {

using Bytes = std::vector<uint8_t>;

struct EspOracle {
  const dataplane::EspSuite& suite;
  Bytes encryption;  // key and salt
  Bytes integrity;
  bool esn = false;

  // The whole packet, SPI to ICV. `plaintext` has its padding and trailer; `iv` suite.iv_bytes.
  Bytes Seal(uint32_t spi, uint64_t sequence, std::span<const uint8_t> iv,
             std::span<const uint8_t> plaintext) const;
  // The IV that a sender takes who has nothing but the sequence number: the number itself, or of
  // CBC the number encrypted under the key (NIST SP 800-38A appendix C).
  Bytes Iv(uint64_t sequence) const;

  // With keys of some pattern.
  static EspOracle WithSomeKeys(const dataplane::EspSuite& suite, uint8_t seed, bool esn);
  dataplane::EspKeyMaterial material() const { return {encryption, integrity}; }
};

}  // namespace sluice::testing
