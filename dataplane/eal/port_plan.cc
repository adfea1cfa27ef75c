// Device strings of the start-up file into DPDK's device arguments.
#include "dataplane/eal/port_plan.h"

#include <net/if.h>

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace sluice::dataplane {
namespace {

using absl::InvalidArgumentError;
using absl::StrCat;

// af_xdp receives into one chunk of a page beside the kernel's headroom; beyond
// this MTU the port starts and receives nothing (measured, kernel 6.x, DPDK 22.11).
constexpr uint32_t kAfXdpMtuMax = 3400;
// Each queue's fill and completion rings take this many buffers, whatever is asked for.
constexpr uint16_t kAfXdpRingSlots = 2048;
constexpr uint32_t kTapQueuesMax = 16;
constexpr uint32_t kDescriptorsMin = 32;
constexpr uint32_t kDescriptorsMax = 4096;
constexpr uint32_t kQueuesMax = 128;
// net_ring allocates rings of this size whatever is asked for.
constexpr uint16_t kRingSlots = 1024;

// TPACKET_V2: the kernel puts the frame behind its own header (TPACKET2_HDRLEN
// plus link-layer room, aligned) and silently cuts what does not fit the slot.
constexpr uint32_t kAfPacketSlotHeader = 80;
constexpr uint32_t kAfPacketSlots = 512;
constexpr uint32_t kAfPacketBlockBytes = 65536;

struct DeviceString {
  std::string driver;
  std::vector<std::pair<std::string, std::string>> arguments;

  const std::string* Find(absl::string_view key) const {
    for (const auto& [name, value] : arguments) {
      if (name == key) return &value;
    }
    return nullptr;
  }
};

absl::StatusOr<DeviceString> Split(const std::string& device) {
  const std::vector<std::string> parts = absl::StrSplit(device, ',');
  DeviceString split{parts[0], {}};
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::pair<std::string, std::string> argument = absl::StrSplit(parts[i], absl::MaxSplits('=', 1));
    if (argument.first.empty())
      return InvalidArgumentError(StrCat("device \"", device, "\" has an empty argument"));
    split.arguments.push_back(argument);
  }
  return split;
}

bool IsHex(absl::string_view text, size_t length) {
  return text.size() == length && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isxdigit(static_cast<uint8_t>(c));
         });
}

// "3b:00.0" or "0000:3b:00.0" in the long, lower-case form, else empty.
std::string PciFunction(absl::string_view text) {
  std::vector<std::string> fields = absl::StrSplit(absl::AsciiStrToLower(text), absl::ByAnyChar(":."));
  if (fields.size() == 3) fields.insert(fields.begin(), "0000");
  if (fields.size() != 4 || !IsHex(fields[0], 4) || !IsHex(fields[1], 2) || !IsHex(fields[2], 2)) return {};
  if (fields[3].size() != 1 || fields[3][0] < '0' || fields[3][0] > '7') return {};
  return StrCat(fields[0], ":", fields[1], ":", fields[2], ".", fields[3]);
}

absl::StatusOr<PortKind> KindOf(const std::string& driver) {
  constexpr std::pair<absl::string_view, PortKind> kKinds[] = {
      {"net_af_packet", PortKind::kAfPacket}, {"net_af_xdp", PortKind::kAfXdp}, {"net_tap", PortKind::kTap},
      {"net_memif", PortKind::kMemif},        {"net_ring", PortKind::kRing},    {"net_null", PortKind::kNull},
      {"net_pcap", PortKind::kPcap}};
  for (const auto& [name, kind] : kKinds) {
    if (driver == name) return kind;
  }
  if (driver.starts_with("net_") && absl::ascii_isdigit(static_cast<uint8_t>(driver.back())))
    return InvalidArgumentError(
        StrCat("device \"", driver, "\" carries a number; write the driver's name only"));
  if (driver.starts_with("net_") || driver == "virtio_user") return PortKind::kOtherVirtual;
  return InvalidArgumentError(
      StrCat("device \"", driver,
             "\" is neither a PCI address nor a virtual device (net_af_packet, net_af_xdp, "
             "net_memif, net_tap, net_ring, net_null, net_pcap, ...)"));
}

absl::Status Check(uint32_t value, uint32_t low, uint32_t high, absl::string_view what) {
  if (value >= low && value <= high) return absl::OkStatus();
  return InvalidArgumentError(StrCat(what, " ", value, " is outside ", low, "..", high));
}

absl::Status CheckInterface(const DeviceString& device, bool must_exist, const HostFacts& host,
                            PortPlan& plan) {
  const std::string* const name = device.Find("iface");
  if (name == nullptr || name->empty())
    return InvalidArgumentError(StrCat(device.driver, " needs iface=NAME"));
  if (name->size() >= IFNAMSIZ)
    return InvalidArgumentError(
        StrCat("interface name ", *name, " is longer than ", IFNAMSIZ - 1, " characters"));
  if (must_exist && !host.network_interfaces.contains(*name))
    return absl::NotFoundError(StrCat("there is no network interface ", *name));
  plan.kernel_interface = *name;
  plan.owns_kernel_interface = must_exist;
  return absl::OkStatus();
}

absl::Status RefuseOurs(const DeviceString& device, std::initializer_list<absl::string_view> keys) {
  for (const absl::string_view key : keys) {
    if (device.Find(key) != nullptr)
      return InvalidArgumentError(
          StrCat(device.driver, ": ", key, " is derived from queues and mtu; leave it out"));
  }
  return absl::OkStatus();
}

absl::Status PlanAfPacket(const v1::Port& port, uint16_t workers, const HostFacts& host, DeviceString& device,
                          PortPlan& plan) {
  if (auto refused = RefuseOurs(device, {"qpairs", "framesz", "blocksz"}); !refused.ok()) return refused;
  if (!host.may_open_raw_sockets)
    return absl::PermissionDeniedError("net_af_packet needs CAP_NET_RAW; run as root");
  if (auto found = CheckInterface(device, true, host, plan); !found.ok()) return found;
  // The kernel spreads over every socket of the fan-out group, so each one must
  // be polled, and each worker needs one to send on: pairs, never fewer than workers.
  if (port.has_queues() && port.queues() < workers)
    return InvalidArgumentError(
        StrCat("queues ", port.queues(), " but ", workers, " workers send on one each"));
  plan.rx_queues = plan.tx_queues = static_cast<uint16_t>(port.has_queues() ? port.queues() : workers);
  plan.frame_bytes = std::bit_ceil(kAfPacketSlotHeader + kL2HeaderBytesMax + plan.mtu_bytes);
  device.arguments.emplace_back("qpairs", StrCat(plan.rx_queues));
  device.arguments.emplace_back("blocksz", StrCat(kAfPacketBlockBytes));
  device.arguments.emplace_back("framesz", StrCat(plan.frame_bytes));
  if (device.Find("framecnt") == nullptr) device.arguments.emplace_back("framecnt", StrCat(kAfPacketSlots));
  return absl::OkStatus();
}

absl::Status PlanAfXdp(const v1::Port& port, uint16_t workers, const HostFacts& host, DeviceString& device,
                       PortPlan& plan) {
  if (auto refused = RefuseOurs(device, {"queue_count"}); !refused.ok()) return refused;
  if (!host.may_open_raw_sockets || !host.may_administer_network)
    return absl::PermissionDeniedError("net_af_xdp needs CAP_NET_RAW and CAP_NET_ADMIN; run as root");
  if (auto found = CheckInterface(device, true, host, plan); !found.ok()) return found;
  if (plan.mtu_bytes > kAfXdpMtuMax)
    return InvalidArgumentError(
        StrCat("mtu ", plan.mtu_bytes, " but net_af_xdp carries at most ", kAfXdpMtuMax));
  const uint32_t queues = port.has_queues() ? port.queues() : workers;
  if (queues < workers)
    return InvalidArgumentError(StrCat("queues ", queues, " but ", workers, " workers send on one each"));
  plan.rx_queues = plan.tx_queues = static_cast<uint16_t>(queues);
  plan.rx_descriptors = plan.tx_descriptors = kAfXdpRingSlots;
  if (device.Find("start_queue") == nullptr) device.arguments.emplace_back("start_queue", "0");
  device.arguments.emplace_back("queue_count", StrCat(queues));
  return absl::OkStatus();
}

absl::Status PlanTap(const HostFacts& host, const DeviceString& device, PortPlan& plan) {
  if (!host.may_administer_network)
    return absl::PermissionDeniedError("net_tap needs CAP_NET_ADMIN; run as root");
  // The driver insists on as many transmit queues as receive queues.
  plan.rx_queues = plan.tx_queues = std::max(plan.rx_queues, plan.tx_queues);
  if (plan.rx_queues > kTapQueuesMax)
    return InvalidArgumentError(
        StrCat("queues ", plan.rx_queues, " but net_tap has at most ", kTapQueuesMax));
  return CheckInterface(device, false, host, plan);
}

absl::Status PlanPci(const std::string& function, const HostFacts& host) {
  if (!host.may_use_pci) return absl::PermissionDeniedError("a PCI device needs CAP_SYS_ADMIN; run as root");
  if (!host.pci_functions.contains(function))
    return absl::NotFoundError(StrCat("there is no PCI function ", function));
  return absl::OkStatus();
}

absl::Status PlanSizes(const v1::Port& port, uint16_t workers, PortPlan& plan) {
  if (port.has_mtu()) {
    if (auto ok = Check(port.mtu(), kMtuMin, kMtuMax, "mtu"); !ok.ok()) return ok;
    plan.mtu_bytes = static_cast<uint16_t>(port.mtu());
  }
  if (port.has_queues()) {
    if (auto ok = Check(port.queues(), 1, kQueuesMax, "queues"); !ok.ok()) return ok;
  }
  plan.rx_queues = static_cast<uint16_t>(port.has_queues() ? port.queues() : workers);
  plan.tx_queues = workers;
  if (port.has_rx_descriptors()) {
    if (auto ok = Check(port.rx_descriptors(), kDescriptorsMin, kDescriptorsMax, "rx_descriptors"); !ok.ok())
      return ok;
    plan.rx_descriptors = static_cast<uint16_t>(port.rx_descriptors());
  }
  if (port.has_tx_descriptors()) {
    if (auto ok = Check(port.tx_descriptors(), kDescriptorsMin, kDescriptorsMax, "tx_descriptors"); !ok.ok())
      return ok;
    plan.tx_descriptors = static_cast<uint16_t>(port.tx_descriptors());
  }
  if (port.has_promiscuous()) plan.promiscuous = port.promiscuous();
  return absl::OkStatus();
}

absl::Status PlanVirtual(const v1::Port& port, uint16_t index, uint16_t workers, const HostFacts& host,
                         DeviceString& device, PortPlan& plan) {
  const auto kind = KindOf(device.driver);
  if (!kind.ok()) return kind.status();
  plan.kind = *kind;
  plan.eal_name = StrCat(device.driver, index);
  absl::Status planned;
  switch (plan.kind) {
    case PortKind::kAfPacket:
      planned = PlanAfPacket(port, workers, host, device, plan);
      break;
    case PortKind::kAfXdp:
      planned = PlanAfXdp(port, workers, host, device, plan);
      break;
    case PortKind::kTap:
      planned = PlanTap(host, device, plan);
      break;
    case PortKind::kRing:
      plan.rx_descriptors = plan.tx_descriptors = kRingSlots;
      break;
    case PortKind::kMemif:
      // The sender picks the queue; a second one would stay empty with most peers.
      if (!port.has_queues()) plan.rx_queues = 1;
      break;
    case PortKind::kPcap:
      // One file per queue.
      if (!port.has_queues()) plan.rx_queues = 1;
      break;
    case PortKind::kNull:
    case PortKind::kOtherVirtual:
    case PortKind::kPci:
      break;
  }
  if (!planned.ok()) return planned;
  const auto join = [](std::string* out, const std::pair<std::string, std::string>& argument) {
    absl::StrAppend(out, argument.first, "=", argument.second);
  };
  plan.devargs = device.arguments.empty()
                     ? plan.eal_name
                     : StrCat(plan.eal_name, ",", absl::StrJoin(device.arguments, ",", join));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PortPlan> PlanPort(const v1::Port& port, uint16_t index, uint16_t workers,
                                  const HostFacts& host) {
  PortPlan plan;
  plan.name = port.name();
  plan.device = port.device();
  if (plan.device.empty()) return InvalidArgumentError("device is missing");
  if (auto sized = PlanSizes(port, workers, plan); !sized.ok()) return sized;
  auto device = Split(plan.device);
  if (!device.ok()) return device.status();

  if (const std::string function = PciFunction(device->driver); !function.empty()) {
    if (auto found = PlanPci(function, host); !found.ok()) return found;
    plan.kind = PortKind::kPci;
    plan.eal_name = function;
    plan.devargs = function + plan.device.substr(device->driver.size());
    return plan;
  }
  if (auto planned = PlanVirtual(port, index, workers, host, *device, plan); !planned.ok()) return planned;
  return plan;
}

}  // namespace sluice::dataplane
