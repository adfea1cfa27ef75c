// A subinterface as neighbour resolution sees it: our addresses on it and what
// we may send and believe there.
#pragma once

#include <optional>

#include "dataplane/agent/neighbor_exchange.h"
#include "dataplane/slowpath/token_bucket.h"

namespace sluice::dataplane {

struct LocalInterface {
  InterfaceChange config;
  // Present while the interface has an IPv6 address (RFC 4291 section 2.8).
  std::optional<net::Ipv6Address> link_local;
  TokenBucket requests;       // received, not answers to ours
  TokenBucket solicitations;  // sent by us

  LocalInterface(const InterfaceChange& change, uint32_t requests_per_second,
                 uint32_t solicitations_per_second);

  // An overlay: control says who is there, so we answer and neither ask, learn nor announce.
  bool is_overlay() const { return config.port == kNoPort; }
  bool IsOwn(const net::Address& address) const;
  bool IsOnLink(const net::Address& address) const;
  // What we ask for `target` from: our address in its subnet, else the link-local
  // one, else the first of the family. Absent: we have none and cannot ask.
  std::optional<net::Address> SourceFor(const net::Address& target) const;
  // All of ours, the link-local one last.
  std::vector<net::Address> Addresses() const;
};

}  // namespace sluice::dataplane
