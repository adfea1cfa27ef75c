// DesiredState's mappings: keeping store, memory and programming the same for the
// hosts of virtual networks.
#include <algorithm>
#include <set>

#include "control/api/desired_state.h"
#include "control/store/mapping_rows.h"
#include "control/tenant/compile.h"
#include "control/tenant/mapping.h"

namespace sluice::api {
namespace {

// Mappings per call to programming.
constexpr size_t kMappingsPerCall = 4096;

// Collects changes of mappings into calls to programming of a bounded size. What goes is told
// after all that comes.
class MappingStatement {
 public:
  MappingStatement(ProgrammingSink& sink, const TenantRecord& record, const MappingsRecord& network,
                   uint64_t revision)
      : sink_(sink), record_(record), network_(network), revision_(revision) {}

  void Put(const std::string& network, const tenant::Mapping& mapping) {
    put_.push_back(tenant::CompileMapping(mapping, network, record_.row.numbers, network_.path_id));
    if (put_.size() >= kMappingsPerCall) Send(false);
  }
  // `remove` is borrowed for the call; `complete`: nothing more of this revision follows.
  void End(std::span<const net::Prefix> remove, bool complete) {
    while (remove.size() > kMappingsPerCall) {
      remove_ = remove.first(kMappingsPerCall);
      Send(false);
      remove = remove.subspan(kMappingsPerCall);
    }
    remove_ = remove;
    if (complete || !put_.empty() || !remove_.empty()) Send(complete);
  }

 private:
  void Send(bool complete) {
    sink_.ChangeMappings(record_.row.numbers.vrf, network_.path_id, put_, remove_, revision_, complete);
    put_.clear();
    remove_ = {};
  }

  ProgrammingSink& sink_;
  const TenantRecord& record_;
  const MappingsRecord& network_;
  const uint64_t revision_;
  std::vector<rib::RouteInput> put_;
  std::span<const net::Prefix> remove_;
};

// The name under which the record has `network`.
const std::string& NameOf(const TenantRecord& record, const MappingsRecord& network) {
  return std::find_if(record.networks.begin(), record.networks.end(),
                      [&](const auto& each) { return &each.second == &network; })
      ->first;
}

}  // namespace

const tenant::VirtualNetwork* ModelOf(const TenantRecord& record, std::string_view network) {
  const auto& all = record.validated.model.virtual_networks;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == network; });
  return found == all.end() ? nullptr : &*found;
}

void DesiredState::LoadMappings(TenantRecord& record) {
  FollowNetworks(record);
  for (auto& [name, network] : record.networks)
    network.unreadable =
        store::LoadMappings(store().database(), record.row.mappings.at(name).set,
                            [&](const tenant::Mapping& mapping) { network.mappings.Put(mapping); });
}

// A virtual network that left the spec takes its mappings along.
void DesiredState::FollowNetworks(TenantRecord& record) {
  for (const auto& [name, row] : record.row.mappings) {
    const auto [at, fresh] = record.networks.try_emplace(name);
    if (fresh) at->second.path_id = ++record.network_paths;
  }
  for (auto at = record.networks.begin(); at != record.networks.end();) {
    if (record.row.mappings.contains(at->first)) {
      ++at;
      continue;
    }
    std::vector<net::Prefix> remove;
    for (const auto& [prefix, value] : at->second.mappings.mappings()) remove.push_back(prefix);
    MappingStatement(surroundings_.sink, record, at->second, ++revision_).End(remove, true);
    at = record.networks.erase(at);
  }
}

void DesiredState::StateMappings(TenantRecord& record) {
  for (auto& [name, network] : record.networks) {
    FinishMappingFeed(record, network);
    network.idle = 0;
    network.idle_why.clear();
    if (network.mappings.size() == 0) continue;
    const tenant::VirtualNetwork* model = ModelOf(record, name);
    std::optional<tenant::MappingRules> rules;
    if (model != nullptr) rules.emplace(record.validated.model, *model, gateway_.underlay);
    MappingStatement statement(surroundings_.sink, record, network, ++revision_);
    std::vector<net::Prefix> remove;
    const auto& all = network.mappings.mappings();
    for (auto at = all.begin(); at != all.end(); ++at) {
      const tenant::Mapping mapping = network.mappings.At(at);
      const auto complaint = rules
                                 ? rules->Complaint(mapping)
                                 : tenant::MappingComplaint{"", "the virtual network is not valid any more"};
      if (!complaint) {
        statement.Put(name, mapping);
        continue;
      }
      if (network.idle++ == 0) network.idle_why = complaint->description;
      remove.push_back(mapping.prefix);
    }
    statement.End(remove, true);
  }
}

void DesiredState::AdoptMappings(TenantRecord& record, const std::string& name, tenant::MappingSet mappings,
                                 store::MappingsRow row) {
  MappingsRecord& network = record.networks.find(name)->second;
  FinishMappingFeed(record, network);
  auto known = std::move(network.mappings);
  network.mappings = std::move(mappings);
  network.feed = std::make_unique<MappingFeed>(std::move(known), network.mappings, ++revision_);
  network.unreadable = network.idle = 0;
  record.row.mappings[name] = row;
  watch_log_.Changed({WatchedKind::kTenant, record.row.name, ""});
}

std::unique_ptr<MappingFeed> DesiredState::FeedMappings(TenantRecord& record, MappingsRecord& network,
                                                        size_t prefixes) {
  MappingFeed& feed = *network.feed;
  const std::string& name = NameOf(record, network);
  MappingStatement statement(surroundings_.sink, record, network, feed.revision);
  const bool more = feed.difference.Advance(
      prefixes, [&](const tenant::Mapping& mapping) { statement.Put(name, mapping); },
      [&](const net::Prefix& prefix) { feed.remove.push_back(prefix); });
  statement.End(more ? std::span<const net::Prefix>() : feed.remove, !more);
  return more ? nullptr : std::move(network.feed);
}

void DesiredState::FinishMappingFeed(TenantRecord& record, MappingsRecord& network) {
  while (network.feed != nullptr) FeedMappings(record, network, kMappingsPerCall);
}

void DesiredState::AdoptMappingChanges(TenantRecord& record, const std::string& name,
                                       const std::vector<tenant::Mapping>& put,
                                       const std::vector<net::Prefix>& remove, store::MappingsRow row) {
  MappingsRecord& network = record.networks.find(name)->second;
  FinishMappingFeed(record, network);
  MappingStatement statement(surroundings_.sink, record, network, ++revision_);
  for (const net::Prefix& prefix : remove) network.mappings.Remove(prefix);
  for (const tenant::Mapping& mapping : put) {
    network.mappings.Put(mapping);
    statement.Put(name, mapping);
  }
  statement.End(remove, true);
  // Some of those that were not in force may have gone.
  if (network.idle > 0) StateMappings(record);
  record.row.mappings[name] = row;
  watch_log_.Changed({WatchedKind::kTenant, record.row.name, ""});
}

}  // namespace sluice::api
