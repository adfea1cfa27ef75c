// Finds out whether the far ends of tunnels are there: asks each at its interval and
// counts the probes in a row that go unanswered. Owns no socket, thread or clock: the
// caller feeds inputs and due time, performs the outputs in order, and calls again no
// later than NextDeadline(). The cost is bounded whatever the number of tunnels: so many
// probes a second, and so many looks for answers at a time; more tunnels are asked later,
// and a probe that was not sent is not missed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "dataplane/agent/neighbor_exchange.h"
#include "dataplane/slowpath/instant.h"
#include "dataplane/slowpath/token_bucket.h"

namespace sluice::dataplane {

// One probe through the tunnel.
struct SendProbe {
  InterfaceId interface = kNoInterface;
  friend bool operator==(const SendProbe&, const SendProbe&) = default;
};
using ProbeOutput = std::variant<SendProbe, PeerReport>;
using ProbeOutputs = std::vector<ProbeOutput>;

class PeerProbes {
 public:
  // All tunnels together: ten thousand once a second, and as many again.
  static constexpr uint32_t kProbesPerSecond = 20000;
  static constexpr uint32_t kProbesAtOnce = 64;
  // How soon an answer is noticed, but for more than kLooksAtOnce open probes.
  static constexpr std::chrono::milliseconds kLookEvery{10};
  static constexpr size_t kLooksAtOnce = 512;
  // The first probe is sent at a random time within this, so that tunnels that are made
  // together are not asked together.
  static constexpr std::chrono::seconds kFirstWithin{1};

  // Answers of a tunnel's far end that workers have counted. Only compared.
  using AnswerCount = std::function<uint64_t(InterfaceId)>;

  // `seed` spreads the probes: up to a tenth of the interval is left out.
  explicit PeerProbes(uint64_t seed) : random_(seed) {}

  // The far end counts as there until the probes say otherwise, which is reported.
  void Handle(Instant now, const PeerWatch& watch, ProbeOutputs& out);
  // The far end becomes silent with the last of `misses` probes in a row whose interval
  // passes without an answer, and is there again with the first answer to a probe.
  void HandleTime(Instant now, const AnswerCount& answers, ProbeOutputs& out);
  // The last SendProbe for the tunnel could not be performed.
  void NotSent(InterfaceId interface);
  std::optional<Instant> NextDeadline() const;

  size_t size() const { return peers_.size(); }

 private:
  struct Peer {
    Duration interval{};
    uint8_t misses = 0;
    Instant due{};         // the next probe
    Instant heard{};       // the last answer was noticed; before the first, since when it is asked
    uint64_t answers = 0;  // when the last probe was sent
    bool open = false;     // which has no answer yet
    uint8_t missed = 0;    // in a row
    bool silent = false;
  };

  void Forget(InterfaceId interface);
  void Schedule(InterfaceId interface, Peer& peer, Instant due);
  void Ask(Instant now, InterfaceId interface, Peer& peer, uint64_t answers, ProbeOutputs& out);
  void Heard(Instant now, InterfaceId interface, Peer& peer, ProbeOutputs& out);
  void LookForAnswers(Instant now, const AnswerCount& answers, ProbeOutputs& out);
  // Between `least` and `most`.
  Duration Random(Duration least, Duration most);

  std::mt19937_64 random_;
  TokenBucket budget_{kProbesPerSecond, kProbesAtOnce};
  std::map<InterfaceId, Peer> peers_;
  std::set<std::pair<Instant, InterfaceId>> due_;
  std::set<InterfaceId> open_;
  InterfaceId looked_at_ = kNoInterface;  // the last of open_
  Instant look_at_{};
  Instant put_off_until_{};  // for want of budget
};

}  // namespace sluice::dataplane
