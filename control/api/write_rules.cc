// Rules and audit of writes.
#include "control/api/write_rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/api/refusal.h"
#include "control/api/tenant_status.h"
#include "control/store/audit_rows.h"

namespace sluice::api {
namespace {

store::AuditRow RowOf(const DesiredState& state, const AuditEntry& entry, std::string result) {
  // A write of a thousand connections is one event of a bounded size.
  constexpr size_t kChangesMax = 200;
  store::AuditRow row;
  row.time_us = state.now_us();
  row.who = entry.who;
  row.method = entry.method;
  row.object = entry.object;
  row.tenant = entry.tenant;
  row.changes.assign(entry.changes.begin(), entry.changes.begin() + static_cast<ptrdiff_t>(std::min(
                                                                        entry.changes.size(), kChangesMax)));
  if (entry.changes.size() > kChangesMax)
    row.changes.push_back(absl::StrCat("and ", entry.changes.size() - kChangesMax, " more"));
  row.result = std::move(result);
  row.break_glass = entry.break_glass;
  return row;
}

}  // namespace

std::string LabelOf(std::string_view list, std::string_view name) {
  const std::string prefix = absl::StrCat(std::string(list), "/");
  const size_t at = name.rfind(prefix);
  const bool is_resource = at != std::string_view::npos && (at == 0 || name[at - 1] == '/');
  return std::string(is_resource ? name.substr(at + prefix.size()) : name);
}

absl::Status CheckManager(const TenantRecord& record, const gateway::v1::WriteOptions& options,
                          const std::string& who) {
  if (record.row.manager == who || options.break_glass()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("tenants/", record.row.name, " is managed by ",
                                                  record.row.manager, ", you are ", who,
                                                  "; set break_glass to write all the same"));
}

absl::Status CheckEtag(const TenantRecord* record, const std::string& object, const std::string& etag,
                       bool replaces, const gateway::v1::WriteOptions& options) {
  if (!etag.empty()) {
    if (record == nullptr)
      return PreconditionFailed("ETAG", object, "an etag was given, and there is no such tenant");
    const std::string stored = EtagOf(record->row);
    if (etag == stored) return absl::OkStatus();
    return PreconditionFailed("ETAG", object,
                              absl::StrCat("the etag is \"", stored, "\", the request was made for \"",
                                           etag.substr(0, 80), "\"; read it again"));
  }
  if (!replaces || options.overwrite()) return absl::OkStatus();
  return PreconditionFailed("EXISTS", object, "it exists; give its etag, or set overwrite");
}

void Audit(DesiredState& state, const AuditEntry& entry) {
  store::SaveAudit(state.store().database(), RowOf(state, entry, "OK"));
}

void AuditRefusal(DesiredState& state, AuditEntry entry, const absl::Status& refusal) {
  store::Transaction transaction(state.store().database());
  entry.changes = {std::string(refusal.message())};
  store::SaveAudit(state.store().database(), RowOf(state, entry, absl::StatusCodeToString(refusal.code())));
  transaction.Commit().IgnoreError();
}

}  // namespace sluice::api
