// What the slow path has to tell the agent while the agent's inbox is full: of each
// neighbour and far end the newest state, so that nothing is lost but what no longer holds.
#pragma once

#include <list>
#include <map>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "dataplane/agent/neighbor_exchange.h"

namespace sluice::dataplane {

// Slow path's thread only.
class PendingReports {
 public:
  using Report = std::variant<NeighborUpdate, DuplicateAddressReport, PeerReport>;
  // With so many the slow path takes no further packets or requests, which wait in
  // bounded queues; what it has begun may still add to them.
  static constexpr size_t kReportsMax = 16384;

  void Add(Report report) {
    const auto [place, fresh] = places_.try_emplace(KeyOf(report));
    // Where the older one was: a neighbour that changes all the time comes up, too.
    if (!fresh) {
      *place->second = std::move(report);
      return;
    }
    place->second = reports_.insert(reports_.end(), std::move(report));
  }

  // Gives them to `push(report)`, oldest first, until it answers false.
  template <class Push>
  void Flush(Push push) {
    while (!reports_.empty()) {
      const Report& report = reports_.front();
      if (!std::visit(push, report)) return;
      places_.erase(KeyOf(report));
      reports_.pop_front();
    }
  }

  bool full() const { return reports_.size() >= kReportsMax; }
  size_t size() const { return reports_.size(); }

 private:
  using Key = std::tuple<size_t, InterfaceId, net::Address>;

  static Key KeyOf(const Report& report) {
    return std::visit(
        [&](const auto& of) {
          if constexpr (std::is_same_v<decltype(of), const PeerReport&>) {
            return Key{report.index(), of.interface, net::Address()};
          } else {
            return Key{report.index(), of.interface, of.address};
          }
        },
        report);
  }

  std::list<Report> reports_;
  std::map<Key, std::list<Report>::iterator> places_;
};

}  // namespace sluice::dataplane
