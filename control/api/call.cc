// Identity and status mapping.
#include "control/api/call.h"

#include <grpc/grpc_security_constants.h>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/status.pb.h"

namespace sluice::api {
namespace {

std::string First(const grpc::AuthContext& context, const char* property) {
  for (const grpc::string_ref& value : context.FindPropertyValues(property))
    if (!value.empty()) return std::string(value.data(), value.size());
  return {};
}

}  // namespace

std::string CallerOf(const grpc::ServerContext& context) {
  const auto auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return "local";
  for (const char* property :
       {GRPC_PEER_URI_PROPERTY_NAME, GRPC_PEER_DNS_PROPERTY_NAME, GRPC_X509_CN_PROPERTY_NAME})
    if (std::string name = First(*auth, property); !name.empty()) return name;
  return "local";
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
