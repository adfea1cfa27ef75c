// The table sizes that tests, fuzz targets and benchmarks run with, by how many
// tenants find room.
#pragma once

#include "dataplane/tables/table_limits.h"

namespace sluice::testing {

// Small enough for a test to reach every one of them.
inline constexpr dataplane::TableLimits kFewTenants{.vrfs = 16,
                                                    .interfaces = 64,
                                                    .addresses = 64,
                                                    .neighbors = 64,
                                                    .neighbors_per_vrf = 16,
                                                    .adjacencies = 64,
                                                    .next_hop_groups = 64,
                                                    .group_buckets = 1024,
                                                    .policers = 16,
                                                    .ipv4_routes = 100'000,
                                                    .ipv4_routes_per_vrf = 50'000,
                                                    .ipv6_routes = 1'000,
                                                    .ipv6_routes_per_vrf = 500,
                                                    .fib_mib = 64,
                                                    .pending_removals = 10'000,
                                                    .tunnel_terminations = 64,
                                                    .tunnel_remotes = 16,
                                                    .sas = 64};

// For packets through the graph.
inline constexpr dataplane::TableLimits kHundredsOfTenants{.vrfs = 256,
                                                           .interfaces = 512,
                                                           .addresses = 2048,
                                                           .neighbors = 2048,
                                                           .adjacencies = 4096,
                                                           .next_hop_groups = 4096,
                                                           .group_buckets = 65536,
                                                           .policers = 512,
                                                           .ipv4_routes = 1'000'000,
                                                           .ipv6_routes = 1'000'000,
                                                           .fib_mib = 256,
                                                           // However slow the machine is.
                                                           .reassembly_timeout_ms = 60'000,
                                                           .sas = 4096};

// A thousand VRFs with ten thousand routes each, or one with a million.
inline constexpr dataplane::TableLimits kThousandTenants{.vrfs = 1025,
                                                         .interfaces = 2048,
                                                         .addresses = 8192,
                                                         .neighbors = 1024,
                                                         .adjacencies = 4096,
                                                         .next_hop_groups = 4096,
                                                         .group_buckets = 4096,
                                                         .policers = 16,
                                                         .fib_mib = 2048,
                                                         .sas = 64};

}  // namespace sluice::testing
