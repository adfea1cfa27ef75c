// The schedule of announcements.
#include "dataplane/slowpath/address_announcer.h"

namespace sluice::dataplane {
namespace {

using std::chrono::seconds;

constexpr uint32_t kArpAnnouncements = 2;  // RFC 5227 section 1.1 ANNOUNCE_NUM
constexpr seconds kArpInterval{2};         // ANNOUNCE_INTERVAL
constexpr uint32_t kAdvertisements = 3;    // RFC 4861 section 10 MAX_NEIGHBOR_ADVERTISEMENT
constexpr seconds kAdvertisementInterval{1};
// A querier forgets listeners after twice its query interval (RFC 3810 section 9.2); we do not wait for
// queries.
constexpr seconds kMembershipInterval{125};
constexpr seconds kDefendInterval{10};  // RFC 5227 section 1.1 DEFEND_INTERVAL

}  // namespace

void AddressAnnouncer::Start(Instant now, const LinkAddress& own) {
  Stop(own);
  pending_[own] = {0, now};
  due_.insert({now, own});
}

void AddressAnnouncer::Stop(const LinkAddress& own) {
  const auto found = pending_.find(own);
  if (found == pending_.end()) return;
  due_.erase({found->second.due, own});
  pending_.erase(found);
}

void AddressAnnouncer::StopAll(InterfaceId interface) {
  for (auto it = pending_.lower_bound({interface, {}});
       it != pending_.end() && it->first.interface == interface;) {
    due_.erase({it->second.due, it->first});
    it = pending_.erase(it);
  }
  for (auto it = defended_at_.lower_bound({interface, {}});
       it != defended_at_.end() && it->first.interface == interface;)
    it = defended_at_.erase(it);
}

std::vector<AddressAnnouncer::Announcement> AddressAnnouncer::TakeDue(Instant now) {
  std::vector<Announcement> announcements;
  while (!due_.empty() && due_.begin()->first <= now) {
    const LinkAddress own = due_.begin()->second;
    due_.erase(due_.begin());
    Pending& pending = pending_[own];
    const bool arp = own.address.is_v4();
    const bool told = pending.sent >= kAdvertisements;
    announcements.push_back({own, pending.sent == 0, told});
    if (!told) ++pending.sent;
    if (arp && pending.sent == kArpAnnouncements) {
      pending_.erase(own);
      continue;
    }
    const Duration wait = arp                               ? kArpInterval
                          : pending.sent >= kAdvertisements ? kMembershipInterval
                                                            : kAdvertisementInterval;
    pending.due = now + wait;
    due_.insert({pending.due, own});
  }
  return announcements;
}

std::optional<Instant> AddressAnnouncer::NextDue() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

bool AddressAnnouncer::MayDefend(Instant now, const LinkAddress& own) {
  const auto [entry, first] = defended_at_.try_emplace(own, now);
  if (!first && now - entry->second < kDefendInterval) return false;
  entry->second = now;
  return true;
}

}  // namespace sluice::dataplane
