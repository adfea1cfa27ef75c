// Seals secrets with AES-256-GCM under a key that lives in a file of its own, so
// that a copy of the database alone gives nothing away.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sluice::store {

class Sealing {
 public:
  static constexpr size_t kKeyBytes = 32;

  // Reads the key. A file others may read is refused; NOT_FOUND when there is none.
  static absl::StatusOr<Sealing> Open(const std::string& key_file);
  // The same, but makes the key from the system's randomness, mode 0600, when the file is absent.
  static absl::StatusOr<Sealing> OpenOrCreate(const std::string& key_file);
  explicit Sealing(const std::array<uint8_t, kKeyBytes>& key) : key_(key) {}
  Sealing(const Sealing&) = default;
  Sealing& operator=(const Sealing&) = default;
  ~Sealing();

  // nonce | ciphertext | tag. `bound_to` (the secret's place) is authenticated and
  // not stored: a sealed secret cannot be moved to another place.
  std::string Seal(std::string_view secret, std::string_view bound_to) const;
  // Absent when key, place or bytes are not the ones it was sealed with.
  std::optional<std::string> Unseal(std::string_view sealed, std::string_view bound_to) const;

 private:
  std::array<uint8_t, kKeyBytes> key_;
};

}  // namespace sluice::store
