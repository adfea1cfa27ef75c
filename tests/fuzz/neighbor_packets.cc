// ARP and ND packets come from any station of a tenant's link: what parses must
// build to bytes that parse to the same value, and resolution must survive all.

#include <cstddef>
#include <cstdint>

#include "dataplane/slowpath/neighbor_resolution.h"
#include "proto/net/check.h"

namespace {

using namespace sluice;
using namespace sluice::dataplane;

constexpr InterfaceId kLink = 1;
constexpr VrfId kTenant = 0;

NeighborResolution Resolution() {
  NeighborResolution resolution({}, 1);
  InterfaceChange change;
  change.interface = kLink;
  change.mac = *net::MacAddress::Parse("02:00:00:00:00:01");
  change.addresses = {*net::InterfaceAddress::Parse("10.0.0.1/24"),
                      *net::InterfaceAddress::Parse("2001:db8::1/64")};
  NeighborOutputs out;
  resolution.Handle(Instant{}, change, out);
  // Somebody whom replies can be about.
  resolution.HandleUnresolved(Instant{}, {kLink, *net::Address::Parse("10.0.0.9")}, kTenant, 1, out);
  resolution.HandleUnresolved(Instant{}, {kLink, *net::Address::Parse("2001:db8::9")}, kTenant, 2, out);
  return resolution;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> bytes(data, size);
  if (const auto arp = ParseArp(bytes)) SLUICE_CHECK(ParseArp(BuildArp(*arp)) == arp);
  const NdParse nd = ParseNd(bytes);
  if (nd.fault == NdFault::kNone) SLUICE_CHECK(ParseNd(BuildNd(nd.packet)).packet == nd.packet);

  NeighborResolution resolution = Resolution();
  NeighborOutputs out;
  const auto peer = *net::MacAddress::Parse("02:00:00:00:00:09");
  resolution.HandleArp(Instant{}, kLink, bytes, out);
  resolution.HandleNd(Instant{}, kLink, peer, bytes, out);
  // One packet of an attacker causes one of ours and one learned entry at most.
  SLUICE_CHECK(out.size() <= 4);
  SLUICE_CHECK(resolution.neighbor_count() <= 4);
  return 0;
}
