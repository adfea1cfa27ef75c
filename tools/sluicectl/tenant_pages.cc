// Paging of ListTenants; see tenant_pages.h.
#include "tools/sluicectl/tenant_pages.h"

#include "sluice/gateway/v1/tenant.grpc.pb.h"

namespace sluice::ctl {

namespace api = ::sluice::gateway::v1;

grpc::Status ListTenants(Session& session, const LabelSelection& labels, std::vector<api::Tenant>& tenants) {
  constexpr uint32_t kTenantsPerPage = 1000;
  api::ListTenantsRequest request;
  request.set_page_size(kTenantsPerPage);
  request.mutable_labels()->insert(labels.begin(), labels.end());
  const auto stub = session.Stub<api::TenantService>();
  do {
    grpc::ClientContext context;
    session.LimitTime(context);
    api::ListTenantsResponse page;
    if (auto s = stub->ListTenants(&context, request, &page); !s.ok()) return s;
    tenants.insert(tenants.end(), page.tenants().begin(), page.tenants().end());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return grpc::Status::OK;
}

}  // namespace sluice::ctl
