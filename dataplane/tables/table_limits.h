// How large the dataplane's tables may grow. Every figure is the limit of the
// same name in proto/sluice/dataplane/v1/config.proto; memory for all of them
// (but routes) is reserved once, at start.
#pragma once

#include <cstdint>

namespace sluice::dataplane {

struct TableLimits {
  uint32_t vrfs = 4096;         // VRF ids are 0 .. vrfs - 1
  uint32_t interfaces = 16384;  // interface ids are 1 .. interfaces
  uint32_t addresses = 65536;   // of all interfaces and VRF routers together
  uint32_t neighbors = 65536;
  uint32_t neighbors_per_vrf = 1024;
  uint32_t adjacencies = 262144;      // control's; ids are 1 .. adjacencies
  uint32_t next_hop_groups = 262144;  // control's; ids are 1 .. next_hop_groups
  uint32_t group_buckets = 1048576;
  uint32_t policers = 32768;  // ids are 1 .. policers
  uint32_t ipv4_routes = 16777216;
  uint32_t ipv4_routes_per_vrf = 2097152;
  uint32_t ipv6_routes = 4194304;
  uint32_t ipv6_routes_per_vrf = 1048576;
  uint32_t fib_mib = 1024;  // memory of the lookup structures of both families
  uint32_t pending_removals = 1048576;
  uint32_t tunnel_terminations = 262144;  // of each family
  uint32_t tunnel_remotes = 65536;
  // Of all workers together; each has its share.
  uint32_t reassembly_datagrams = 1024;
  uint32_t reassembly_datagrams_per_tenant = 256;
  uint32_t reassembly_datagrams_per_source = 64;
  uint32_t reassembly_fragments_per_datagram = 64;
  uint32_t reassembly_datagram_bytes = 9216;
  uint32_t reassembly_timeout_ms = 2000;
  uint32_t sas = 65536;  // of both directions; numbers are 1 .. sas
};

}  // namespace sluice::dataplane
