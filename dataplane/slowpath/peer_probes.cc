// When far ends are asked and what their silence means.
#include "dataplane/slowpath/peer_probes.h"

#include <algorithm>

namespace sluice::dataplane {
namespace {

constexpr std::chrono::milliseconds kPutOff{1};

}  // namespace

Duration PeerProbes::Random(Duration least, Duration most) {
  return Duration(std::uniform_int_distribution<Duration::rep>(least.count(), most.count())(random_));
}

void PeerProbes::Forget(InterfaceId interface) {
  const auto at = peers_.find(interface);
  if (at == peers_.end()) return;
  due_.erase({at->second.due, interface});
  open_.erase(interface);
  peers_.erase(at);
}

void PeerProbes::Schedule(InterfaceId interface, Peer& peer, Instant due) {
  due_.erase({peer.due, interface});
  peer.due = due;
  due_.insert({due, interface});
}

void PeerProbes::Handle(Instant now, const PeerWatch& watch, ProbeOutputs& out) {
  Forget(watch.interface);
  if (watch.misses == 0) return;
  Peer& peer = peers_[watch.interface];
  peer.interval = watch.interval;
  peer.misses = watch.misses;
  peer.heard = now;
  Schedule(watch.interface, peer,
           now + Random(Duration::zero(), std::min<Duration>(peer.interval, kFirstWithin)));
  // Whatever was said of the one before.
  out.emplace_back(PeerReport{watch.interface, false, now});
}

void PeerProbes::HandleTime(Instant now, const AnswerCount& answers, ProbeOutputs& out) {
  if (now >= look_at_) LookForAnswers(now, answers, out);
  while (!due_.empty() && due_.begin()->first <= now) {
    if (!budget_.Take(now)) {
      put_off_until_ = now + kPutOff;
      return;
    }
    const InterfaceId interface = due_.begin()->second;
    Ask(now, interface, peers_.at(interface), answers(interface), out);
  }
}

// Answers that were counted before the probe was sent are none to it.
void PeerProbes::Ask(Instant now, InterfaceId interface, Peer& peer, uint64_t answers, ProbeOutputs& out) {
  if (peer.open && answers != peer.answers) {
    Heard(now, interface, peer, out);
  } else if (peer.open && peer.missed < peer.misses && ++peer.missed == peer.misses && !peer.silent) {
    peer.silent = true;
    out.emplace_back(PeerReport{interface, true, peer.heard});
  }
  peer.answers = answers;
  peer.open = true;
  if (open_.empty()) look_at_ = now + kLookEvery;
  open_.insert(interface);
  out.emplace_back(SendProbe{interface});
  Schedule(interface, peer, now + Random(peer.interval - peer.interval / 10, peer.interval));
}

void PeerProbes::Heard(Instant now, InterfaceId interface, Peer& peer, ProbeOutputs& out) {
  peer.open = false;
  peer.missed = 0;
  peer.heard = now;
  open_.erase(interface);
  if (!std::exchange(peer.silent, false)) return;
  out.emplace_back(PeerReport{interface, false, now});
}

// Round and round, so that far ends that never answer do not hide others.
void PeerProbes::LookForAnswers(Instant now, const AnswerCount& answers, ProbeOutputs& out) {
  look_at_ = now + kLookEvery;
  for (size_t left = std::min(kLooksAtOnce, open_.size()); left > 0; --left) {
    auto next = open_.upper_bound(looked_at_);
    if (next == open_.end()) next = open_.begin();
    looked_at_ = *next;
    Peer& peer = peers_.at(looked_at_);
    if (answers(looked_at_) != peer.answers) Heard(now, looked_at_, peer, out);
  }
}

void PeerProbes::NotSent(InterfaceId interface) {
  const auto at = peers_.find(interface);
  if (at == peers_.end()) return;
  at->second.open = false;
  open_.erase(interface);
}

std::optional<Instant> PeerProbes::NextDeadline() const {
  std::optional<Instant> next;
  if (!due_.empty()) next = std::max(due_.begin()->first, put_off_until_);
  if (!open_.empty()) next = std::min(next.value_or(look_at_), look_at_);
  return next;
}

}  // namespace sluice::dataplane
