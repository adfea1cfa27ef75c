// SQL of the audit trail.
#include "control/store/audit_rows.h"

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace sluice::store {

void SaveAudit(Database& database, const AuditRow& row) {
  Statement(database,
            "INSERT INTO audit (time_us, who, method, object, tenant, changes, result, break_glass) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .Bind(row.time_us)
      .Bind(row.who)
      .Bind(row.method)
      .Bind(row.object)
      .Bind(row.tenant)
      .Bind(absl::StrJoin(row.changes, "\n"))
      .Bind(row.result)
      .Bind(row.break_glass ? 1 : 0)
      .Run();
  Statement(database, "DELETE FROM audit WHERE id <= ?")
      .Bind(database.LastInsertId() - kAuditEventsMax)
      .Run();
}

std::vector<AuditRow> LoadAudit(Database& database, const std::optional<std::string>& tenant,
                                int64_t since_us, uint32_t limit) {
  std::vector<AuditRow> rows;
  Statement select(database,
                   "SELECT id, time_us, who, method, object, tenant, changes, result, break_glass FROM audit "
                   "WHERE time_us >= ?1 AND (?2 IS NULL OR tenant = ?2) ORDER BY id DESC LIMIT ?3");
  select.Bind(since_us);
  if (tenant) {
    select.Bind(*tenant);
  } else {
    select.BindNull();
  }
  select.Bind(limit);
  while (select.Step()) {
    AuditRow row;
    row.id = select.Integer(0);
    row.time_us = select.Integer(1);
    row.who = select.Text(2);
    row.method = select.Text(3);
    row.object = select.Text(4);
    row.tenant = select.Text(5);
    const std::string changes = select.Text(6);
    if (!changes.empty()) row.changes = absl::StrSplit(changes, '\n');
    row.result = select.Text(7);
    row.break_glass = select.Integer(8) != 0;
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace sluice::store
