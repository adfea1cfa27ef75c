// Mappings: version rules, limits, and the transaction of the last step.
#include "control/api/mapping_writes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/api/conditions.h"
#include "control/api/refusal.h"
#include "control/api/set_versions.h"
#include "control/api/write_rules.h"
#include "control/store/mapping_rows.h"
#include "control/tenant/validate_virtual_network.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

// Deleting this many rows takes a few milliseconds of the core thread.
constexpr uint32_t kCollectMappingRows = 5'000;
// So does comparing and stating this many prefixes.
constexpr size_t kFeedMappings = 4'096;

AuditEntry EntryOf(const v1::MappingsHeader& header, bool replace, const std::string& who) {
  const std::string tenant = LabelOf("tenants", header.tenant());
  return {who,
          replace ? "ReplaceMappings" : "UpdateMappings",
          MappingsObject(tenant, LabelOf("virtualNetworks", header.virtual_network())),
          tenant,
          {},
          header.break_glass()};
}

v1::WriteOptions OptionsOf(const v1::MappingsHeader& header) {
  v1::WriteOptions options;
  options.set_break_glass(header.break_glass());
  return options;
}

absl::Status NoSuchNetwork(const std::string& tenant, const std::string& network) {
  return absl::NotFoundError(
      absl::StrCat("tenant ", tenant, " has no virtual network \"", network.substr(0, 80), "\""));
}

uint64_t MappingsOf(const TenantRecord& record) {
  uint64_t count = 0;
  for (const auto& [name, network] : record.networks) count += network.mappings.size();
  return count;
}

}  // namespace

std::string MappingsObject(std::string_view tenant, std::string_view network) {
  return absl::StrCat(tenant::VirtualNetworkName(tenant, network), "/mappings");
}

absl::StatusOr<MappingTerms> MappingWrites::Begin(const v1::MappingsHeader& header, bool replace,
                                                  const std::string& who) {
  const AuditEntry entry = EntryOf(header, replace, who);
  const std::string network = LabelOf("virtualNetworks", header.virtual_network());
  const TenantRecord* record = state_.Find(entry.tenant);
  if (record == nullptr) return NoSuchTenant(entry.tenant);
  const auto stored = record->row.mappings.find(network);
  if (stored == record->row.mappings.end()) return NoSuchNetwork(entry.tenant, network);
  absl::Status allowed = CheckManager(*record, OptionsOf(header), who);
  if (allowed.ok())
    allowed = CheckVersions(VersionsOf(header, replace), stored->second.version, entry.object);
  const tenant::VirtualNetwork* model = ModelOf(*record, network);
  if (allowed.ok() && model == nullptr)
    allowed = PreconditionFailed("VALID", entry.object,
                                 "the virtual network is stored and no longer valid, "
                                 "see its conditions; correct it first");
  if (!allowed.ok()) {
    if (!header.validate_only()) AuditRefusal(state_, entry, allowed);
    return allowed;
  }
  const uint64_t own = record->networks.find(network)->second.mappings.size();
  const uint64_t others = MappingsOf(*record) - own;
  const uint64_t max = record->validated.model.mappings_max;
  return MappingTerms{entry.tenant,
                      record->row.uid,
                      network,
                      tenant::MappingRules(record->validated.model, *model, state_.gateway_record().underlay),
                      record->row.generation,
                      std::max(max - std::min(max, others), own)};
}

absl::StatusOr<MappingWrites::Target> MappingWrites::StillThere(const v1::MappingsHeader& header,
                                                                const MappingTerms& terms,
                                                                const std::string& who) {
  TenantRecord* record = state_.Find(terms.tenant);
  if (record == nullptr)
    return absl::NotFoundError(absl::StrCat("tenants/", terms.tenant, " was deleted meanwhile"));
  if (record->row.uid != terms.tenant_uid)
    return absl::AbortedError(
        absl::StrCat("tenants/", terms.tenant, " was deleted meanwhile, and another of its name was made"));
  if (absl::Status allowed = CheckManager(*record, OptionsOf(header), who); !allowed.ok()) return allowed;
  // Whatever changed in the spec may be what the mappings were checked against.
  if (record->row.generation != terms.generation)
    return absl::AbortedError(
        absl::StrCat("tenants/", terms.tenant, " was changed while its mappings came; send them again"));
  if (terms.rules.underlay().interfaces != state_.gateway_record().underlay.interfaces)
    return absl::AbortedError(absl::StrCat("the underlay was changed while the mappings of tenants/",
                                           terms.tenant, " came; send them again"));
  return Target{record, &record->networks.find(terms.virtual_network)->second};
}

absl::Status MappingWrites::CheckRoom(const Target& target, const std::string& object,
                                      uint64_t mappings) const {
  const uint64_t before = target.network->mappings.size();
  if (mappings <= before) return absl::OkStatus();
  const uint64_t own = MappingsOf(*target.record) - before + mappings;
  const uint64_t own_max = target.record->validated.model.mappings_max;
  if (own > own_max)
    return LimitReached("mappings-per-tenant", absl::StrCat(object, ": ", own,
                                                            " mappings of the tenant are wanted; limit "
                                                            "mappings-per-tenant is ",
                                                            own_max));
  const uint64_t all_max = tenant::LimitsOf(state_.gateway().spec.limits()).mappings;
  uint64_t all = mappings - before;
  for (const auto& [name, record] : state_.tenants()) all += MappingsOf(*record);
  if (all > all_max)
    return LimitReached("mappings", absl::StrCat(object, ": ", all,
                                                 " mappings of all tenants are wanted; "
                                                 "limit mappings is ",
                                                 all_max));
  return absl::OkStatus();
}

absl::StatusOr<int64_t> MappingWrites::CreateSet(const MappingTerms& terms) {
  store::Database& database = state_.store().database();
  store::Transaction transaction(database);
  const int64_t set = store::CreateMappingSet(database, terms.tenant_uid);
  if (absl::Status status = transaction.Commit(); !status.ok()) return status;
  state_.filling_mappings().push_back(set);
  return set;
}

absl::Status MappingWrites::Fill(int64_t set, std::span<const tenant::Mapping> mappings) {
  store::Database& database = state_.store().database();
  store::Transaction transaction(database);
  store::PutMappings(database, set, mappings);
  return transaction.Commit();
}

void MappingWrites::Abandon(int64_t set) {
  std::erase(state_.filling_mappings(), set);
}

v1::MappingsResult MappingWrites::ResultOf(const Target& target, uint64_t version,
                                           const tenant::MappingCounts& counts) const {
  v1::MappingsResult result;
  result.set_version(version);
  result.set_mappings(target.network->mappings.size());
  result.set_added(counts.added);
  result.set_changed(counts.changed);
  result.set_removed(counts.removed);
  SetTimestamp(*result.mutable_update_time(), state_.now_us());
  return result;
}

absl::StatusOr<v1::MappingsResult> MappingWrites::DryReplace(const v1::MappingsHeader& header,
                                                             const MappingTerms& terms,
                                                             const tenant::MappingSet& mappings) {
  TenantRecord* record = state_.Find(terms.tenant);
  if (record == nullptr) return NoSuchTenant(terms.tenant);
  const auto network = record->networks.find(terms.virtual_network);
  if (network == record->networks.end()) return NoSuchNetwork(terms.tenant, terms.virtual_network);
  const Target target{record, &network->second};
  const std::string object = MappingsObject(terms.tenant, terms.virtual_network);
  if (absl::Status room = CheckRoom(target, object, mappings.size()); !room.ok()) return room;
  const uint64_t stored = record->row.mappings.at(terms.virtual_network).version;
  v1::MappingsResult result = ResultOf(target, VersionAfter(VersionsOf(header, true), stored),
                                       CountDifference(network->second.mappings, mappings));
  result.set_mappings(mappings.size());
  return result;
}

absl::StatusOr<v1::MappingsResult> MappingWrites::CommitReplace(const v1::MappingsHeader& header,
                                                                const MappingTerms& terms, int64_t set,
                                                                tenant::MappingSet& mappings,
                                                                const std::string& who) {
  AuditEntry entry = EntryOf(header, true, who);
  const auto target = StillThere(header, terms, who);
  if (!target.ok()) {
    AuditRefusal(state_, std::move(entry), target.status());
    return target.status();
  }
  TenantRecord& record = *target->record;
  const store::MappingsRow before = record.row.mappings.at(terms.virtual_network);
  const SetVersions wanted = VersionsOf(header, true);
  absl::Status allowed = CheckVersions(wanted, before.version, entry.object);
  if (allowed.ok()) allowed = CheckRoom(*target, entry.object, mappings.size());
  const uint64_t version = VersionAfter(wanted, before.version);
  if (allowed.ok() && version == before.version && before.set != 0) {
    const auto counts = CountDifference(target->network->mappings, mappings);
    if (counts.all() == 0) return ResultOf(*target, version, counts);
    if (!header.overwrite())
      allowed = PreconditionFailed("VERSION", entry.object,
                                   absl::StrCat("version ", version, " is stored with other mappings"));
  }
  if (!allowed.ok()) {
    AuditRefusal(state_, std::move(entry), allowed);
    return allowed;
  }
  entry.changes.push_back(absl::StrCat("version ", before.version, " with ", target->network->mappings.size(),
                                       " mappings -> ", version, " with ", mappings.size()));
  store::TenantRow row = record.row;
  row.mappings[terms.virtual_network] = {version, set};
  store::Database& database = state_.store().database();
  store::Transaction transaction(database);
  store::SaveTenant(database, row, &record.row);
  Audit(state_, entry);
  if (absl::Status status = transaction.Commit(); !status.ok()) return status;
  state_.AdoptMappings(record, terms.virtual_network, std::move(mappings), {version, set});
  return ResultOf(*target, version, {});
}

std::optional<MappingWrites::Remains> MappingWrites::Feed(const MappingTerms& terms,
                                                          v1::MappingsResult& result) {
  TenantRecord* record = state_.Find(terms.tenant);
  if (record == nullptr) return Remains();
  const auto network = record->networks.find(terms.virtual_network);
  // Another write may have finished it.
  if (network == record->networks.end() || network->second.feed == nullptr) return Remains();
  const MappingFeed& feed = *network->second.feed;
  Remains done = state_.FeedMappings(*record, network->second, kFeedMappings);
  const tenant::MappingCounts& counts = (done != nullptr ? *done : feed).difference.counts();
  result.set_added(counts.added);
  result.set_changed(counts.changed);
  result.set_removed(counts.removed);
  if (done == nullptr) return std::nullopt;
  return done;
}

absl::StatusOr<v1::MappingsResult> MappingWrites::Update(const v1::MappingsHeader& header,
                                                         const MappingTerms& terms,
                                                         const std::vector<tenant::Mapping>& put,
                                                         const std::vector<net::Prefix>& remove,
                                                         const std::string& who) {
  AuditEntry entry = EntryOf(header, false, who);
  const auto target = StillThere(header, terms, who);
  if (!target.ok()) {
    if (!header.validate_only()) AuditRefusal(state_, std::move(entry), target.status());
    return target.status();
  }
  TenantRecord& record = *target->record;
  const tenant::MappingSet& stored = target->network->mappings;
  tenant::MappingCounts counts;
  for (const tenant::Mapping& mapping : put) {
    const auto known = stored.mappings().find(mapping.prefix);
    if (known == stored.mappings().end()) {
      ++counts.added;
    } else if (!(stored.At(known) == mapping)) {
      ++counts.changed;
    }
  }
  for (const net::Prefix& prefix : remove) counts.removed += stored.mappings().contains(prefix) ? 1 : 0;
  const store::MappingsRow before = record.row.mappings.at(terms.virtual_network);
  const SetVersions wanted = VersionsOf(header, false);
  absl::Status allowed = CheckVersions(wanted, before.version, entry.object);
  if (allowed.ok()) allowed = CheckRoom(*target, entry.object, stored.size() + counts.added - counts.removed);
  if (!allowed.ok()) {
    if (!header.validate_only()) AuditRefusal(state_, std::move(entry), allowed);
    return allowed;
  }
  const uint64_t version = VersionAfter(wanted, before.version);
  if (header.validate_only()) {
    v1::MappingsResult result = ResultOf(*target, version, counts);
    result.set_mappings(stored.size() + counts.added - counts.removed);
    return result;
  }
  entry.changes.push_back(absl::StrCat("version ", before.version, " -> ", version, ": ", counts.added,
                                       " added, ", counts.changed, " changed, ", counts.removed, " removed"));
  store::TenantRow row = record.row;
  store::Database& database = state_.store().database();
  store::Transaction transaction(database);
  store::MappingsRow& after = row.mappings[terms.virtual_network];
  if (after.set == 0) after.set = store::CreateMappingSet(database, row.uid);
  after.version = version;
  store::RemoveMappings(database, after.set, remove);
  store::PutMappings(database, after.set, put);
  store::SaveTenant(database, row, &record.row);
  Audit(state_, entry);
  if (absl::Status status = transaction.Commit(); !status.ok()) return status;
  state_.AdoptMappingChanges(record, terms.virtual_network, put, remove, after);
  return ResultOf(*target, version, counts);
}

void MappingWrites::Refused(const v1::MappingsHeader& header, bool replace, const std::string& who,
                            const absl::Status& refusal) {
  if (!header.validate_only()) AuditRefusal(state_, EntryOf(header, replace, who), refusal);
}

bool MappingWrites::Collect() {
  const auto more =
      store::CollectMappingSets(state_.store().database(), state_.filling_mappings(), kCollectMappingRows);
  return more.ok() && *more;
}

}  // namespace sluice::api
