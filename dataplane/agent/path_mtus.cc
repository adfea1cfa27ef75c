// Belief in reports, and their age.
#include "dataplane/agent/path_mtus.h"

#include <algorithm>

namespace sluice::dataplane {

uint16_t PathMtus::Known(const net::Address& far_end) const {
  const RemoteTable& remotes = tables_.tunnels.remotes;
  const RemoteId remote = remotes.Find(far_end);
  return remote == kNoRemote ? uint16_t{0} : remotes.PathMtu(remote);
}

void PathMtus::Learn(const PathMtuReport& report, Instant now) {
  RemoteTable& remotes = tables_.tunnels.remotes;
  const RemoteId remote = remotes.Find(report.remote);
  if (remote == kNoRemote) return void(++counters_.unknown_remote);
  const Tunnel* tunnel =
      tables_.tunnels.FindSender(report.local, report.remote, report.selector(), report.key);
  if (tunnel == nullptr) return void(++counters_.unknown_tunnel);
  if (report.path_mtu < (report.remote.is_v4() ? kIpv4PathMtuMin : kIpv6PathMtuMin))
    return void(++counters_.too_small);
  const uint16_t known = remotes.PathMtu(remote);
  const int sent = tables_.interfaces.Find(tunnel->id)->mtu + tunnel->header_bytes;
  if (report.path_mtu >= sent || (known != 0 && report.path_mtu >= known)) return void(++counters_.not_lower);

  // No more than there are far ends: those of former ones make room.
  if (learned_.size() >= remotes.limit())
    std::erase_if(learned_, [this](const auto& each) { return Known(each.first) == 0; });
  remotes.SetPathMtu(remote, report.path_mtu);
  learned_[report.remote] = now;
  forget_at_ = std::min(forget_at_, now + kPathMtuAge);
  ++counters_.learned;
  resolver_.OnPathMtu(report.remote, now);
}

void PathMtus::Forget(Instant now) {
  if (now < forget_at_) return;
  forget_at_ = Instant::max();
  unsigned forgotten = 0;
  for (auto at = learned_.begin(); at != learned_.end();) {
    const net::Address far_end = at->first;
    const bool gone = Known(far_end) == 0;
    const Instant due = at->second + kPathMtuAge;
    if (!gone && (due > now || forgotten == kForgottenAtOnce)) {
      forget_at_ = std::min(forget_at_, due);
      ++at;
      continue;
    }
    at = learned_.erase(at);
    if (gone) continue;
    ++forgotten;
    ++counters_.forgotten;
    RemoteTable& remotes = tables_.tunnels.remotes;
    remotes.SetPathMtu(remotes.Find(far_end), 0);
    resolver_.OnPathMtu(far_end, now);
  }
}

std::optional<Instant> PathMtus::LearnedAt(const net::Address& far_end) const {
  const auto found = learned_.find(far_end);
  if (found == learned_.end() || Known(far_end) == 0) return std::nullopt;
  return found->second;
}

}  // namespace sluice::dataplane
