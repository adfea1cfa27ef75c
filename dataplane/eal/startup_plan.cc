// Checks the start-up file against the host and fills in the defaults.
#include "dataplane/eal/startup_plan.h"

#include <sys/un.h>

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dataplane/eal/startup_limits.h"

namespace sluice::dataplane {
namespace {

using absl::InvalidArgumentError;
using absl::Status;
using absl::StrCat;

constexpr uint32_t kEalMibWithHugePages = 512;
constexpr uint32_t kEalMibWithoutHugePages = 1024;
constexpr uint32_t kEalMibMin = 64;
constexpr uint32_t kEalMibMax = 1 << 20;
// What EAL, rings and driver queues take besides the packet pools.
constexpr uint32_t kEalMibReserve = 32;
constexpr uint32_t kMbufsMax = 1 << 24;

Status PlanNames(const v1::DataplaneConfig& config, StartupPlan& plan) {
  plan.instance = config.instance().empty() ? "sluice" : config.instance();
  if (!IsDnsLabel(plan.instance))
    return InvalidArgumentError(StrCat("instance \"", plan.instance, "\" is not a DNS label"));
  plan.grpc_socket = config.grpc_socket();
  plan.channel_socket = plan.grpc_socket + ".channel";
  if (plan.grpc_socket.empty()) return InvalidArgumentError("grpc_socket is missing");
  if (plan.grpc_socket[0] != '/')
    return InvalidArgumentError(StrCat("grpc_socket \"", plan.grpc_socket, "\" is not an absolute path"));
  if (plan.channel_socket.size() >= sizeof(sockaddr_un::sun_path))
    return InvalidArgumentError(StrCat("grpc_socket is longer than ",
                                       sizeof(sockaddr_un::sun_path) - 1 - sizeof ".channel", " characters"));
  plan.log_level = config.log_level().empty() ? "info" : config.log_level();
  constexpr absl::string_view kLevels[] = {"trace", "debug", "info", "warning", "warn", "error"};
  if (std::find(std::begin(kLevels), std::end(kLevels), plan.log_level) == std::end(kLevels))
    return InvalidArgumentError(
        StrCat("log_level \"", plan.log_level, "\" is none of ", absl::StrJoin(kLevels, ", ")));
  return absl::OkStatus();
}

std::string CoreNames(const std::set<uint32_t>& cores) {
  return cores.empty() ? "none" : absl::StrJoin(cores, ", ");
}

Status PlanCores(const v1::DataplaneConfig& config, const HostFacts& host, StartupPlan& plan) {
  plan.sleep = config.idle_policy() == v1::DataplaneConfig::SLEEP;
  if (!v1::DataplaneConfig::IdlePolicy_IsValid(config.idle_policy()))
    return InvalidArgumentError(
        StrCat("idle_policy ", static_cast<int>(config.idle_policy()), " is unknown"));
  if (config.worker_cores().empty())
    return InvalidArgumentError("worker_cores is missing: name one core per worker");
  if (static_cast<uint32_t>(config.worker_cores_size()) > kWorkersMax)
    return InvalidArgumentError(
        StrCat("worker_cores: ", config.worker_cores_size(), " workers, at most ", kWorkersMax));
  std::set<uint32_t> taken;
  for (const uint32_t core : config.worker_cores()) {
    if (!host.cores.contains(core))
      return InvalidArgumentError(
          StrCat("worker_cores: core ", core, " is not available (there are: ", CoreNames(host.cores), ")"));
    if (!taken.insert(core).second && !plan.sleep)
      return InvalidArgumentError(
          StrCat("worker_cores: core ", core, " twice, which needs idle_policy SLEEP"));
    plan.worker_cores.push_back(core);
  }
  const auto free =
      std::find_if(host.cores.begin(), host.cores.end(), [&](uint32_t c) { return !taken.contains(c); });
  plan.main_core = free != host.cores.end() ? *free : *host.cores.begin();
  if (config.has_main_core()) plan.main_core = config.main_core();
  if (!host.cores.contains(plan.main_core))
    return InvalidArgumentError(StrCat("main_core: core ", plan.main_core,
                                       " is not available (there are: ", CoreNames(host.cores), ")"));
  if (taken.contains(plan.main_core) && !plan.sleep)
    plan.remarks.push_back(StrCat("core ", plan.main_core, " runs a busy worker and all other threads"));
  return absl::OkStatus();
}

// 02 and 40 bits of FNV-1a: the same in every run, different for every port of a host.
net::MacAddress StableMac(absl::string_view instance, absl::string_view port) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : StrCat(instance, "/", port)) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  net::MacAddress mac{{2}};
  for (size_t i = 1; i < mac.bytes.size(); ++i) mac.bytes[i] = static_cast<uint8_t>(hash >> (8 * i));
  return mac;
}

Status PlanPorts(const v1::DataplaneConfig& config, const HostFacts& host, StartupPlan& plan) {
  if (config.ports().empty()) return InvalidArgumentError("ports is missing: a dataplane needs one at least");
  if (static_cast<uint32_t>(config.ports_size()) > kConfiguredPortsMax)
    return InvalidArgumentError(
        StrCat("ports: ", config.ports_size(), " of them, at most ", kConfiguredPortsMax));
  std::set<std::string> names;
  std::set<std::string> devices;
  for (const v1::Port& port : config.ports()) {
    if (!IsDnsLabel(port.name()))
      return InvalidArgumentError(StrCat("port \"", port.name(), "\": the name is not a DNS label"));
    if (!names.insert(port.name()).second)
      return InvalidArgumentError(StrCat("port \"", port.name(), "\": the name appears twice"));
    const auto index = static_cast<uint16_t>(plan.ports.size());
    auto planned = PlanPort(port, index, static_cast<uint16_t>(plan.worker_cores.size()), host);
    if (!planned.ok())
      return Status(planned.status().code(),
                    StrCat("port \"", port.name(), "\": ", planned.status().message()));
    // Virtual devices are numbered and thus unique; what they stand on may not be shared.
    const std::string& device =
        planned->kernel_interface.empty() ? planned->eal_name : planned->kernel_interface;
    if (!devices.insert(device).second)
      return InvalidArgumentError(
          StrCat("port \"", port.name(), "\": ", device, " is another port's already"));
    planned->stable_mac = StableMac(plan.instance, port.name());
    plan.ports.push_back(*std::move(planned));
  }
  return absl::OkStatus();
}

Status PlanHugePages(const v1::Memory& memory, const HostFacts& host, StartupPlan& plan) {
  const uint32_t wanted = memory.has_eal_mib() ? memory.eal_mib() : kEalMibWithHugePages;
  if (memory.has_eal_mib() && (wanted < kEalMibMin || wanted > kEalMibMax))
    return InvalidArgumentError(
        StrCat("memory: eal_mib ", wanted, " is outside ", kEalMibMin, "..", kEalMibMax));
  const bool enough = host.free_huge_page_mib >= wanted;
  if (memory.has_huge_pages() && memory.huge_pages() && !enough)
    return absl::ResourceExhaustedError(StrCat("memory: huge_pages is set but only ", host.free_huge_page_mib,
                                               " MiB of huge pages are free, ", wanted, " MiB are needed"));
  plan.huge_pages = memory.has_huge_pages() ? memory.huge_pages() : enough;
  plan.eal_mib = plan.huge_pages || memory.has_eal_mib() ? wanted : kEalMibWithoutHugePages;
  if (!plan.huge_pages)
    plan.remarks.push_back(StrCat("running without huge pages (", host.free_huge_page_mib,
                                  " MiB are free): slower, fine for tests"));
  return absl::OkStatus();
}

Status PlanMemory(const v1::Memory& memory, const HostFacts& host, StartupPlan& plan) {
  if (auto ok = PlanHugePages(memory, host, plan); !ok.ok()) return ok;
  plan.pool = SmallestPacketPool(plan.ports, static_cast<uint32_t>(plan.worker_cores.size()));
  if (memory.has_mbufs()) {
    if (memory.mbufs() < plan.pool.mbufs)
      return InvalidArgumentError(StrCat("memory: mbufs ", memory.mbufs(), " is below the ", plan.pool.mbufs,
                                         " that descriptors, caches and bursts in flight need"));
    if (memory.mbufs() > kMbufsMax)
      return InvalidArgumentError(StrCat("memory: mbufs ", memory.mbufs(), " is above ", kMbufsMax));
    plan.pool.mbufs = memory.mbufs();
  }
  if (memory.has_mbuf_cache()) plan.mbuf_cache = memory.mbuf_cache();
  if (plan.mbuf_cache > kPoolCachePerWorker)
    return InvalidArgumentError(
        StrCat("memory: mbuf_cache ", plan.mbuf_cache, " is above ", kPoolCachePerWorker));
  plan.reassembly_pool =
      ReassemblyPool(plan.ports, static_cast<uint32_t>(plan.worker_cores.size()),
                     plan.limits.reassembly_datagrams(), plan.limits.reassembly_datagram_bytes());
  const uint32_t needed = PacketPoolMib(plan.pool) + PacketPoolMib(plan.reassembly_pool) +
                          PacketPoolMib({kSlowPathBuffers, plan.pool.data_room_bytes}) + kEalMibReserve;
  if (needed > plan.eal_mib)
    return InvalidArgumentError(StrCat("memory: ", plan.pool.mbufs, " buffers of ", plan.pool.data_room_bytes,
                                       " bytes need eal_mib ", needed, ", it is ", plan.eal_mib));
  return absl::OkStatus();
}

}  // namespace

bool IsDnsLabel(absl::string_view text) {
  if (text.empty() || text.size() > 63 || text.front() == '-' || text.back() == '-') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_islower(static_cast<uint8_t>(c)) || absl::ascii_isdigit(static_cast<uint8_t>(c)) ||
           c == '-';
  });
}

absl::StatusOr<StartupPlan> PlanStartup(const v1::DataplaneConfig& config, const HostFacts& host) {
  StartupPlan plan;
  if (auto ok = PlanNames(config, plan); !ok.ok()) return ok;
  if (auto ok = PlanCores(config, host, plan); !ok.ok()) return ok;
  if (auto ok = PlanPorts(config, host, plan); !ok.ok()) return ok;
  auto limits = CompleteLimits(config.limits());
  if (!limits.ok()) return limits.status();
  plan.limits = *limits;
  if (auto ok = PlanMemory(config.memory(), host, plan); !ok.ok()) return ok;
  auto slow_path = CompleteSlowPath(config.slow_path());
  if (!slow_path.ok()) return slow_path.status();
  plan.slow_path = *slow_path;
  plan.eal_arguments.assign(config.eal_arguments().begin(), config.eal_arguments().end());
  return plan;
}

}  // namespace sluice::dataplane
