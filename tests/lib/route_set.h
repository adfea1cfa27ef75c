// Seeded sets of routes that look like the ones gateways carry: a full Internet
// table, a tenant's private networks, global IPv6. For tests and benchmarks that
// must agree on what "a million routes" means.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace sluice::testing {

// Host byte order; bits beyond the length are zero; no prefix twice; never /0.
struct Ipv4Prefix {
  uint32_t address;
  uint8_t length;
};
struct Ipv6Prefix {
  uint64_t high, low;
  uint8_t length;
};

// A small generator of our own: the sets must be the same on every platform.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next();  // splitmix64
  // Below n; the bias of the remainder is far below what a test could see.
  uint64_t Below(uint64_t n) { return Next() % n; }

 private:
  uint64_t state_;
};

// The lengths of the IPv4 default-free zone (60 % /24, 10 % each /22 and /23, few
// above /16), clustered in allocations of /12 to /20 inside unicast space.
std::vector<Ipv4Prefix> InternetRoutes4(uint64_t seed, unsigned count);

// RFC 1918 space: 50 % /24, 20 % /28 to /30, 15 % /32, 15 % /16 to /23. The three
// blocks are used in the ratio 8 : 1 : 1, as in our tenants' plans.
std::vector<Ipv4Prefix> TenantRoutes4(uint64_t seed, unsigned count);

// 2000::/3: 55 % /48, 20 % /32 to /44, 23 % /56 to /64, 2 % /128, inside of
// allocations of /32 under the registries' blocks.
std::vector<Ipv6Prefix> GlobalRoutes6(uint64_t seed, unsigned count);

// An address inside the prefix, the bits beyond its length random.
uint32_t AddressIn(const Ipv4Prefix& prefix, Random& random);
std::pair<uint64_t, uint64_t> AddressIn(const Ipv6Prefix& prefix, Random& random);

}  // namespace sluice::testing
