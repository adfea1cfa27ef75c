// The IPv4 lookup eight packets to an instruction, for processors with AVX-512.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::dataplane {

struct FibView;

namespace fib {

// Decided once, at start: the instructions are there and nobody measures races,
// which the thread sanitizer cannot see in gathered loads.
bool HasVectorLookup();

constexpr unsigned kVectorLanes = 8;
constexpr unsigned kVectorBurst = 32;

// As FibViews<Ipv4>::LookupBurst, for `count` packets, at most kVectorBurst.
// Touches nothing beyond them.
void VectorLookup(const std::byte* memory, const FibView* views, const uint16_t vrf[],
                  const uint32_t address[], uint32_t out[], unsigned count);

}  // namespace fib
}  // namespace sluice::dataplane
