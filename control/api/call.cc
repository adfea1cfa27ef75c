// Identity and status mapping.
#include "control/api/call.h"

#include <grpc/grpc_security_constants.h>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/status.pb.h"
#include "proto/net/check.h"

namespace sluice::api {
namespace {

std::string First(const grpc::AuthContext& context, const char* property) {
  for (const grpc::string_ref& value : context.FindPropertyValues(property))
    if (!value.empty()) return std::string(value.data(), value.size());
  return {};
}

}  // namespace

absl::StatusOr<std::string> CertificateName(const grpc::AuthContext& context) {
  for (const char* property :
       {GRPC_PEER_URI_PROPERTY_NAME, GRPC_PEER_DNS_PROPERTY_NAME, GRPC_X509_CN_PROPERTY_NAME}) {
    std::string name = First(context, property);
    if (name.empty()) continue;
    if (name != kLocalCaller) return name;
    return absl::UnauthenticatedError(
        absl::StrCat("the client certificate's name is \"", kLocalCaller, "\", which is the Unix socket's"));
  }
  return absl::UnauthenticatedError(
      "the client certificate names nobody; accepted: a URI name, a DNS name or a common name");
}

std::string CallerOf(const grpc::ServerContext& context) {
  const auto auth = context.auth_context();
  const bool over_tls = auth != nullptr && First(*auth, GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME) ==
                                               GRPC_SSL_TRANSPORT_SECURITY_TYPE;
  if (!over_tls) return kLocalCaller;
  const auto name = CertificateName(*auth);
  SLUICE_CHECK(name.ok());  // the listener lets no other one in
  return *name;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(std::string(status.message()));
  status.ForEachPayload([&](absl::string_view type, const absl::Cord& payload) {
    auto& detail = *details.add_details();
    detail.set_type_url(std::string(type));
    detail.set_value(std::string(payload));
  });
  // The codes of absl and gRPC are the same numbers.
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
          details.details().empty() ? std::string() : details.SerializeAsString()};
}

grpc::Status NotThereYet(const std::string& what) {
  return {grpc::StatusCode::UNIMPLEMENTED, absl::StrCat(what, " are not implemented in this version")};
}

}  // namespace sluice::api
