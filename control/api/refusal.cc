// Building of refusals.
#include "control/api/refusal.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "proto/net/check.h"

namespace sluice::api {
namespace {

using tenant::Fault;
using tenant::Finding;
using tenant::Findings;

void Attach(absl::Status& status, const google::protobuf::Message& detail) {
  status.SetPayload(absl::StrCat("type.googleapis.com/", detail.GetDescriptor()->full_name()),
                    absl::Cord(detail.SerializeAsString()));
}

bool Has(const Findings& findings, Fault fault) {
  return std::any_of(findings.list().begin(), findings.list().end(),
                     [&](const Finding& each) { return each.fault == fault; });
}

absl::StatusCode CodeOf(const Findings& findings) {
  if (Has(findings, Fault::kInvalid)) return absl::StatusCode::kInvalidArgument;
  if (Has(findings, Fault::kLimit)) return absl::StatusCode::kResourceExhausted;
  return absl::StatusCode::kUnimplemented;
}

std::string MessageOf(const Findings& findings) {
  const Finding& first = findings.list().front();
  std::string message = absl::StrCat(first.object, first.object.empty() ? "" : ": ", first.field,
                                     first.field.empty() ? "" : ": ", first.description);
  if (findings.count() > 1) absl::StrAppend(&message, " (and ", findings.count() - 1, " more)");
  return message;
}

}  // namespace

absl::Status RefusalOf(const Findings& findings) {
  SLUICE_CHECK(!findings.empty());
  absl::Status status(CodeOf(findings), MessageOf(findings));
  google::rpc::BadRequest request;
  google::rpc::QuotaFailure quota;
  for (const Finding& finding : findings.list()) {
    auto& violation = *request.add_field_violations();
    violation.set_field(finding.field);
    violation.set_description(finding.description);
    if (finding.fault != Fault::kLimit) continue;
    auto& limit = *quota.add_violations();
    limit.set_subject(finding.limit);
    limit.set_description(finding.description);
  }
  Attach(status, request);
  if (!quota.violations().empty()) Attach(status, quota);
  return status;
}

absl::Status InvalidField(std::string_view field, std::string description) {
  Findings findings;
  findings.Invalid({std::string(field), ""}, std::move(description));
  return RefusalOf(findings);
}

absl::Status PreconditionFailed(std::string_view type, std::string_view subject, std::string description) {
  absl::Status status = absl::FailedPreconditionError(absl::StrCat(std::string(subject), ": ", description));
  google::rpc::PreconditionFailure failure;
  auto& violation = *failure.add_violations();
  violation.set_type(std::string(type));
  violation.set_subject(std::string(subject));
  violation.set_description(std::move(description));
  Attach(status, failure);
  return status;
}

absl::Status NoSuchTenant(std::string_view tenant) {
  return absl::NotFoundError(absl::StrCat("there is no tenant ", std::string(tenant)));
}

absl::Status NoSuchConnection(std::string_view tenant, std::string_view connection) {
  return absl::NotFoundError(
      absl::StrCat("there is no connection ", std::string(connection), " of tenant ", std::string(tenant)));
}

absl::Status LimitReached(std::string_view limit, std::string description) {
  absl::Status status = absl::ResourceExhaustedError(description);
  google::rpc::QuotaFailure failure;
  auto& violation = *failure.add_violations();
  violation.set_subject(std::string(limit));
  violation.set_description(std::move(description));
  Attach(status, failure);
  return status;
}

}  // namespace sluice::api
