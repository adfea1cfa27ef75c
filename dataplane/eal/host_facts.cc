// Reads HostFacts from the running kernel.
#include "dataplane/eal/host_facts.h"

#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>

namespace sluice::dataplane {
namespace {

std::set<uint32_t> AllowedCores() {
  std::set<uint32_t> cores;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return cores;
  for (uint32_t core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &allowed)) cores.insert(core);
  }
  return cores;
}

// "hugepages-2048kB" with free_hugepages inside, one folder per size.
uint64_t FreeHugePageMib() {
  uint64_t kib_free = 0;
  std::error_code error;
  constexpr std::string_view kFolderPrefix = "hugepages-";
  for (const auto& folder : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", error)) {
    const std::string name = folder.path().filename();
    uint64_t page_kib = 0;
    uint64_t pages = 0;
    std::from_chars(name.data() + kFolderPrefix.size(), name.data() + name.size(), page_kib);
    std::ifstream(folder.path() / "free_hugepages") >> pages;
    kib_free += page_kib * pages;
  }
  return kib_free / 1024;
}

std::set<std::string> NetworkInterfaces() {
  std::set<std::string> names;
  // Unlike sysfs, which may be another namespace's mount, this asks our own.
  struct if_nameindex* const list = if_nameindex();
  if (list == nullptr) return names;
  for (const struct if_nameindex* entry = list; entry->if_index != 0; ++entry) names.insert(entry->if_name);
  if_freenameindex(list);
  return names;
}

std::set<std::string> PciFunctions() {
  std::set<std::string> functions;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/bus/pci/devices", error))
    functions.insert(entry.path().filename());
  return functions;
}

uint64_t EffectiveCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, sets) != 0) return 0;
  return static_cast<uint64_t>(sets[1].effective) << 32 | sets[0].effective;
}

}  // namespace

HostFacts ReadHostFacts() {
  const uint64_t capabilities = EffectiveCapabilities();
  const auto has = [&](unsigned capability) { return (capabilities >> capability & 1) != 0; };
  HostFacts host;
  host.cores = AllowedCores();
  host.free_huge_page_mib = FreeHugePageMib();
  host.network_interfaces = NetworkInterfaces();
  host.pci_functions = PciFunctions();
  host.may_open_raw_sockets = has(CAP_NET_RAW);
  host.may_administer_network = has(CAP_NET_ADMIN);
  host.may_use_pci = has(CAP_SYS_ADMIN);
  return host;
}

}  // namespace sluice::dataplane
