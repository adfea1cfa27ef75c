// gRPC MappingService.
#pragma once

#include "control/api/call.h"
#include "control/api/mapping_stream.h"
#include "control/api/mapping_writes.h"
#include "control/api/seats.h"
#include "sluice/gateway/v1/virtual_network.grpc.pb.h"

namespace sluice::api {

// Called from gRPC's threads, several at once.
class MappingService final : public gateway::v1::MappingService::Service {
 public:
  explicit MappingService(Core core) : core_(core), writes_(core.state) {}

  grpc::Status ReplaceMappings(grpc::ServerContext* context,
                               grpc::ServerReader<gateway::v1::ReplaceMappingsRequest>* reader,
                               gateway::v1::MappingsResult* response) override;
  grpc::Status UpdateMappings(grpc::ServerContext* context,
                              grpc::ServerReader<gateway::v1::UpdateMappingsRequest>* reader,
                              gateway::v1::MappingsResult* response) override;
  grpc::Status ListMappings(grpc::ServerContext* context, const gateway::v1::ListMappingsRequest* request,
                            grpc::ServerWriter<gateway::v1::ListMappingsResponse>* writer) override;

  // Has what no virtual network names any more deleted, portion by portion. Any thread.
  void CollectLater();

 private:
  absl::StatusOr<MappingTerms> Begin(const gateway::v1::MappingsHeader& header, bool replace,
                                     const std::string& who);
  absl::Status Refuse(const gateway::v1::MappingsHeader& header, bool replace, const std::string& who,
                      absl::Status refusal);
  absl::StatusOr<gateway::v1::MappingsResult> StoreReplace(const gateway::v1::MappingsHeader& header,
                                                           const MappingTerms& terms,
                                                           tenant::MappingSet mappings,
                                                           const std::string& who);
  absl::Status FillSet(int64_t set, const tenant::MappingSet& mappings);
  void FeedAll(const MappingTerms& terms, gateway::v1::MappingsResult& result);

  Core core_;
  MappingWrites writes_;  // core thread only
  Seats seats_{"mapping-streams", 4};
};

}  // namespace sluice::api
