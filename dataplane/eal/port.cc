// Opens, configures and starts DPDK ports.
#include "dataplane/eal/port.h"

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dataplane/eal/eal_runtime.h"
#include "dataplane/eal/flow_port.h"
#include "dataplane/eal/kernel_interface.h"
#include "dataplane/eal/output_capture.h"
#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

// DPDK's error lines say what the number does not.
absl::Status Failed(absl::string_view what, int result) {
  const std::string line = TakeFirstDpdkError();
  return absl::UnavailableError(
      absl::StrCat(what, ": ", rte_strerror(result < 0 ? -result : result), line.empty() ? "" : "; ", line));
}

bool IsUnsupported(int result) {
  return result == -ENOTSUP || result == -EOPNOTSUPP || result == -ENOSYS;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Port>> Port::Open(const PortPlan& plan, rte_mempool& pool,
                                                 std::vector<std::string>& remarks) {
  TakeFirstDpdkError();
  if (plan.owns_kernel_interface) {
    auto taken = TakeOverKernelInterface(plan.kernel_interface, plan.mtu_bytes, remarks);
    if (!taken.ok()) return taken;
  }
  if (plan.kind != PortKind::kPci) {
    OutputCapture chatter;
    const int probed = rte_dev_probe(plan.devargs.c_str());
    spdlog::debug("port {}: {}", plan.name, chatter.Finish());
    if (probed != 0) return Failed(absl::StrCat(plan.devargs, " cannot be opened"), probed);
  }
  uint16_t id = 0;
  if (rte_eth_dev_get_port_by_name(plan.eal_name.c_str(), &id) != 0)
    return Failed(absl::StrCat("no driver took ", plan.eal_name), ENODEV);
  std::unique_ptr<Port> port(new Port(plan, id));
  if (auto ok = port->Configure(pool); !ok.ok()) return ok;
  if (auto ok = port->SetUpQueues(pool); !ok.ok()) return ok;
  return port;
}

absl::Status Port::Configure(rte_mempool& pool) {
  rte_eth_dev_info can{};
  if (const int result = rte_eth_dev_info_get(id_, &can); result != 0)
    return Failed("its driver is silent", result);
  driver_ = can.driver_name;
  if (plan_.rx_queues > can.max_rx_queues)
    return absl::InvalidArgumentError(absl::StrCat("queues ", plan_.rx_queues, " but ", driver_,
                                                   " has at most ", can.max_rx_queues, " for reception"));
  if (plan_.tx_queues > can.max_tx_queues)
    return absl::InvalidArgumentError(absl::StrCat("there are ", plan_.tx_queues,
                                                   " workers, each needs a queue to send on, but ", driver_,
                                                   " has at most ", can.max_tx_queues));
  offloads_ = ChooseOffloads(plan_, can.flow_type_rss_offloads);

  rte_eth_conf conf{};
  if (offloads_.rss_types != 0) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = offloads_.rss_types;
  }
  // Several virtual drivers claim a largest frame of 1514 and carry more; there
  // the MTU is set on the kernel's side, and ours bounds what we send.
  const bool believes =
      can.max_rx_pktlen >= plan_.mtu_bytes + kL2HeaderBytesMax && can.max_mtu >= plan_.mtu_bytes;
  if (!believes && plan_.kind == PortKind::kPci)
    return absl::InvalidArgumentError(absl::StrCat("mtu ", plan_.mtu_bytes, " but ", driver_,
                                                   " carries at most ",
                                                   std::min<uint32_t>(can.max_mtu, can.max_rx_pktlen)));
  if (believes) conf.rxmode.mtu = plan_.mtu_bytes;
  if (const int result = rte_eth_dev_configure(id_, plan_.rx_queues, plan_.tx_queues, &conf); result != 0)
    return Failed("its driver refuses the configuration", result);
  SLUICE_CHECK(rte_pktmbuf_data_room_size(&pool) >=
               plan_.mtu_bytes + kL2HeaderBytesMax + RTE_PKTMBUF_HEADROOM);

  return ReadMac();
}

absl::Status Port::ReadMac() {
  rte_ether_addr mac{};
  if (const int result = rte_eth_macaddr_get(id_, &mac); result != 0)
    return Failed("it has no MAC address", result);
  std::copy(std::begin(mac.addr_bytes), std::end(mac.addr_bytes), mac_.bytes.begin());
  // Drivers that invent an address invent another one at each start, or none;
  // neighbours should find the one that they know.
  const bool invented =
      plan_.kind == PortKind::kMemif || plan_.kind == PortKind::kNull || plan_.kind == PortKind::kRing;
  if (!invented) return absl::OkStatus();
  mac_ = plan_.stable_mac;
  std::copy(mac_.bytes.begin(), mac_.bytes.end(), std::begin(mac.addr_bytes));
  // Where the driver does not take it, nobody filters by it either.
  rte_eth_dev_default_mac_addr_set(id_, &mac);
  return absl::OkStatus();
}

absl::Status Port::SetUpQueues(rte_mempool& pool) {
  rte_eth_dev_info can{};
  if (const int result = rte_eth_dev_info_get(id_, &can); result != 0)
    return Failed("its driver is silent", result);
  uint16_t rx_descriptors = plan_.rx_descriptors;
  uint16_t tx_descriptors = plan_.tx_descriptors;
  if (const int result = rte_eth_dev_adjust_nb_rx_tx_desc(id_, &rx_descriptors, &tx_descriptors); result != 0)
    return Failed("its driver refuses the descriptor counts", result);
  if (rx_descriptors > plan_.rx_descriptors || tx_descriptors > plan_.tx_descriptors)
    return absl::InvalidArgumentError(absl::StrCat(driver_, " needs at least ", rx_descriptors,
                                                   " rx_descriptors and ", tx_descriptors,
                                                   " tx_descriptors"));
  rte_eth_rxconf rx = can.default_rxconf;
  rx.offloads = 0;
  for (uint16_t queue = 0; queue < plan_.rx_queues; ++queue) {
    const int result = rte_eth_rx_queue_setup(id_, queue, rx_descriptors, SOCKET_ID_ANY, &rx, &pool);
    if (result != 0) return Failed(absl::StrCat("receive queue ", queue), result);
  }
  rte_eth_txconf tx = can.default_txconf;
  tx.offloads = 0;
  for (uint16_t queue = 0; queue < plan_.tx_queues; ++queue) {
    const int result = rte_eth_tx_queue_setup(id_, queue, tx_descriptors, SOCKET_ID_ANY, &tx);
    if (result != 0) return Failed(absl::StrCat("transmit queue ", queue), result);
  }
  return absl::OkStatus();
}

absl::Status Port::Start(std::vector<std::string>& remarks) {
  if (const int result = rte_eth_dev_set_mtu(id_, plan_.mtu_bytes);
      result != 0 && !plan_.owns_kernel_interface) {
    if (!IsUnsupported(result) && result != -EINVAL)
      return Failed(absl::StrCat("mtu ", plan_.mtu_bytes), result);
    remarks.push_back(absl::StrCat("port ", plan_.name, ": ", driver_, " has no MTU of its own; ours holds"));
  }
  OutputCapture chatter;
  if (const int result = rte_eth_dev_start(id_); result != 0) return Failed("it does not start", result);
  started_ = true;
  // Neighbour discovery needs its multicast groups, and they change with every
  // address: all of them are let in (RFC 4861 section 7.2.1).
  const int promiscuous =
      plan_.promiscuous ? rte_eth_promiscuous_enable(id_) : rte_eth_promiscuous_disable(id_);
  if (promiscuous != 0 && !IsUnsupported(promiscuous))
    remarks.push_back(absl::StrCat("port ", plan_.name, ": promiscuous mode: ", rte_strerror(-promiscuous)));
  const int groups = rte_eth_allmulticast_enable(id_);
  if (groups != 0 && !IsUnsupported(groups))
    remarks.push_back(absl::StrCat("port ", plan_.name, ": multicast reception: ", rte_strerror(-groups)));
  DpdkFlowPort flows(id_);
  flow_api_ = ProbeFlowApi(flows);
  return absl::OkStatus();
}

void Port::Stop() {
  if (started_) rte_eth_dev_stop(id_);
  started_ = false;
}

Port::~Port() {
  Stop();
  rte_eth_dev_close(id_);
}

PortLink Port::Link() const {
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(id_, &link) != 0) return {};
  const bool known = link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN;
  return {link.link_status == RTE_ETH_LINK_UP, known ? link.link_speed : 0};
}

PortStatistics Port::Statistics() const {
  rte_eth_stats stats{};
  if (rte_eth_stats_get(id_, &stats) != 0) return {};
  return {stats.ipackets, stats.ibytes,  stats.opackets,  stats.obytes,
          stats.imissed,  stats.ierrors, stats.rx_nombuf, stats.oerrors};
}

std::vector<std::pair<std::string, uint64_t>> Port::ExtendedStatistics() const {
  const int count = rte_eth_xstats_get_names(id_, nullptr, 0);
  if (count <= 0) return {};
  std::vector<rte_eth_xstat_name> names(static_cast<size_t>(count));
  std::vector<rte_eth_xstat> values(names.size());
  const auto size = static_cast<unsigned>(count);
  if (rte_eth_xstats_get_names(id_, names.data(), size) != count) return {};
  if (rte_eth_xstats_get(id_, values.data(), size) != count) return {};
  std::vector<std::pair<std::string, uint64_t>> all;
  for (const rte_eth_xstat& value : values) all.emplace_back(names[value.id].name, value.value);
  return all;
}

}  // namespace sluice::dataplane
