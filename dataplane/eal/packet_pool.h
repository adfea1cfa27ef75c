// The pools that packet buffers come from.
#pragma once

#include <rte_mempool.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/eal/packet_pool_rule.h"

namespace sluice::dataplane {

struct FreePacketPool {
  void operator()(rte_mempool* pool) const { rte_mempool_free(pool); }
};
using PacketPool = std::unique_ptr<rte_mempool, FreePacketPool>;

// A pool of one-segment buffers with 64 bytes of private area. Last in, first
// out, so that the buffers in use stay in the cache. `cache` is the number of
// buffers that each lcore may keep for itself, 0 for pools of other threads.
// `for_devices`: a PCI device will read and write the buffers.
absl::StatusOr<PacketPool> CreatePacketPool(const std::string& name, const PacketPoolSize& size,
                                            uint32_t cache, bool for_devices);

}  // namespace sluice::dataplane
