// Dispatch over VRFs and families: see the header.
#include "control/rib/rib.h"

#include "proto/net/check.h"

namespace sluice::rib {

Rib::Vrf& Rib::FindOrAdd(uint32_t vrf) {
  std::unique_ptr<Vrf>& at = vrfs_[vrf];
  if (!at) at = std::make_unique<Vrf>(vrf, next_hops_, ++vrfs_made_ << 32);
  return *at;
}

Rib::Vrf* Rib::Find(uint32_t vrf) const {
  const auto at = vrfs_.find(vrf);
  return at == vrfs_.end() ? nullptr : at->second.get();
}

void Rib::Update(const RouteInput& path, RouteSet set) {
  Vrf& vrf = FindOrAdd(path.vrf);
  vrf.removing = false;
  const bool connected_changed =
      path.prefix.family() == net::Family::kIpv4 ? vrf.ipv4.Update(path, set) : vrf.ipv6.Update(path, set);
  if (connected_changed) unsettled_.insert(path.vrf);
  Turn(path.vrf, vrf);
}

void Rib::Withdraw(uint32_t number, const net::Prefix& prefix, Source source, uint32_t path_id,
                   RouteSet set) {
  Vrf* vrf = Find(number);
  if (vrf == nullptr) return;
  const bool connected_changed = prefix.family() == net::Family::kIpv4
                                     ? vrf->ipv4.Withdraw(Ipv4Key::Of(prefix), source, path_id, set)
                                     : vrf->ipv6.Withdraw(Ipv6Key::Of(prefix), source, path_id, set);
  if (connected_changed) unsettled_.insert(number);
  Turn(number, *vrf);
}

void Rib::Replace(uint32_t number, RouteSet set, std::span<const RouteInput> paths) {
  Vrf& vrf = FindOrAdd(number);
  vrf.ipv4.BeginReplace(set);
  vrf.ipv6.BeginReplace(set);
  for (const RouteInput& path : paths) Update(path, set);
  const bool ipv4_changed = vrf.ipv4.EndReplace(set);
  const bool ipv6_changed = vrf.ipv6.EndReplace(set);
  if (ipv4_changed || ipv6_changed) unsettled_.insert(number);
  Turn(number, vrf);
}

void Rib::RemoveVrf(uint32_t number) {
  Vrf* vrf = Find(number);
  if (vrf == nullptr) return;
  vrf->ipv4.WithdrawAll();
  vrf->ipv6.WithdrawAll();
  vrf->removing = true;
  Turn(number, *vrf);
  ForgetIfEmpty(number);
}

// Resolves next hops again where connected subnets changed; routes whose next
// hops became or ceased to be usable are chosen anew.
void Rib::Settle() {
  for (const uint32_t number : unsettled_) {
    Vrf* vrf = Find(number);
    if (vrf == nullptr) continue;
    const absl::flat_hash_set<GroupId> flipped = next_hops_.ResolveAgain(number, vrf->subnets);
    if (flipped.empty()) continue;
    vrf->ipv4.SelectAgain(flipped);
    vrf->ipv6.SelectAgain(flipped);
    Turn(number, *vrf);
  }
  unsettled_.clear();
}

void Rib::Turn(uint32_t number, Vrf& vrf) {
  if (vrf.in_turn) return;
  vrf.in_turn = true;
  turns_.push_back(number);
}

std::vector<AdjacencyUpdate> Rib::TakeAdjacencies() {
  Settle();
  return adjacencies_.Take();
}

std::vector<GroupUpdate> Rib::TakeGroups() {
  Settle();
  return next_hops_.Take();
}

std::optional<RouteUpdate> Rib::NextToSend() {
  while (!turns_.empty()) {
    const uint32_t number = turns_.front();
    Vrf* vrf = Find(number);
    if (vrf != nullptr && turn_left_ > 0) {
      turn_family_ = net::Family::kIpv4;
      if (auto update = vrf->ipv4.NextToSend()) return update;
      turn_family_ = net::Family::kIpv6;
      if (auto update = vrf->ipv6.NextToSend()) return update;
    }
    turns_.pop_front();
    if (vrf != nullptr && turn_left_ == 0) turns_.push_back(number);
    if (vrf != nullptr && turn_left_ > 0) vrf->in_turn = false;
    turn_left_ = kTurn;
  }
  return std::nullopt;
}

void Rib::PassTurn() {
  SLUICE_CHECK(!turns_.empty());
  turns_.push_back(turns_.front());
  turns_.pop_front();
  turn_left_ = kTurn;
}

void Rib::Sent() {
  SLUICE_CHECK(!turns_.empty());
  Vrf* vrf = Find(turns_.front());
  if (turn_left_ > 0) --turn_left_;
  if (turn_family_ == net::Family::kIpv4) {
    vrf->ipv4.Sent();
  } else {
    vrf->ipv6.Sent();
  }
}

void Rib::Park(RefusalCode reason) {
  SLUICE_CHECK(!turns_.empty());
  Vrf* vrf = Find(turns_.front());
  if (turn_family_ == net::Family::kIpv4) {
    vrf->ipv4.Park(reason);
  } else {
    vrf->ipv6.Park(reason);
  }
}

void Rib::Unpark(uint32_t number) {
  Vrf* vrf = Find(number);
  if (vrf == nullptr) return;
  vrf->ipv4.Unpark();
  vrf->ipv6.Unpark();
  Turn(number, *vrf);
}

size_t Rib::RetryRefused(size_t count) {
  size_t queued = 0;
  for (auto& [number, vrf] : vrfs_) {
    if (queued >= count) break;
    const size_t here = vrf->ipv4.RetryRefused(count - queued);
    queued += here + vrf->ipv6.RetryRefused(count - queued - here);
    Turn(number, *vrf);
  }
  return queued;
}

void Rib::Acknowledge(const RouteUpdate& update) {
  Vrf* vrf = Find(update.vrf);
  if (vrf == nullptr) return;
  if (update.prefix.family() == net::Family::kIpv4) {
    vrf->ipv4.Acknowledge(Ipv4Key::Of(update.prefix), update.group);
  } else {
    vrf->ipv6.Acknowledge(Ipv6Key::Of(update.prefix), update.group);
  }
  if (vrf->removing) ForgetIfEmpty(update.vrf);
}

void Rib::Refuse(const RouteUpdate& update, RefusalCode code) {
  Vrf* vrf = Find(update.vrf);
  if (vrf == nullptr) return;
  if (update.prefix.family() == net::Family::kIpv4) {
    vrf->ipv4.Refuse(Ipv4Key::Of(update.prefix), update.group, code);
  } else {
    vrf->ipv6.Refuse(Ipv6Key::Of(update.prefix), update.group, code);
  }
  if (vrf->removing) ForgetIfEmpty(update.vrf);
}

void Rib::ForgetInstalled() {
  next_hops_.ForgetInstalled();
  std::vector<uint32_t> empty;
  for (auto& [number, vrf] : vrfs_) {
    vrf->ipv4.ForgetInstalled();
    vrf->ipv6.ForgetInstalled();
    Turn(number, *vrf);
    if (vrf->removing) empty.push_back(number);
  }
  for (const uint32_t number : empty) ForgetIfEmpty(number);
}

void Rib::ForgetIfEmpty(uint32_t number) {
  const auto at = vrfs_.find(number);
  if (at == vrfs_.end() || at->second->ipv4.size() > 0 || at->second->ipv6.size() > 0) return;
  unsettled_.erase(number);
  vrfs_.erase(at);
}

const FamilyRib<Ipv4Key>* Rib::FindIpv4(uint32_t number) const {
  const Vrf* vrf = Find(number);
  return vrf == nullptr ? nullptr : &vrf->ipv4;
}

const FamilyRib<Ipv6Key>* Rib::FindIpv6(uint32_t number) const {
  const Vrf* vrf = Find(number);
  return vrf == nullptr ? nullptr : &vrf->ipv6;
}

ChangeList<PathKey>* Rib::changes(uint32_t number) const {
  Vrf* vrf = Find(number);
  return vrf == nullptr ? nullptr : &vrf->changes;
}

std::vector<PathView> Rib::Paths(uint32_t number, const net::Prefix& prefix) const {
  const Vrf* vrf = Find(number);
  if (vrf == nullptr) return {};
  return prefix.family() == net::Family::kIpv4 ? vrf->ipv4.Paths(Ipv4Key::Of(prefix))
                                               : vrf->ipv6.Paths(Ipv6Key::Of(prefix));
}

std::optional<RefusalCode> Rib::RefusalOf(uint32_t number, const net::Prefix& prefix) const {
  const Vrf* vrf = Find(number);
  if (vrf == nullptr) return std::nullopt;
  return prefix.family() == net::Family::kIpv4 ? vrf->ipv4.RefusalOf(Ipv4Key::Of(prefix))
                                               : vrf->ipv6.RefusalOf(Ipv6Key::Of(prefix));
}

std::vector<PathView> Rib::Explain(uint32_t number, const net::Address& address) const {
  const Vrf* vrf = Find(number);
  if (vrf == nullptr) return {};
  if (address.is_v4()) {
    const auto key = vrf->ipv4.LongestMatch(address);
    return key ? vrf->ipv4.Paths(*key) : std::vector<PathView>{};
  }
  const auto key = vrf->ipv6.LongestMatch(address);
  return key ? vrf->ipv6.Paths(*key) : std::vector<PathView>{};
}

size_t Rib::installed(uint32_t number) const {
  const Vrf* vrf = Find(number);
  return vrf == nullptr ? 0 : vrf->ipv4.installed() + vrf->ipv6.installed();
}

uint64_t Rib::unanswered(uint32_t number) const {
  const Vrf* vrf = Find(number);
  return vrf == nullptr ? 0 : vrf->ipv4.unanswered() + vrf->ipv6.unanswered();
}

uint64_t Rib::count(uint32_t number, RouteState state) const {
  const Vrf* vrf = Find(number);
  return vrf == nullptr ? 0 : vrf->ipv4.count(state) + vrf->ipv6.count(state);
}

}  // namespace sluice::rib
