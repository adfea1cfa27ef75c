// The checked form of the start-up file: everything a start needs to know, with
// every default filled in. Pure: the same file on the same host gives the same plan.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/eal/host_facts.h"
#include "dataplane/eal/packet_pool_rule.h"
#include "dataplane/eal/port_plan.h"
#include "sluice/dataplane/v1/config.pb.h"

namespace sluice::dataplane {

inline constexpr uint32_t kWorkersMax = 64;
inline constexpr uint32_t kConfiguredPortsMax = 32;  // RTE_MAX_ETHPORTS

struct StartupPlan {
  std::string instance;
  std::string grpc_socket;
  std::string channel_socket;
  std::vector<PortPlan> ports;         // in the order of the file; the index is not DPDK's port number
  std::vector<uint32_t> worker_cores;  // worker -> core; a core may appear twice with `sleep`
  uint32_t main_core = 0;              // of all other threads
  bool sleep = false;                  // idle policy
  bool huge_pages = false;
  uint32_t eal_mib = 0;
  PacketPoolSize pool;
  PacketPoolSize reassembly_pool;
  uint32_t mbuf_cache = kPoolCachePerWorker;  // buffers per worker
  v1::Limits limits;                          // every field present
  v1::SlowPath slow_path;                     // every field present
  std::vector<std::string> eal_arguments;     // the operator's, after ours
  std::string log_level;
  // What the operator should know though it is no mistake; one line each.
  std::vector<std::string> remarks;
};

// The error names the object: `port "wan": mtu 9500 is outside 576..9000`.
absl::StatusOr<StartupPlan> PlanStartup(const v1::DataplaneConfig& config, const HostFacts& host);

// Whether `text` is an RFC 1123 label: at most 63 of a-z, 0-9 and inner '-'.
bool IsDnsLabel(absl::string_view text);

}  // namespace sluice::dataplane
