// Draws prefixes from length tables until the set is full.
#include "tests/lib/route_set.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>

namespace sluice::testing {
namespace {

// `weight` of the routes have a length of `first` to `last`, evenly.
struct LengthShare {
  uint8_t first, last;
  uint32_t weight;
};

template <size_t kCount>
uint8_t DrawLength(const LengthShare (&shares)[kCount], Random& random) {
  uint64_t total = 0;
  for (const LengthShare& share : shares) total += share.weight;
  uint64_t at = random.Below(total);
  for (const LengthShare& share : shares) {
    if (at < share.weight)
      return static_cast<uint8_t>(share.first + random.Below(share.last - share.first + 1u));
    at -= share.weight;
  }
  return shares[0].first;
}

uint32_t Mask4(unsigned length) {
  return length == 0 ? 0 : ~uint32_t{0} << (32 - length);
}
uint64_t Mask64(unsigned length) {
  return length == 0 ? 0 : ~uint64_t{0} << (64 - length);
}

Ipv6Prefix Masked6(uint64_t high, uint64_t low, uint8_t length) {
  return {high & Mask64(std::min<unsigned>(length, 64)), length > 64 ? low & Mask64(length - 64u) : 0,
          length};
}

struct Hash4 {
  size_t operator()(uint64_t key) const { return key * 0x9e3779b97f4a7c15; }
};
struct Hash6 {
  size_t operator()(const std::tuple<uint64_t, uint64_t, uint8_t>& key) const {
    const auto& [high, low, length] = key;
    return (high * 0x9e3779b97f4a7c15 ^ low * 0xc2b2ae3d27d4eb4f) + length;
  }
};

template <class Draw>
std::vector<Ipv4Prefix> Fill4(unsigned count, Draw draw) {
  std::vector<Ipv4Prefix> routes;
  std::unordered_set<uint64_t, Hash4> seen;
  routes.reserve(count);
  seen.reserve(count);
  while (routes.size() < count) {
    const Ipv4Prefix route = draw();
    if (seen.insert(uint64_t{route.address} << 8 | route.length).second) routes.push_back(route);
  }
  return routes;
}

// Unicast, without the blocks that never appear in the default-free zone.
uint32_t UnicastAddress(Random& random) {
  for (;;) {
    const auto address = static_cast<uint32_t>(random.Next());
    const uint32_t first = address >> 24;
    if (first >= 1 && first < 224 && first != 10 && first != 127) return address;
  }
}

}  // namespace

uint64_t Random::Next() {
  uint64_t mixed = state_ += 0x9e3779b97f4a7c15;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
  return mixed ^ mixed >> 31;
}

std::vector<Ipv4Prefix> InternetRoutes4(uint64_t seed, unsigned count) {
  constexpr LengthShare kLengths[] = {{24, 24, 600}, {23, 23, 100}, {22, 22, 110}, {21, 21, 50},
                                      {20, 20, 45},  {19, 19, 30},  {18, 18, 15},  {17, 17, 10},
                                      {16, 16, 14},  {12, 15, 4},   {8, 11, 1},    {25, 32, 1}};
  Random random(seed);
  // Announcements cluster: most of them split an allocation into pieces.
  std::vector<Ipv4Prefix> allocations;
  for (unsigned i = 0; i < std::max(count / 16, 16u); ++i) {
    const auto length = static_cast<uint8_t>(12 + random.Below(9));
    allocations.push_back({UnicastAddress(random) & Mask4(length), length});
  }
  return Fill4(count, [&] {
    const uint8_t length = DrawLength(kLengths, random);
    uint32_t address = UnicastAddress(random);
    const Ipv4Prefix& inside = allocations[random.Below(allocations.size())];
    if (random.Below(4) != 0 && inside.length <= length) address = AddressIn(inside, random);
    return Ipv4Prefix{address & Mask4(length), length};
  });
}

std::vector<Ipv4Prefix> TenantRoutes4(uint64_t seed, unsigned count) {
  constexpr LengthShare kLengths[] = {{24, 24, 50}, {28, 30, 20}, {32, 32, 15}, {16, 23, 15}};
  constexpr Ipv4Prefix kTen = {0x0a000000, 8}, kTwelve = {0xac100000, 12}, kSixteen = {0xc0a80000, 16};
  Random random(seed);
  return Fill4(count, [&] {
    const uint64_t block = random.Below(10);
    const uint32_t address = AddressIn(block < 8 ? kTen : block < 9 ? kTwelve : kSixteen, random);
    const uint8_t length = DrawLength(kLengths, random);
    return Ipv4Prefix{address & Mask4(length), length};
  });
}

std::vector<Ipv6Prefix> GlobalRoutes6(uint64_t seed, unsigned count) {
  constexpr LengthShare kLengths[] = {{48, 48, 55}, {32, 44, 20}, {56, 64, 23}, {128, 128, 2}};
  constexpr uint64_t kRegistries[] = {0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00};
  Random random(seed);
  std::vector<uint64_t> allocations;  // /32
  for (unsigned i = 0; i < std::max(count / 8, 8u); ++i) {
    const uint64_t registry = kRegistries[random.Below(6)] << 48;
    // 2001::/16, the others /12.
    const unsigned fixed_bits = registry >> 48 == 0x2001 ? 16 : 12;
    allocations.push_back((registry | random.Next() >> fixed_bits) & Mask64(32));
  }
  std::vector<Ipv6Prefix> routes;
  std::unordered_set<std::tuple<uint64_t, uint64_t, uint8_t>, Hash6> seen;
  while (routes.size() < count) {
    const uint64_t high = allocations[random.Below(allocations.size())] | random.Next() >> 32;
    const Ipv6Prefix route = Masked6(high, random.Next(), DrawLength(kLengths, random));
    if (seen.insert({route.high, route.low, route.length}).second) routes.push_back(route);
  }
  return routes;
}

uint32_t AddressIn(const Ipv4Prefix& prefix, Random& random) {
  return prefix.address | (static_cast<uint32_t>(random.Next()) & ~Mask4(prefix.length));
}

std::pair<uint64_t, uint64_t> AddressIn(const Ipv6Prefix& prefix, Random& random) {
  const uint64_t high = random.Next() & ~Mask64(std::min<unsigned>(prefix.length, 64));
  const uint64_t low = random.Next() & ~(prefix.length > 64 ? Mask64(prefix.length - 64u) : 0);
  return {prefix.high | high, prefix.low | low};
}

}  // namespace sluice::testing
