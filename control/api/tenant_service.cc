// TenantService over TenantWrites.
#include "control/api/tenant_service.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/api/refusal.h"
#include "control/api/tenant_status.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

constexpr int kPageMax = 1000;
constexpr int kPageDefault = 100;
// A page ends early rather than outgrow what gRPC clients accept.
constexpr size_t kPageBytes = size_t{3} << 19;  // 1.5 MiB, and one tenant more

bool HasLabels(const v1::TenantSpec& spec, const google::protobuf::Map<std::string, std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& each) {
    const auto found = spec.labels().find(each.first);
    return found != spec.labels().end() && found->second == each.second;
  });
}

// A page token is the name of the last tenant of the page before.
v1::ListTenantsResponse ListPage(DesiredState& state, const v1::ListTenantsRequest& request) {
  const int size = request.page_size() == 0 ? kPageDefault : std::min(request.page_size(), kPageMax);
  v1::ListTenantsResponse response;
  size_t bytes = 0;
  for (auto at = state.tenants().upper_bound(request.page_token()); at != state.tenants().end(); ++at) {
    if (!HasLabels(at->second->row.spec, request.labels())) continue;
    if (response.tenants_size() == size || bytes > kPageBytes) {
      response.set_next_page_token(response.tenants(response.tenants_size() - 1).name());
      break;
    }
    *response.add_tenants() = ShowTenant(*at->second, state, true);
    bytes += response.tenants(response.tenants_size() - 1).ByteSizeLong();
  }
  return response;
}

}  // namespace

grpc::Status TenantService::PutTenant(grpc::ServerContext* context, const v1::PutTenantRequest* request,
                                      v1::TenantWriteResult* response) {
  return OnCore(core_, response, [&, who = CallerOf(*context)] { return writes_.Put(*request, who); });
}

grpc::Status TenantService::PutConnection(grpc::ServerContext* context,
                                          const v1::PutConnectionRequest* request,
                                          v1::TenantWriteResult* response) {
  return OnCore(core_, response,
                [&, who = CallerOf(*context)] { return writes_.PutConnection(*request, who); });
}

grpc::Status TenantService::DeleteConnection(grpc::ServerContext* context,
                                             const v1::DeleteConnectionRequest* request,
                                             v1::TenantWriteResult* response) {
  return OnCore(core_, response,
                [&, who = CallerOf(*context)] { return writes_.DeleteConnection(*request, who); });
}

grpc::Status TenantService::DeleteTenant(grpc::ServerContext* context, const v1::DeleteTenantRequest* request,
                                         v1::DeleteTenantResponse* response) {
  return OnCore(core_, response, [&, who = CallerOf(*context)] { return writes_.Delete(*request, who); });
}

grpc::Status TenantService::GetTenant(grpc::ServerContext*, const v1::GetTenantRequest* request,
                                      v1::Tenant* response) {
  return OnCore(core_, response, [&]() -> absl::StatusOr<v1::Tenant> {
    const std::string name = LabelOf("tenants", request->tenant());
    TenantRecord* record = core_.state.Find(name);
    if (record == nullptr) return NoSuchTenant(name);
    return ShowTenant(*record, core_.state, true);
  });
}

grpc::Status TenantService::ListTenants(grpc::ServerContext*, const v1::ListTenantsRequest* request,
                                        v1::ListTenantsResponse* response) {
  if (request->page_size() < 0)
    return ToGrpc(
        InvalidField("page_size", absl::StrCat(request->page_size(), "; accepted: 0 to ", kPageMax)));
  return OnCore(core_, response,
                [&]() -> absl::StatusOr<v1::ListTenantsResponse> { return ListPage(core_.state, *request); });
}

}  // namespace sluice::api
