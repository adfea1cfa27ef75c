// Translation between the RIB's values and the API's: see the header.
#include "control/io/programming_answers.h"

#include <algorithm>
#include <utility>

namespace sluice::io {
namespace {

api::RibRoute RouteOf(const rib::PathView& view, uint64_t revision) {
  api::RibRoute route;
  route.prefix = view.prefix;
  route.source = view.source;
  route.path_id = view.path_id;
  route.metric = view.metric;
  route.next_hops = view.next_hops;
  route.unused = view.unused;
  route.best = view.best;
  route.programmed = view.best && view.state == rib::RouteState::kProgrammed;
  route.revision = revision;
  return route;
}

template <typename Key, typename Family>
api::RoutePage PageOf(const Family& rib, const net::Prefix& from, size_t limit, uint64_t revision) {
  api::RoutePage page;
  std::vector<rib::PathView> views;
  const auto next = rib.Page(Key::Of(from), limit, views);
  page.routes.reserve(views.size());
  for (const rib::PathView& view : views) page.routes.push_back(RouteOf(view, revision));
  if (next) page.next = next->ToPrefix();
  return page;
}

template <typename Family>
void AddCounts(const Family* rib, net::Family family, std::vector<api::RouteCount>& counts) {
  if (rib == nullptr) return;
  for (unsigned i = 0; i < rib::kSourceCount; ++i) {
    const auto source = static_cast<rib::Source>(i);
    const rib::SourceCount& count = rib->count(source);
    if (count.paths > 0) counts.push_back({family, source, count.paths, count.programmed});
  }
}

std::vector<api::RefusedObject> RefusedOf(std::vector<programming::Problem> problems) {
  std::vector<api::RefusedObject> refused;
  refused.reserve(problems.size());
  for (programming::Problem& problem : problems) {
    refused.push_back({std::move(problem.name), std::move(problem.reason)});
  }
  return refused;
}

}  // namespace

api::TenantProgramming ProgrammingAnswers::Tenant(uint32_t vrf) const {
  programming::TenantProgress progress = sender_.Progress(vrf);
  api::TenantProgramming answer;
  answer.acknowledged_revision = progress.acknowledged_revision;
  answer.refused_count = progress.problem_count;
  answer.spec_refused_count = progress.spec_problem_count;
  answer.unused_next_hops = sender_.rib().unused_next_hops(vrf);
  answer.refused = RefusedOf(std::move(progress.problems));
  return answer;
}

api::InterfaceProgramming ProgrammingAnswers::Interface(uint32_t vrf, uint32_t interface) const {
  programming::InterfaceProgress progress = sender_.ProgressOf(vrf, interface);
  return {progress.absent, progress.addresses_absent, RefusedOf(std::move(progress.problems)),
          progress.problem_count};
}

std::vector<api::RouteCount> ProgrammingAnswers::RouteCounts(uint32_t vrf) const {
  std::vector<api::RouteCount> counts;
  AddCounts(sender_.rib().FindIpv4(vrf), net::Family::kIpv4, counts);
  AddCounts(sender_.rib().FindIpv6(vrf), net::Family::kIpv6, counts);
  return counts;
}

api::RoutePage ProgrammingAnswers::Routes(uint32_t vrf, net::Family family, const net::Prefix& from,
                                          size_t limit) const {
  const auto* changes = sender_.rib().changes(vrf);
  const uint64_t revision = changes == nullptr ? 0 : changes->End();
  if (family == net::Family::kIpv4) {
    const auto* ipv4 = sender_.rib().FindIpv4(vrf);
    return ipv4 == nullptr ? api::RoutePage{} : PageOf<rib::Ipv4Key>(*ipv4, from, limit, revision);
  }
  const auto* ipv6 = sender_.rib().FindIpv6(vrf);
  return ipv6 == nullptr ? api::RoutePage{} : PageOf<rib::Ipv6Key>(*ipv6, from, limit, revision);
}

api::RouteChanges ProgrammingAnswers::RoutesChangedAfter(uint32_t vrf, uint64_t revision,
                                                         size_t limit) const {
  api::RouteChanges answer;
  rib::ChangeList<rib::PathKey>* changes = sender_.rib().changes(vrf);
  if (changes == nullptr) return answer;
  std::vector<rib::PathKey> keys;
  answer.revision = revision;
  if (!changes->Read(answer.revision, limit, keys)) {
    answer.revision = changes->Subscribe();
    answer.too_old = true;
    return answer;
  }
  answer.more = answer.revision < changes->End();
  for (const rib::PathKey& key : keys) {
    const std::vector<rib::PathView> views = sender_.rib().Paths(vrf, key.prefix);
    const auto at = std::find_if(views.begin(), views.end(), [&](const rib::PathView& view) {
      return view.source == key.source && view.path_id == key.path_id;
    });
    if (at != views.end()) {
      answer.routes.push_back(RouteOf(*at, answer.revision));
      continue;
    }
    api::RibRoute& gone = answer.routes.emplace_back();
    gone.prefix = key.prefix;
    gone.source = key.source;
    gone.path_id = key.path_id;
    gone.revision = answer.revision;
    gone.withdrawn = true;
  }
  return answer;
}

// All sources there are yet are configuration: complete as soon as it is loaded.
bool ProgrammingAnswers::Synced(uint32_t, net::Family) const {
  return sender_.initial_state_complete();
}

}  // namespace sluice::io
