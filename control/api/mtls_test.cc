// TCP is served to clients with a certificate of our authority only, and the
// certificate's name is who they are.
#include <arpa/inet.h>
#include <grpcpp/create_channel.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "control/api/api_rig.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

// Keys and certificates of a test: an authority, a server, a client, and a
// client of another authority.
struct Certificates {
  Certificates() {
    std::string pattern = std::filesystem::temp_directory_path() / "sluice-tls-XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    directory = pattern;
    Authority("ca");
    Authority("other");
    Leaf("server", "ca", "IP:127.0.0.1");
    Leaf("client", "ca", "URI:spiffe://example.com/controller");
    Leaf("stranger", "other", "URI:spiffe://example.com/controller");
    Leaf("nameless", "ca", "IP:127.0.0.1", "/O=Contoso");
    Leaf("local", "ca", "IP:127.0.0.1");
    Leaf("dns_local", "ca", "DNS:local", "/CN=controller");
  }
  ~Certificates() { std::filesystem::remove_all(directory); }

  std::string Path(const std::string& name) const { return directory / name; }
  std::string Read(const std::string& name) const {
    std::ifstream file(Path(name));
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::filesystem::path directory;

 private:
  void Run(const std::string& arguments) const {
    INFO(arguments);
    REQUIRE(std::system(absl::StrCat("cd ", directory.string(), " && openssl ", arguments, " >/dev/null 2>&1")
                            .c_str()) == 0);
  }
  void Authority(const std::string& name) const {
    Run(absl::StrCat("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=", name,
                     " -keyout ", name, ".key -out ", name, ".crt"));
  }
  void Leaf(const std::string& name, const std::string& authority, const std::string& alternative,
            const std::string& subject = "") const {
    std::ofstream(Path(name + ".ext")) << "subjectAltName=" << alternative << "\n";
    Run(absl::StrCat("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj ",
                     subject.empty() ? "/CN=" + name : subject, " -keyout ", name, ".key -out ", name,
                     ".csr"));
    Run(absl::StrCat("x509 -req -days 2 -in ", name, ".csr -CA ", authority, ".crt -CAkey ", authority,
                     ".key -CAcreateserial -extfile ", name, ".ext -out ", name, ".crt"));
  }
};

uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  close(fd);
  return ntohs(address.sin_port);
}

grpc::Status PutOver(const std::shared_ptr<grpc::Channel>& channel, v1::TenantWriteResult& result) {
  v1::TenantService::Stub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_seconds(10, GPR_TIMESPAN)));
  v1::PutTenantRequest request;
  request.mutable_tenant()->set_name("contoso");
  return stub.PutTenant(&context, request, &result);
}

TEST_CASE("over TCP the client's certificate is required, and names the manager") {
  const Certificates certificates;
  const std::string address = absl::StrCat("127.0.0.1:", FreePort());
  v1::GatewayConfig config;
  config.mutable_listen_tcp()->set_address(address);
  config.mutable_listen_tcp()->set_client_ca_file(certificates.Path("ca.crt"));
  config.mutable_listen_tcp()->set_certificate_file(certificates.Path("server.crt"));
  config.mutable_listen_tcp()->set_key_file(certificates.Path("server.key"));
  Rig rig(config);
  const auto channel = [&](const std::string& client) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = certificates.Read("ca.crt");
    if (!client.empty()) {
      options.pem_cert_chain = certificates.Read(client + ".crt");
      options.pem_private_key = certificates.Read(client + ".key");
    }
    return grpc::CreateChannel(address, grpc::SslCredentials(options));
  };
  v1::TenantWriteResult result;
  CHECK(PutOver(channel(""), result).error_code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(PutOver(channel("stranger"), result).error_code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(PutOver(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()), result).error_code() ==
        grpc::StatusCode::UNAVAILABLE);
  // A trusted certificate without a name of its own is not the local user, nor anybody.
  for (const char* unnamed : {"nameless", "local", "dns_local"}) {
    INFO(unnamed);
    const grpc::Status refused = PutOver(channel(unnamed), result);
    CHECK(refused.error_code() == grpc::StatusCode::UNAUTHENTICATED);
    CHECK_THAT(refused.error_message(), Catch::Contains("client certificate"));
  }
  CHECK(rig.GetStatus("contoso").error_code() == grpc::StatusCode::NOT_FOUND);
  const grpc::Status accepted = PutOver(channel("client"), result);
  INFO(accepted.error_message());
  REQUIRE(accepted.ok());
  CHECK(result.tenant().status().manager() == "spiffe://example.com/controller");
  // On the Unix socket one is somebody else.
  CHECK(rig.Put("contoso", kLa, result, result.tenant().etag()).error_code() ==
        grpc::StatusCode::PERMISSION_DENIED);
}

TEST_CASE("a listener whose files are wrong is refused with field, file and what is wrong") {
  const Certificates certificates;
  Rig rig;
  const auto refusal = [&](const char* ca, const char* certificate, const char* key) {
    v1::GatewayConfig config;
    config.set_listen_unix("");
    config.mutable_listen_tcp()->set_address("127.0.0.1:1");
    config.mutable_listen_tcp()->set_client_ca_file(certificates.Path(ca));
    config.mutable_listen_tcp()->set_certificate_file(certificates.Path(certificate));
    config.mutable_listen_tcp()->set_key_file(certificates.Path(key));
    const auto status = rig.TryStart(config);
    CHECK_FALSE(status.ok());
    return std::string(status.message());
  };
  std::ofstream(certificates.Path("chain.crt"))
      << certificates.Read("server.crt") << "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  CHECK(refusal("nothing.crt", "server.crt", "server.key") ==
        absl::StrCat("listen_tcp.client_ca_file: ", certificates.Path("nothing.crt"),
                     ": cannot be read, or is empty"));
  CHECK_THAT(refusal("ca.key", "server.crt", "server.key"),
             Catch::Contains("listen_tcp.client_ca_file: ") && Catch::Contains("ca.key: is no certificate"));
  CHECK_THAT(
      refusal("ca.crt", "server.key", "server.key"),
      Catch::Contains("listen_tcp.certificate_file: ") && Catch::Contains("server.key: is no certificate"));
  CHECK_THAT(refusal("ca.crt", "chain.crt", "server.key"),
             Catch::Contains("listen_tcp.certificate_file: ") && Catch::Contains("behind the first"));
  CHECK_THAT(refusal("ca.crt", "server.crt", "server.crt"),
             Catch::Contains("listen_tcp.key_file: ") && Catch::Contains("server.crt: is no private key"));
  CHECK(refusal("ca.crt", "server.crt", "client.key") ==
        absl::StrCat("listen_tcp.key_file: ", certificates.Path("client.key"),
                     ": is not the key of the certificate in ", certificates.Path("server.crt")));
}

}  // namespace
}  // namespace sluice::api
