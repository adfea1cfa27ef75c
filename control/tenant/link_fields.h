// What connections and interfaces of the underlay have in common as fields of a
// request: port, VLAN, MTU, addresses, routes. Each function reports what is
// wrong and leaves text in canonical form.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/tenant/environment.h"
#include "control/tenant/findings.h"
#include "control/tenant/model.h"
#include "sluice/gateway/v1/routes.pb.h"

namespace sluice::tenant {

inline constexpr uint32_t kMtuMin = 1280;  // RFC 8200 section 5
inline constexpr uint32_t kMtuMax = 9000;
inline constexpr uint32_t kVlanMax = 4094;

void CheckCount(size_t count, uint64_t limit, std::string_view name, const Place& place, Findings& findings);

// `mtu` (0: the port's) belongs to `mtu_place` and must not be above the port's.
void CheckPort(const std::string& port, uint16_t mtu, const Environment& environment, const Place& place,
               const Place& mtu_place, Findings& findings);
// 0 when absent or wrong.
uint16_t TakeMtu(bool present, uint32_t wanted, const Place& place, Findings& findings);
// 1..4094, or 0 for untagged; absent when it is none. One that somebody else has is a finding.
std::optional<uint16_t> TakeVlan(bool tagged, uint32_t wanted, const std::string& port,
                                 const Environment& environment, const Place& place, Findings& findings);

std::vector<net::InterfaceAddress> TakeAddresses(google::protobuf::RepeatedPtrField<std::string>& wanted,
                                                 const Limits& limits, const Place& place,
                                                 Findings& findings);
// Apart from whether their next hops can be reached. At most `count_max`, the limit `count_limit`.
std::vector<StaticRoute> TakeStaticRoutes(
    google::protobuf::RepeatedPtrField<gateway::v1::StaticRoute>& wanted, uint64_t count_max,
    std::string_view count_limit, const Limits& limits, const Place& place, Findings& findings);

// A link that came through, with its place in the request.
struct PlacedLink {
  Connection link;
  Place place;
};

// A subnet of a VRF and where it is asked for.
struct PlacedSubnet {
  net::Prefix prefix;
  std::optional<net::Address> own;  // our address in it
  Place place;
  std::string owner;  // several subnets of one owner may overlap
};
std::vector<PlacedSubnet> SubnetsOf(const std::vector<PlacedLink>& links);

// Subnets of one VRF must not overlap: which link an address is on would be chance.
void CheckSubnetsApart(const std::vector<PlacedSubnet>& subnets, Findings& findings);

}  // namespace sluice::tenant
