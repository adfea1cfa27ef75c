// The gateway that most graph tests use: one tenant between two VLANs.
#pragma once

#include <catch2/catch.hpp>

#include "tests/graph/harness.h"

namespace sluice::testing {

inline const net::MacAddress kHost = Mac("02:00:00:00:00:01");
inline const net::MacAddress kRouter = Mac("02:00:00:00:00:02");

// With one worker, with two and with four: a test case that uses it runs three times.
inline HarnessOptions AnyWorkers() {
  return {.workers = GENERATE(as<uint16_t>{}, 1, 2, 4)};
}

// Tenant 1: interface 1 = port 0 VLAN 10 (hosts 10.1.0.0/24, 2001:db8:1::/64),
// interface 2 = port 1 VLAN 20 with `mtu`; 10.2/16 and 2001:db8:2::/48 are
// behind kRouter on interface 2, and kHost's networks behind kHost on 1.
struct TenantPair : GraphHarness {
  explicit TenantPair(const HarnessOptions& options = {}, uint16_t mtu = 1500) : GraphHarness(options) {
    AddVrf(1);
    AddInterface({.id = 1, .vrf = 1, .port = 0, .vlan = 10, .mtu = 9000},
                 {"10.1.0.254/24", "2001:db8:1::fe/64", "fe80::fe/64"});
    AddInterface({.id = 2, .vrf = 1, .port = 1, .vlan = 20, .mtu = mtu},
                 {"10.9.0.254/24", "2001:db8:9::fe/64"});
    AddNextHop(1, 2, kRouter);
    AddRoute(1, "10.2.0.0/16", 1);
    AddRoute(1, "2001:db8:2::/48", 1);
    AddNextHop(2, 1, kHost);
    AddRoute(1, "10.1.0.0/16", 2);
    AddRoute(1, "2001:db8:1::/48", 2);
  }
  // From kHost, and to it; to kRouter.
  Packet In(uint16_t vlan = 10) { return Packet().Ethernet(port(0).mac(), kHost).Vlan(vlan); }
  Packet Back() { return Packet().Ethernet(kHost, port(0).mac()).Vlan(10); }
  Packet Out() { return Packet().Ethernet(kRouter, port(1).mac()).Vlan(20); }
};

}  // namespace sluice::testing
