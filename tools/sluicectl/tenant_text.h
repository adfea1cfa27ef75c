// Tenants and their parts as tables and descriptions. Pure functions of API messages.
#pragma once

#include <string>
#include <vector>

#include "sluice/gateway/v1/tenant.pb.h"

namespace sluice::ctl {

namespace api = ::sluice::gateway::v1;

std::string TenantsTable(const std::vector<api::Tenant>& tenants);
// Everything about one tenant: state with reasons, connections, routes, books.
std::string TenantDescription(const api::Tenant& tenant);

std::string ConditionsTable(const google::protobuf::RepeatedPtrField<api::Condition>& conditions);
// "success", or "failure: REASON; REASON".
std::string StateText(const api::ConfigurationState& state);
// The lines that a write reports: what it did, or with a dry run would do.
std::string ConsequencesText(const google::protobuf::RepeatedPtrField<api::Consequence>& consequences);
// What a delete did, or with a dry run would do.
std::string DeletedText(const std::string& object, const api::DeleteTenantResponse& result, bool dry_run);
// "3", or "2 of 3" while the dataplane is behind.
std::string GenerationText(uint64_t observed, uint64_t wanted);
// "a, b".
std::string Joined(const google::protobuf::RepeatedPtrField<std::string>& words);
std::string LabelsText(const google::protobuf::Map<std::string, std::string>& labels);

}  // namespace sluice::ctl
