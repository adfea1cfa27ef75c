// The underlay as the far end of a tunnel sees it: which ways lead there, and
// how large a packet they leave the tunnel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/tenant/environment.h"
#include "control/tenant/model.h"

namespace sluice::tenant {

struct UnderlayWay {
  const Connection* interface = nullptr;  // of the model
  net::Address next_hop;                  // the far end itself when it is on the link
};

// An address of an interface of the underlay.
bool IsOurs(const UnderlayModel& underlay, const net::Address& address);

// By the longest match among subnets and routes of the underlay; empty: there is no route. Only
// interfaces of the underlay are ways, so that a tunnel never leads into a tunnel.
std::vector<UnderlayWay> WaysTo(const UnderlayModel& underlay, const net::Address& far_end);

// What passes on the way to a far end, as the dataplane learned it.
struct LearnedPathMtu {
  std::string far_end;
  uint16_t bytes = 0;      // largest outer packet
  int64_t learned_us = 0;  // since 1970
};
// "path MTU 1400 to 198.51.100.2 learned at 2026-11-29T07:12:31Z".
std::string TextOf(const LearnedPathMtu& learned);

// Largest inner packet of a connection, and the sum that leads there in words, such as
// "underlay tor-a 1500 - IPv4 20 - GRE 4 - key 4". The tunnel is made without what was learned.
struct ExplainedMtu {
  uint16_t bytes = 0;
  std::string reason;
};
ExplainedMtu MtuOf(const Connection& connection, const UnderlayModel& underlay,
                   const std::optional<std::vector<PortFacts>>& ports,
                   const std::optional<LearnedPathMtu>& learned = std::nullopt);

// Likewise of a virtual network, over the narrowest interface of the underlay in the family of its
// provider address: its hosts may be behind any.
ExplainedMtu MtuOf(const VirtualNetwork& network, const UnderlayModel& underlay,
                   const std::optional<std::vector<PortFacts>>& ports);

// Our addresses there, for "accepted: ".
std::string OurAddresses(const UnderlayModel& underlay);

// The MTU of a link on a port: its own, else the port's, bytes.
uint16_t LinkMtu(const Connection& link, const std::optional<std::vector<PortFacts>>& ports);

}  // namespace sluice::tenant
