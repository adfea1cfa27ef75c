// gRPC TenantService: takes a request to the core thread and its answer back.
#pragma once

#include "control/api/call.h"
#include "control/api/tenant_writes.h"
#include "sluice/gateway/v1/tenant.grpc.pb.h"

namespace sluice::api {

// Called from gRPC's threads, several at once.
class TenantService final : public gateway::v1::TenantService::Service {
 public:
  explicit TenantService(Core core) : core_(core), writes_(core.state) {}

  grpc::Status PutTenant(grpc::ServerContext* context, const gateway::v1::PutTenantRequest* request,
                         gateway::v1::TenantWriteResult* response) override;
  grpc::Status PutConnection(grpc::ServerContext* context, const gateway::v1::PutConnectionRequest* request,
                             gateway::v1::TenantWriteResult* response) override;
  grpc::Status DeleteConnection(grpc::ServerContext* context,
                                const gateway::v1::DeleteConnectionRequest* request,
                                gateway::v1::TenantWriteResult* response) override;
  grpc::Status GetTenant(grpc::ServerContext* context, const gateway::v1::GetTenantRequest* request,
                         gateway::v1::Tenant* response) override;
  grpc::Status ListTenants(grpc::ServerContext* context, const gateway::v1::ListTenantsRequest* request,
                           gateway::v1::ListTenantsResponse* response) override;
  grpc::Status DeleteTenant(grpc::ServerContext* context, const gateway::v1::DeleteTenantRequest* request,
                            gateway::v1::DeleteTenantResponse* response) override;

  // What is not there yet is refused by its name.
  grpc::Status PutBgpPeer(grpc::ServerContext*, const gateway::v1::PutBgpPeerRequest*,
                          gateway::v1::TenantWriteResult*) override {
    return NotThereYet("BGP peers");
  }
  grpc::Status DeleteBgpPeer(grpc::ServerContext*, const gateway::v1::DeleteBgpPeerRequest*,
                             gateway::v1::TenantWriteResult*) override {
    return NotThereYet("BGP peers");
  }
  grpc::Status PutPolicyMap(grpc::ServerContext*, const gateway::v1::PutPolicyMapRequest*,
                            gateway::v1::TenantWriteResult*) override {
    return NotThereYet("BGP policy maps");
  }
  grpc::Status DeletePolicyMap(grpc::ServerContext*, const gateway::v1::DeletePolicyMapRequest*,
                               gateway::v1::TenantWriteResult*) override {
    return NotThereYet("BGP policy maps");
  }
  grpc::Status ResetConnection(grpc::ServerContext*, const gateway::v1::ResetConnectionRequest*,
                               gateway::v1::ResetConnectionResponse*) override {
    return NotThereYet("resets of L3 connections");
  }
  grpc::Status ResetPeer(grpc::ServerContext*, const gateway::v1::ResetPeerRequest*,
                         gateway::v1::ResetPeerResponse*) override {
    return NotThereYet("BGP peers");
  }
  grpc::Status RefreshPeer(grpc::ServerContext*, const gateway::v1::RefreshPeerRequest*,
                           gateway::v1::RefreshPeerResponse*) override {
    return NotThereYet("BGP peers");
  }
  grpc::Status DrainTenant(grpc::ServerContext*, const gateway::v1::DrainTenantRequest*,
                           gateway::v1::DrainTenantResponse*) override {
    return NotThereYet("drains of tenants");
  }

 private:
  Core core_;
  TenantWrites writes_;  // core thread only
};

}  // namespace sluice::api
