// Reading by OpenSSL, as gRPC will.
#include "control/api/tls_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::api {
namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;
using Certificate = std::unique_ptr<X509, FreeCertificate>;
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

// A field of listen_tcp and the file that it names.
struct Source {
  const char* field;
  const std::string& path;

  absl::Status Wrong(std::string_view why) const {
    return absl::InvalidArgumentError(
        absl::StrCat("listen_tcp.", field, ": ", path.empty() ? "\"\"" : path, ": ", std::string(why)));
  }
};

absl::StatusOr<std::string> Read(const Source& source) {
  std::ifstream file(source.path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) return source.Wrong("cannot be read, or is empty");
  return text.str();
}

// A wrong password would otherwise be asked for on the terminal.
int NoPassword(char*, int, int, void*) {
  return -1;
}

Bio Open(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The first certificate; all that follow parse as well.
absl::StatusOr<Certificate> ParseCertificates(const Source& source, const std::string& text) {
  const Bio bio = Open(text);
  Certificate first(PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr));
  if (first == nullptr) {
    ERR_clear_error();
    return source.Wrong("is no certificate in PEM form");
  }
  while (const Certificate next{PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr)}) {
  }
  const unsigned long error = ERR_peek_last_error();  // NOLINT: OpenSSL's own type
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!at_end) return source.Wrong("has a certificate behind the first that is not in PEM form");
  return first;
}

absl::StatusOr<Key> ParseKey(const Source& source, const std::string& text) {
  const Bio bio = Open(text);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  ERR_clear_error();
  if (key == nullptr) return source.Wrong("is no private key in PEM form without a password");
  return key;
}

}  // namespace

absl::StatusOr<TlsFiles> ReadTlsFiles(const gateway::v1::TcpListener& listener) {
  const Source ca{"client_ca_file", listener.client_ca_file()};
  const Source certificate{"certificate_file", listener.certificate_file()};
  const Source key{"key_file", listener.key_file()};
  TlsFiles files;
  for (const auto& [source, text] :
       {std::pair{&ca, &files.client_ca}, std::pair{&certificate, &files.certificate},
        std::pair{&key, &files.key}}) {
    auto read = Read(*source);
    if (!read.ok()) return read.status();
    *text = *std::move(read);
  }
  if (const auto parsed = ParseCertificates(ca, files.client_ca); !parsed.ok()) return parsed.status();
  const auto ours = ParseCertificates(certificate, files.certificate);
  if (!ours.ok()) return ours.status();
  const auto parsed_key = ParseKey(key, files.key);
  if (!parsed_key.ok()) return parsed_key.status();
  const bool fits = X509_check_private_key(ours->get(), parsed_key->get()) == 1;
  ERR_clear_error();
  if (!fits) return key.Wrong(absl::StrCat("is not the key of the certificate in ", certificate.path));
  return files;
}

}  // namespace sluice::api
