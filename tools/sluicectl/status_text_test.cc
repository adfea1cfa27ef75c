// What a person reads when a call fails, and what a script sees.
#include "tools/sluicectl/status_text.h"

#include <catch2/catch.hpp>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tools/sluicectl/exit_code.h"

namespace sluice::ctl {
namespace {

grpc::Status WithDetail(grpc::StatusCode code, const std::string& message,
                        const google::protobuf::Message& detail) {
  google::rpc::Status status;
  status.add_details()->PackFrom(detail);
  return grpc::Status(code, message, status.SerializeAsString());
}

}  // namespace

TEST_CASE("a refusal is one line and a line per field") {
  google::rpc::BadRequest detail;
  auto* first = detail.add_field_violations();
  first->set_field("spec.connections[0].l3.vlan");
  first->set_description("5000 is no VLAN; 1 to 4094 are");
  auto* second = detail.add_field_violations();
  second->set_field("spec.connections[0].l3.port");
  second->set_description("no port 'eth9'\nports are: port0");
  const auto status = WithDetail(grpc::StatusCode::INVALID_ARGUMENT, "tenant contoso: 2 fields", detail);

  CHECK(StatusText(status, "unix:/run/x") ==
        "sluicectl: invalid: tenant contoso: 2 fields\n"
        "  spec.connections[0].l3.vlan: 5000 is no VLAN; 1 to 4094 are\n"
        "  spec.connections[0].l3.port: no port 'eth9' ports are: port0\n");
}

TEST_CASE("a limit is named with its figures") {
  google::rpc::QuotaFailure detail;
  auto* violation = detail.add_violations();
  violation->set_subject("connections_per_tenant");
  violation->set_description("65 wanted, 64 allowed");
  const auto status = WithDetail(grpc::StatusCode::RESOURCE_EXHAUSTED, "tenant contoso", detail);

  CHECK(StatusText(status, "") ==
        "sluicectl: limit reached: tenant contoso\n"
        "  connections_per_tenant: 65 wanted, 64 allowed\n");
}

TEST_CASE("what the message says already is not said again") {
  google::rpc::BadRequest detail;
  auto* only = detail.add_field_violations();
  only->set_field("spec.connections[0].l3.vlan");
  only->set_description("VLAN 5000; accepted: 1 to 4094");
  const std::string message = "tenants/x: spec.connections[0].l3.vlan: VLAN 5000; accepted: 1 to 4094";
  CHECK(StatusText(WithDetail(grpc::StatusCode::INVALID_ARGUMENT, message, detail), "") ==
        "sluicectl: invalid: " + message + "\n");
  auto* other = detail.add_field_violations();
  other->set_field("spec.connections[0].mtu");
  other->set_description("9 bytes; accepted: 576 to 9000");
  CHECK(StatusText(WithDetail(grpc::StatusCode::INVALID_ARGUMENT, message + " (and 1 more)", detail), "") ==
        "sluicectl: invalid: " + message +
            " (and 1 more)\n"
            "  spec.connections[0].mtu: 9 bytes; accepted: 576 to 9000\n");
}

TEST_CASE("a gateway that does not answer is named") {
  const grpc::Status status(grpc::StatusCode::UNAVAILABLE, "connect failed");
  CHECK(StatusText(status, "unix:/run/x") == "sluicectl: unix:/run/x: unavailable: connect failed\n");
}

TEST_CASE("who does not answer is told with what to do, not with gRPC's words") {
  const auto said = [](const std::string& server, const std::string& words) {
    return StatusText({grpc::StatusCode::UNAVAILABLE, words}, server);
  };
  CHECK(said("unix:/run/x",
             "failed to connect to all addresses; last error: UNKNOWN: No such file or directory") ==
        "sluicectl: no sluice-gateway answers at unix:/run/x: there is no such socket: is sluice-gateway "
        "running? systemctl status sluice-gateway; another socket is named with --server\n");
  struct Row {
    const char* words;
    const char* told;
  };
  const Row rows[] = {
      {"failed to connect to all addresses; last error: UNKNOWN: ipv4:192.0.2.1:9440: Failed to connect to "
       "remote host: Connection refused",
       "nobody listens there"},
      {"failed to connect to all addresses; last error: UNKNOWN: Ssl handshake failed: SSL_ERROR_SSL: "
       "error:0A000086:SSL routines::certificate verify failed",
       "not signed by an authority of --tls-ca"},
      {"failed to connect to all addresses; last error: UNKNOWN: Peer name gw is not in peer certificate",
       "--tls-name"},
      {"Socket closed", "clientCaFile"},
      {"failed to connect to all addresses; last error: UNAVAILABLE: ipv4:192.0.2.1:9440: Endpoint read "
       "failed",
       "clientCaFile"},
      {"empty address list: ", "--tls-key"},
  };
  for (const Row& row : rows) {
    INFO(row.words);
    CHECK(said("gw:9440", row.words).find(row.told) != std::string::npos);
    CHECK(said("gw:9440", row.words).rfind("sluicectl: no sluice-gateway answers at gw:9440: ", 0) == 0);
  }
  CHECK(said("gw:9440", "the gateway is shutting down").find("shutting down") != std::string::npos);
}

TEST_CASE("what the API calls by its fields, sluicectl calls by its options") {
  CHECK(OptionWords("managed by a, you are b; set break_glass to write all the same") ==
        "managed by a, you are b; --break-glass writes all the same");
  CHECK(OptionWords("version 6 is not above 7, which is stored; set overwrite to go back") ==
        "version 6 is not above 7, which is stored; --overwrite goes back");
  CHECK(OptionWords("it exists; give its etag, or set overwrite") ==
        "it exists; give its etag, or leave --create-only out");
}

TEST_CASE("details that are no google.rpc.Status are ignored") {
  const grpc::Status status(grpc::StatusCode::NOT_FOUND, "no tenant 'x'", "\xff\xff\xff");
  CHECK(StatusText(status, "") == "sluicectl: not found: no tenant 'x'\n");
}

TEST_CASE("exit codes tell refusal, absence and silence apart") {
  CHECK(ExitCodeOf(grpc::StatusCode::OK) == 0);
  CHECK(ExitCodeOf(grpc::StatusCode::INTERNAL) == 1);
  CHECK(ExitCodeOf(grpc::StatusCode::NOT_FOUND) == 3);
  CHECK(ExitCodeOf(grpc::StatusCode::INVALID_ARGUMENT) == 4);
  CHECK(ExitCodeOf(grpc::StatusCode::RESOURCE_EXHAUSTED) == 4);
  CHECK(ExitCodeOf(grpc::StatusCode::UNIMPLEMENTED) == 5);
  CHECK(ExitCodeOf(grpc::StatusCode::UNAVAILABLE) == 6);
}

}  // namespace sluice::ctl
