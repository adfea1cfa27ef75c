// AES-256-GCM by OpenSSL, random 96-bit nonces (NIST SP 800-38D section 8.2.2).
#include "control/store/sealing.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "proto/net/check.h"

namespace sluice::store {
namespace {

constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}
uint8_t* Bytes(std::string& text) {
  return reinterpret_cast<uint8_t*>(text.data());
}

absl::Status FileError(const std::string& path) {
  return absl::UnavailableError(absl::StrCat("key file ", path, ": ", std::strerror(errno)));
}

// The whole key reaches the disk under its name at once, so that a crash never
// leaves half a key.
absl::Status CreateKey(const std::string& path) {
  std::array<uint8_t, Sealing::kKeyBytes> key;
  SLUICE_CHECK(RAND_priv_bytes(key.data(), key.size()) == 1);
  const std::string fresh = path + ".new";
  unlink(fresh.c_str());
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return FileError(path);
  const bool written = write(fd, key.data(), key.size()) == static_cast<ssize_t>(key.size()) &&
                       fsync(fd) == 0 && rename(fresh.c_str(), path.c_str()) == 0;
  OPENSSL_cleanse(key.data(), key.size());
  const absl::Status status = written ? absl::OkStatus() : FileError(path);
  close(fd);
  if (!written) unlink(fresh.c_str());
  return status;
}

}  // namespace

Sealing::~Sealing() {
  OPENSSL_cleanse(key_.data(), key_.size());
}

absl::StatusOr<Sealing> Sealing::Open(const std::string& key_file) {
  const int fd = open(key_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 && errno == ENOENT)
    return absl::NotFoundError(absl::StrCat("key file ", key_file, " is not there"));
  if (fd < 0) return FileError(key_file);
  struct stat facts {};
  std::array<uint8_t, kKeyBytes> key{};
  const bool looked = fstat(fd, &facts) == 0;
  const ssize_t got = read(fd, key.data(), key.size());
  close(fd);
  if (!looked) return FileError(key_file);
  if ((facts.st_mode & 077) != 0)
    return absl::PermissionDeniedError(
        absl::StrCat("key file ", key_file, " is open to others; accepted: mode 0600"));
  if (got != static_cast<ssize_t>(kKeyBytes) || facts.st_size != static_cast<off_t>(kKeyBytes))
    return absl::InvalidArgumentError(absl::StrCat("key file ", key_file, " does not hold exactly 32 bytes"));
  Sealing sealing(key);
  OPENSSL_cleanse(key.data(), key.size());
  return sealing;
}

absl::StatusOr<Sealing> Sealing::OpenOrCreate(const std::string& key_file) {
  auto sealing = Open(key_file);
  if (!absl::IsNotFound(sealing.status())) return sealing;
  if (absl::Status created = CreateKey(key_file); !created.ok()) return created;
  return Open(key_file);
}

std::string Sealing::Seal(std::string_view secret, std::string_view bound_to) const {
  std::string sealed(kNonceBytes + secret.size() + kTagBytes, '\0');
  uint8_t* nonce = Bytes(sealed);
  uint8_t* body = nonce + kNonceBytes;
  SLUICE_CHECK(RAND_bytes(nonce, kNonceBytes) == 1);
  Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int length = 0;
  SLUICE_CHECK(
      cipher != nullptr &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key_.data(), nonce) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &length, Bytes(bound_to), static_cast<int>(bound_to.size())) ==
          1 &&
      EVP_EncryptUpdate(cipher.get(), body, &length, Bytes(secret), static_cast<int>(secret.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), body + length, &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, body + secret.size()) == 1);
  return sealed;
}

std::optional<std::string> Sealing::Unseal(std::string_view sealed, std::string_view bound_to) const {
  if (sealed.size() < kNonceBytes + kTagBytes) return std::nullopt;
  const std::string_view body = sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  std::string secret(body.size(), '\0');
  Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int length = 0;
  SLUICE_CHECK(
      cipher != nullptr &&
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key_.data(), Bytes(sealed)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &length, Bytes(bound_to), static_cast<int>(bound_to.size())) ==
          1 &&
      EVP_DecryptUpdate(cipher.get(), Bytes(secret), &length, Bytes(body), static_cast<int>(body.size())) ==
          1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1);
  if (EVP_DecryptFinal_ex(cipher.get(), Bytes(secret) + length, &length) != 1) {
    OPENSSL_cleanse(secret.data(), secret.size());
    return std::nullopt;
  }
  return secret;
}

}  // namespace sluice::store
