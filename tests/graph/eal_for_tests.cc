// Starts EAL for a test program.
#include "tests/graph/eal_for_tests.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "dataplane/packet/metadata.h"
#include "proto/net/check.h"

namespace sluice::testing {
namespace {

constexpr const char* kHugePages = "/sys/kernel/mm/hugepages/hugepages-2048kB/";

uint32_t ReadPages(const char* file) {
  std::ifstream in(std::string(kHugePages) + file);
  uint32_t pages = 0;
  in >> pages;
  return pages;
}

// A benchmark run by root takes the huge pages it needs and gives them back.
uint32_t pages_taken = 0;

void GiveBackHugePages() {
  std::ofstream(std::string(kHugePages) + "nr_hugepages") << ReadPages("nr_hugepages") - pages_taken;
}

bool HugePagesFree(uint32_t mib) {
  const uint32_t wanted = mib / 2, free = ReadPages("free_hugepages");
  if (free >= wanted) return true;
  const uint32_t before = ReadPages("nr_hugepages");
  std::ofstream(std::string(kHugePages) + "nr_hugepages") << before + wanted - free;
  pages_taken = ReadPages("nr_hugepages") - before;
  if (pages_taken != 0) std::atexit(GiveBackHugePages);
  return ReadPages("free_hugepages") >= wanted;
}

// A last-in-first-out pool under a mutex, compiled with this program.
struct VisiblePool {
  std::mutex mutex;
  std::vector<void*> free;
};
VisiblePool& PoolOf(const rte_mempool* pool) {
  return *static_cast<VisiblePool*>(pool->pool_data);
}

int Enqueue(rte_mempool* pool, void* const* objects, unsigned count) {
  const std::lock_guard lock(PoolOf(pool).mutex);
  PoolOf(pool).free.insert(PoolOf(pool).free.end(), objects, objects + count);
  return 0;
}

int Dequeue(rte_mempool* pool, void** objects, unsigned count) {
  const std::lock_guard lock(PoolOf(pool).mutex);
  std::vector<void*>& free = PoolOf(pool).free;
  if (free.size() < count) return -ENOBUFS;
  std::copy(free.end() - count, free.end(), objects);
  free.resize(free.size() - count);
  return 0;
}

// Its name; registered once.
const char* VisibleOps() {
  static const int registered = [] {
    rte_mempool_ops ops{};
    std::strcpy(ops.name, "visible");
    ops.alloc = [](rte_mempool* pool) {
      pool->pool_data = new VisiblePool;
      return 0;
    };
    ops.free = [](rte_mempool* pool) { delete &PoolOf(pool); };
    ops.enqueue = Enqueue;
    ops.dequeue = Dequeue;
    ops.get_count = [](const rte_mempool* pool) {
      const std::lock_guard lock(PoolOf(pool).mutex);
      return static_cast<unsigned>(PoolOf(pool).free.size());
    };
    return rte_mempool_register_ops(&ops);
  }();
  SLUICE_CHECK(registered >= 0);
  return "visible";
}

}  // namespace

void StartEal(const EalOptions& options) {
  static bool started = false;
  if (started) return;
  started = true;
  std::vector<std::string> arguments = {"test",
                                        "--lcores=0@0",
                                        "-m" + std::to_string(options.memory_mib),
                                        "--no-pci",
                                        "--iova-mode=va",
                                        "--no-telemetry",
                                        "--log-level=error",
                                        "--file-prefix=sluice-test-" + std::to_string(getpid())};
  if (options.huge_pages && HugePagesFree(options.memory_mib)) {
    arguments.push_back("--in-memory");
  } else {
    arguments.push_back("--no-huge");
    arguments.push_back("--no-shconf");
  }
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    std::fprintf(stderr, "EAL does not start: %s\n", rte_strerror(rte_errno));
    SLUICE_CHECK(false);
  }
}

rte_mempool* CreatePool(const char* name, uint32_t count, uint32_t cache, uint16_t data_room, PoolLock lock) {
  const char* ops = lock == PoolLock::kVisible ? VisibleOps() : "stack";
  rte_mempool* pool = rte_pktmbuf_pool_create_by_ops(name, count, cache, sizeof(dataplane::PacketMetadata),
                                                     data_room, SOCKET_ID_ANY, ops);
  SLUICE_CHECK(pool != nullptr);
  return pool;
}

}  // namespace sluice::testing
