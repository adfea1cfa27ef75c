// Fills in limits and slow-path settings; the ranges follow from the width of
// the numbers that name the objects (tables/ids.h) and from the memory rules.
#include "dataplane/eal/startup_limits.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <span>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "dataplane/eal/packet_pool_rule.h"

namespace sluice::dataplane {
namespace {

struct Setting {
  const char* name;  // of the protobuf field
  uint32_t standard;
  uint32_t low;
  uint32_t high;
};

constexpr Setting kLimits[] = {
    {"vrfs", 4096, 1, 65536},
    {"interfaces", 16384, 1, 65535},
    {"addresses", 65536, 1, 1 << 20},
    {"neighbors", 65536, 1, 1 << 20},
    {"neighbors_per_vrf", 1024, 1, 1 << 20},
    {"adjacencies", 262144, 16, 1 << 22},
    {"next_hop_groups", 262144, 16, 1 << 22},
    {"group_buckets", 1048576, 64, 1 << 26},
    {"policers", 32768, 1, 65535},
    {"ipv4_routes", 16777216, 1, 1 << 26},
    {"ipv4_routes_per_vrf", 2097152, 1, 1 << 26},
    {"ipv6_routes", 4194304, 1, 1 << 26},
    {"ipv6_routes_per_vrf", 1048576, 1, 1 << 26},
    {"fib_mib", 1024, 8, 65536},
    {"pending_removals", 1048576, 1024, 1 << 26},
    {"tunnel_terminations", 262144, 1, 1 << 24},
    {"tunnel_remotes", 65536, 1, 1 << 22},
    {"reassembly_datagrams", 1024, 16, 65536},
    {"reassembly_datagrams_per_tenant", 256, 1, 65536},
    {"reassembly_datagrams_per_source", 64, 1, 65536},
    {"reassembly_fragments_per_datagram", 64, 2, 1024},
    {"reassembly_datagram_bytes", 9216, 1500, kReassembledBytesMax},
    {"reassembly_timeout_ms", 2000, 10, 60000},
    {"sas", 65536, 2, 1 << 22},
};

constexpr Setting kSlowPath[] = {
    {"retransmit_ms", 1000, 10, 60000},
    {"reachable_ms", 30000, 100, 3600000},
    {"probes_max", 3, 1, 20},
    {"held_per_neighbor", 4, 0, 64},
    {"held_per_tenant", 64, 0, kHeldBuffersMax},
    {"icmp_errors_per_second", 100, 1, 1000000},
    {"echo_replies_per_second", 1000, 1, 10000000},
};

absl::Status Complete(std::span<const Setting> settings, absl::string_view message_name,
                      google::protobuf::Message& message) {
  const auto& reflection = *message.GetReflection();
  for (const Setting& setting : settings) {
    const auto* const field = message.GetDescriptor()->FindFieldByName(setting.name);
    if (!reflection.HasField(message, field)) {
      reflection.SetUInt32(&message, field, setting.standard);
      continue;
    }
    const uint32_t value = reflection.GetUInt32(message, field);
    if (value < setting.low || value > setting.high)
      return absl::InvalidArgumentError(absl::StrCat(message_name, ": ", setting.name, " ", value,
                                                     " is outside ", setting.low, "..", setting.high));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Limits> CompleteLimits(const v1::Limits& limits) {
  v1::Limits complete = limits;
  if (auto ok = Complete(kLimits, "limits", complete); !ok.ok()) return ok;
  return complete;
}

absl::StatusOr<v1::SlowPath> CompleteSlowPath(const v1::SlowPath& settings) {
  v1::SlowPath complete = settings;
  if (auto ok = Complete(kSlowPath, "slow_path", complete); !ok.ok()) return ok;
  return complete;
}

}  // namespace sluice::dataplane
