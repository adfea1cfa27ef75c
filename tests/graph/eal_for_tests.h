// DPDK's environment for tests and benchmarks: no huge pages, no devices, no
// root, nothing shared with other processes.
#pragma once

#include <rte_mempool.h>

#include <cstdint>

namespace sluice::testing {

// Starts EAL on first use; the calling thread becomes the main lcore. Dies if it
// cannot. Benchmarks ask for huge pages, where there are any.
struct EalOptions {
  uint32_t memory_mib = 256;
  bool huge_pages = false;
};
void StartEal(const EalOptions& options = {});

// A pool of one-segment buffers with our private area, `cache` per thread.
// kVisible: its lock is seen by the thread sanitizer, which DPDK's own libraries are not.
enum class PoolLock : uint8_t { kDpdk, kVisible };
rte_mempool* CreatePool(const char* name, uint32_t count, uint32_t cache, uint16_t data_room = 10240,
                        PoolLock lock = PoolLock::kDpdk);

}  // namespace sluice::testing
