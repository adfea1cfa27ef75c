// Tells the link about our addresses when they appear, and defends them: ARP
// announcements (RFC 5227 sections 2.3 and 2.4), one duplicate address probe and
// unsolicited neighbour advertisements (RFC 4861 section 7.2.6), membership of its group. Says what is due;
// the frames are made by its owner.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "dataplane/slowpath/instant.h"
#include "dataplane/slowpath/neighbor_cache.h"

namespace sluice::dataplane {

class AddressAnnouncer {
 public:
  struct Announcement {
    LinkAddress own;  // interface and our address
    bool first = false;
    // Long known: only multicast membership is told again.
    bool refresh = false;
  };

  void Start(Instant now, const LinkAddress& own);
  void Stop(const LinkAddress& own);
  void StopAll(InterfaceId interface);
  std::vector<Announcement> TakeDue(Instant now);
  std::optional<Instant> NextDue() const;

  // May we defend `own` against somebody who uses it? At most once in ten
  // seconds, or two stubborn stations would fill the link (RFC 5227 section 2.4).
  bool MayDefend(Instant now, const LinkAddress& own);

 private:
  struct Pending {
    uint32_t sent = 0;
    Instant due;
  };

  std::map<LinkAddress, Pending> pending_;
  std::set<std::pair<Instant, LinkAddress>> due_;
  std::map<LinkAddress, Instant> defended_at_;
};

}  // namespace sluice::dataplane
