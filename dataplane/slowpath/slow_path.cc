// The loop of the slow path.
#include "dataplane/slowpath/slow_path.h"

#include <pthread.h>
#include <rte_rcu_qsbr.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <type_traits>

#include "dataplane/eal/monotonic_clock.h"

namespace sluice::dataplane {
namespace {

// Of each queue in one turn.
constexpr size_t kPuntBurst = 64;
constexpr size_t kControlBurst = 64;
// Ports without a kernel interface are asked this often (memif peers come and go).
constexpr std::chrono::milliseconds kLinkPoll{50};
// Workers cannot wake a sleeping thread without a system call, so it looks.
constexpr int kIdleMilliseconds = 1;

}  // namespace

SlowPath::SlowPath(const SlowPathOptions& options, Tables& tables, rte_rcu_qsbr& qsbr, unsigned reader,
                   NeighborMailbox& requests, NeighborSink& agent, channel::PacketPort& control)
    : tables_(tables),
      qsbr_(qsbr),
      reader_(reader),
      requests_(requests),
      agent_(agent),
      control_(control),
      ports_(options.ports),
      relay_(options.workers, *options.pool, options.counters),
      held_per_tenant_(options.neighbors.held_per_tenant),
      resolution_(options.neighbors, options.seed),
      probes_(options.seed),
      counters_(options.counters),
      counted_(options.counted),
      waiting_(options.neighbors.held_per_tenant),
      control_packet_(channel::kPacketBytesMax) {}

SlowPath::~SlowPath() {
  Stop();
}

absl::Status SlowPath::Start() {
  std::vector<std::string> interfaces;
  for (const Port* port : ports_) {
    if (!port->plan().kernel_interface.empty()) interfaces.push_back(port->plan().kernel_interface);
  }
  if (!interfaces.empty()) {
    auto watch = KernelLinkWatch::Open(interfaces);
    if (!watch.ok()) return watch.status();
    kernel_links_ = *std::move(watch);
  }
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "slow-path");
    Run();
  });
  return absl::OkStatus();
}

void SlowPath::Stop() {
  stop_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
  waiting_.Release([](PacketHandle packet, Instant) {
    rte_pktmbuf_free(&PacketRelay::PacketOf(packet));
    return true;
  });
}

void SlowPath::Run() {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  const auto watch = [epoll](int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
  };
  watch(control_.poll_fd());
  if (kernel_links_) watch(kernel_links_->poll_fd());
  for (const Port* port : ports_) link_up_[port->id()] = false;
  while (!stop_.load(std::memory_order_relaxed)) {
    if (!Turn(MonotonicNow())) Idle(epoll);
  }
  close(epoll);
}

bool SlowPath::Turn(Instant now) {
  bool worked = false;
  // While the agent is behind, what would be reported waits in the rings and the mailbox.
  if (!reports_.full()) {
    worked |= ServeRequests(now);
    worked |= ServePunted(now);
    worked |= ServeTime(now);
  }
  worked |= ServeControl(now);
  worked |= ServeLinks(now);
  worked |= ReleaseWaiting(now);
  FlushReports();
  return worked;
}

void SlowPath::Idle(int epoll) {
  std::array<epoll_event, 4> events;
  if (epoll_wait(epoll, events.data(), static_cast<int>(events.size()), kIdleMilliseconds) > 0)
    control_.AnswerDoorbell();
}

bool SlowPath::ServeRequests(Instant now) {
  const auto requests = requests_.TakeAll();
  NeighborOutputs outputs;
  ProbeOutputs probe_outputs;
  for (const auto& request : requests) {
    if (const auto* const change = std::get_if<InterfaceChange>(&request)) {
      // Solicitations and held packets are accounted to the interface's tenant.
      if (change->removed) {
        attachments_.erase(change->interface);
      } else {
        attachments_[change->interface] = {change->vrf, change->port, change->vlan};
      }
    }
    std::visit(
        [&](const auto& input) {
          if constexpr (std::is_same_v<decltype(input), const PeerWatch&>) {
            probes_.Handle(now, input, probe_outputs);
          } else {
            resolution_.Handle(now, input, outputs);
          }
        },
        request);
    Perform(now, outputs);
    Perform(probe_outputs);
  }
  return !requests.empty();
}

bool SlowPath::ServePunted(Instant now) {
  bool worked = false;
  std::array<rte_mbuf*, kPuntBurst> packets;
  for (size_t worker = 0; worker < relay_.workers(); ++worker) {
    for (size_t queue = 0; queue < kPuntQueues; ++queue) {
      const size_t count = relay_.TakePunted(worker, static_cast<PuntQueue>(queue), packets);
      for (size_t i = 0; i < count; ++i) Punted(now, *packets[i]);
      worked |= count > 0;
    }
  }
  if (worked) control_.Flush();
  return worked;
}

bool SlowPath::ServeControl(Instant now) {
  using Injected = channel::PacketPort::Injected;
  size_t served = 0;
  for (; served < kControlBurst; ++served) {
    channel::InjectRecord record;
    uint32_t bytes = 0;
    const Injected injected =
        control_.Inject(&record, std::as_writable_bytes(std::span(control_packet_)), &bytes);
    if (injected == Injected::kNothing) break;
    const bool known = record.vrf < tables_.vrfs.size();
    const VrfId vrf = known ? static_cast<VrfId>(record.vrf) : VrfId{0};
    if (injected == Injected::kMalformed || !known) {
      relay_.CountDrop(vrf, DropReason::kInjectInvalid);
      continue;
    }
    if (!inject_budgets_.Take(vrf, static_cast<channel::InjectClass>(record.inject_class), now)) {
      relay_.CountDrop(vrf, DropReason::kInjectRateLimited);
      continue;
    }
    rte_mbuf* const packet = relay_.NewPacket(vrf, std::span<const uint8_t>(control_packet_).first(bytes));
    if (packet != nullptr) relay_.Inject(*packet, InjectKind::kForward);
  }
  if (served > 0) control_.Release();
  return served > 0;
}

bool SlowPath::ServeLinks(Instant now) {
  bool worked = false;
  if (kernel_links_) {
    for (const KernelLinkChange& change : kernel_links_->Read()) {
      for (const Port* port : ports_) {
        if (port->plan().kernel_interface != change.interface) continue;
        NoteLink(now, port->id(), change.up);
        worked = true;
      }
    }
  }
  if (now - links_polled_at_ < kLinkPoll) return worked;
  links_polled_at_ = now;
  for (const Port* port : ports_) {
    if (!port->plan().kernel_interface.empty()) continue;
    const bool up = port->Link().up;
    if (up != link_up_[port->id()]) NoteLink(now, port->id(), up);
  }
  return worked;
}

void SlowPath::NoteLink(Instant now, PortId port, bool up) {
  link_up_[port] = up;
  // Not behind what neighbours have to say.
  agent_.Push(PortLinkChange{port, up, now});
  spdlog::info("port {}: carrier {}", NameOf(port), up ? "up" : "lost");
  if (!up) return;
  NeighborOutputs outputs;
  resolution_.HandleLinkUp(now, port, outputs);
  Perform(now, outputs);
}

bool SlowPath::ServeTime(Instant now) {
  const auto due = [now](const std::optional<Instant>& deadline) { return deadline && *deadline <= now; };
  const bool neighbors = due(resolution_.NextDeadline()), probes = due(probes_.NextDeadline());
  if (neighbors) {
    NeighborOutputs outputs;
    resolution_.HandleTime(now, outputs);
    Perform(now, outputs);
  }
  if (probes) {
    ProbeOutputs outputs;
    probes_.HandleTime(
        now, [this](InterfaceId tunnel) { return counted_.Probes(tunnel).answered; }, outputs);
    Perform(outputs);
  }
  return neighbors || probes;
}

void SlowPath::FlushReports() {
  reports_.Flush([&](const auto& report) { return agent_.Push(report); });
}

const char* SlowPath::NameOf(PortId port) const {
  for (const Port* candidate : ports_) {
    if (candidate->id() == port) return candidate->plan().name.c_str();
  }
  return "";
}

// Control, which knows the connection's name, logs it too; this line is for when control is away.
void SlowPath::LogDuplicate(const DuplicateAddressReport& report) const {
  const auto at = attachments_.find(report.interface);
  if (at == attachments_.end()) return;
  if (at->second.port == kNoPort) {
    spdlog::warn("overlay {} of VRF {}: address {} is also claimed by {}", report.interface, at->second.vrf,
                 report.address.ToString(), report.other.ToString());
    return;
  }
  spdlog::warn("port {} VLAN {}: address {} is also claimed by {}", NameOf(at->second.port), at->second.vlan,
               report.address.ToString(), report.other.ToString());
}

}  // namespace sluice::dataplane
