// Builds and takes down the dataplane.
#include "dataplane/forwarding_process.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dataplane/agent/state_messages.h"
#include "dataplane/eal/eal_arguments.h"
#include "dataplane/nodes/nodes.h"
#include "dataplane/packet/esp_self_test.h"
#include "dataplane/queue_fills.h"
#include "dataplane/slowpath/slow_path_message.h"
#include "dataplane/startup_settings.h"
#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

int RunWorker(void* worker) {
  static_cast<Worker*>(worker)->Run();
  return 0;
}

// The highest DPDK port number plus one.
uint32_t PortNumbers(const std::vector<std::unique_ptr<Port>>& ports) {
  uint32_t numbers = 0;
  for (const auto& port : ports) numbers = std::max<uint32_t>(numbers, port->id() + 1u);
  return numbers;
}

void LogPort(const Port& port) {
  std::vector<std::string> offloads;
  for (const auto& [name, where] : port.offloads().report) offloads.push_back(absl::StrCat(name, "=", where));
  spdlog::info("port {}: number {} device {} driver {} mac {} mtu {} queues {}/{} {} rte_flow={}",
               port.plan().name, port.id(), port.plan().devargs, port.driver(), port.mac().ToString(),
               port.plan().mtu_bytes, port.rx_queues(), port.tx_queues(), absl::StrJoin(offloads, " "),
               port.flow_api());
}

}  // namespace

uint64_t ForwardingProcess::MakeInstance() {
  uint64_t instance = 0;
  // Without entropy at boot the time stamp counter differs between two starts, too.
  if (getrandom(&instance, sizeof instance, GRND_NONBLOCK) != sizeof instance) instance = rte_rdtsc();
  return instance | 1;
}

absl::StatusOr<std::unique_ptr<ForwardingProcess>> ForwardingProcess::Start(const StartupPlan& plan) {
  std::unique_ptr<ForwardingProcess> process(new ForwardingProcess(plan));
  using Step = absl::Status (ForwardingProcess::*)();
  for (const Step step : {&ForwardingProcess::StartEal, &ForwardingProcess::OpenPorts,
                          &ForwardingProcess::CreateTables, &ForwardingProcess::CreateChannel,
                          &ForwardingProcess::CreateWorkers, &ForwardingProcess::StartSteering,
                          &ForwardingProcess::StartThreads, &ForwardingProcess::StartServer}) {
    const absl::Status done = (process.get()->*step)();
    if (!done.ok()) return done;
  }
  // Only now: a start that fails is one line.
  for (const std::string& remark : process->remarks_) spdlog::warn("{}", remark);
  for (const auto& port : process->ports_) LogPort(*port);
  return process;
}

absl::Status ForwardingProcess::StartEal() {
  auto eal = EalRuntime::Start(plan_);
  if (!eal.ok()) return eal.status();
  eal_ = *std::move(eal);
  const bool for_devices = std::any_of(plan_.ports.begin(), plan_.ports.end(),
                                       [](const PortPlan& port) { return port.kind == PortKind::kPci; });
  auto packets = CreatePacketPool("packets", plan_.pool, plan_.mbuf_cache, for_devices);
  if (!packets.ok()) return packets.status();
  packets_ = *std::move(packets);
  // Held packets are copies of received ones: the same room, never cached by a worker.
  auto slow = CreatePacketPool("slow_path", {kSlowPathBuffers, plan_.pool.data_room_bytes}, 0, for_devices);
  if (!slow.ok()) return slow.status();
  slow_path_packets_ = *std::move(slow);
  auto reassembly = CreatePacketPool("reassembly", plan_.reassembly_pool, 0, for_devices);
  if (!reassembly.ok()) return reassembly.status();
  reassembly_packets_ = *std::move(reassembly);
  return absl::OkStatus();
}

absl::Status ForwardingProcess::OpenPorts() {
  for (const PortPlan& plan : plan_.ports) {
    auto port = Port::Open(plan, *packets_, remarks_);
    if (port.ok()) {
      if (const absl::Status started = (*port)->Start(remarks_); !started.ok()) port = started;
    }
    if (!port.ok())
      return absl::Status(port.status().code(),
                          absl::StrCat("port \"", plan.name, "\": ", port.status().message()));
    ports_.push_back(*std::move(port));
  }
  return absl::OkStatus();
}

absl::Status ForwardingProcess::CreateTables() {
  reclaimer_ = std::make_unique<QsbrReclaimer>(worker_count());
  TablesOptions options;
  options.limits = TableLimitsOf(plan_);
  options.ports = PortNumbers(ports_);
  options.workers = worker_count();
  options.ticks_per_second = rte_get_tsc_hz();
  options.icmp = {plan_.slow_path.icmp_errors_per_second(), plan_.slow_path.echo_replies_per_second()};
  options.seed = instance_;
  tables_ = std::make_unique<Tables>(options, *reclaimer_);
  return absl::OkStatus();
}

absl::Status ForwardingProcess::CreateChannel() {
  channel::ChannelSizes sizes;
  // Behind the workers' blocks are the slow path's and the agent's.
  sizes.counters.workers = worker_count() + 2u;
  sizes.counters.interfaces = plan_.limits.interfaces() + 1;
  sizes.counters.adjacencies = tables_->adjacencies.size();
  sizes.counters.vrfs = plan_.limits.vrfs();
  sizes.counters.drop_reasons = kDropReasonsMax;
  sizes.counters.policers = plan_.limits.policers() + 1;
  sizes.counters.nodes = static_cast<uint32_t>(AllNodes().size());
  auto memory = channel::ChannelMemory::Create(sizes, instance_);
  if (!memory.ok()) return memory.status();
  memory_ = std::make_unique<channel::ChannelMemory>(*std::move(memory));
  control_packets_ = std::make_unique<channel::PacketPort>(*memory_);
  auto server = channel::ChannelServer::Listen(plan_.channel_socket, *memory_, control_packets_.get());
  if (!server.ok()) return server.status();
  channel_ = *std::move(server);

  std::vector<PortState> states(PortNumbers(ports_));
  for (const auto& port : ports_) states[port->id()] = {port->mac(), port->plan().mtu_bytes, false};
  const channel::CounterOrigin origin(memory_->counter_layout(), memory_->counter_section(),
                                      worker_count() + 1u);
  table_writer_ = std::make_unique<TableWriter>(*tables_, std::move(states), neighbor_requests_, origin);
  table_writer_->resolver().SetObserver(&state_feed_);
  agent_ = std::make_unique<Agent>(*table_writer_, *channel_, agent_inbox_, *reclaimer_);
  agent_->SetDuplicateAddressObserver(
      [this](const DuplicateAddressReport& report) { state_feed_.OnDuplicate(report); });
  return absl::OkStatus();
}

CounterBlock ForwardingProcess::CountersOf(WorkerIndex worker) const {
  return CounterBlock::Of(memory_->counter_layout(), memory_->counter_section(), worker);
}

// Each worker's own; all find the same instructions, so one is asked for the known answers.
absl::Status ForwardingProcess::CreateCrypto() {
  esp_crypto_.reserve(worker_count());
  for (WorkerIndex worker = 0; worker < worker_count(); ++worker) {
    auto crypto = EspCrypto::Create();
    if (!crypto.ok()) return crypto.status();
    esp_crypto_.push_back(*std::move(crypto));
  }
  spdlog::info("ESP: {}", esp_crypto_.front().library().Describe());
  const std::vector<EspSuiteId> failed = FailedEspSuites(esp_crypto_.front(), LegacySuites::kRefused);
  for (const EspSuiteId suite : failed) tables_->sas.Disable(suite);
  const absl::Status described = DescribeFailedEspSuites(failed);
  if (!described.ok()) remarks_.emplace_back(described.message());
  return absl::OkStatus();
}

absl::Status ForwardingProcess::CreateWorkers() {
  std::vector<WorkerContext> contexts(worker_count());
  if (worker_count() > 1) fragment_rings_ = std::make_unique<FragmentRings>(worker_count());
  if (worker_count() > 1) handover_rings_ = std::make_unique<HandoverRings>(worker_count());
  if (const absl::Status created = CreateCrypto(); !created.ok()) return created;
  for (WorkerIndex worker = 0; worker < worker_count(); ++worker) {
    auto rings = OwnedWorkerRings::Create(worker);
    if (!rings.ok()) return rings.status();
    WorkerContext& context = contexts[worker];
    context.tables = tables_.get();
    context.counters = CountersOf(worker);
    context.index = worker;
    context.punt = rings->rings().punt;
    context.inject = rings->rings().inject;
    context.packets = packets_.get();
    context.reassembly_pool = reassembly_packets_.get();
    context.fragment_rings = fragment_rings_.get();
    context.handover_rings = handover_rings_.get();
    context.esp_crypto = &esp_crypto_[worker];
    rings_.push_back(*std::move(rings));
  }
  std::vector<PortQueues> queues;
  for (const auto& port : ports_) queues.push_back({port->id(), port->rx_queues(), port->mac()});
  AssignQueues(queues, contexts);
  const IdlePolicy idle_policy = plan_.sleep ? IdlePolicy::kSleep : IdlePolicy::kBusy;
  for (WorkerContext& context : contexts) {
    auto worker =
        Worker::Create(absl::StrCat("worker", context.index), context, *reclaimer_->qsbr(), idle_policy);
    if (!worker.ok()) return worker.status();
    workers_.push_back(*std::move(worker));
  }
  return absl::OkStatus();
}

// Before the agent runs, which tells the loop of its changes.
absl::Status ForwardingProcess::StartSteering() {
  std::vector<std::unique_ptr<FlowPort>> ports(PortNumbers(ports_));
  bool any = false;
  for (const auto& port : ports_) {
    // One queue needs no rule.
    if (port->flow_api() != kFlowApiYes || port->rx_queues() < 2) continue;
    ports[port->id()] = std::make_unique<DpdkFlowPort>(port->id());
    any = true;
  }
  steering_ = std::make_unique<FlowSteering>(std::move(ports));
  if (!any) return absl::OkStatus();
  OwnerQueues queues(PortNumbers(ports_), worker_count());
  for (const auto& worker : workers_)
    for (const ReceiveQueue& queue : worker->receive_queues())
      queues.Add(queue.port, worker->index(), queue.queue);
  steering_loop_ = std::make_unique<SteeringLoop>(*tables_, *reclaimer_, std::move(queues), *steering_);
  table_writer_->SetInterfaceObserver([this] { steering_loop_->OnInterfaces(); });
  return absl::OkStatus();
}

absl::Status ForwardingProcess::StartThreads() {
  SlowPathOptions options;
  options.neighbors = NeighborSettingsOf(plan_);
  options.seed = instance_;
  for (const OwnedWorkerRings& owned : rings_) options.workers.push_back(owned.rings());
  options.pool = slow_path_packets_.get();
  options.counters = CountersOf(worker_count());
  options.counted = memory_->counters();
  for (const auto& port : ports_) options.ports.push_back(port.get());
  slow_path_ =
      std::make_unique<SlowPath>(options, *tables_, *reclaimer_->qsbr(), reclaimer_->slow_path_reader(),
                                 neighbor_requests_, agent_inbox_, *control_packets_);
  for (const auto& worker : workers_) {
    const int launched = rte_eal_remote_launch(RunWorker, worker.get(), LcoreOfWorker(worker->index()));
    SLUICE_CHECK(launched == 0);
  }
  workers_run_ = true;
  agent_->Start();
  return slow_path_->Start();
}

// Last, because an answer from it means that everything else is there.
absl::Status ForwardingProcess::StartServer() {
  ServiceParts parts{.agent = *agent_,
                     .tables = *tables_,
                     .reclaimer = *reclaimer_,
                     .memory = *memory_,
                     .feed = state_feed_,
                     .slow_path =
                         [this] {
                           v1::GetSlowPathReply reply = MessageOf(*slow_path_);
                           *reply.mutable_path_mtus() = EventsMessage(table_writer_->path_mtus().counters());
                           return reply;
                         },
                     .queues =
                         [this] {
                           const rte_mempool* const pools[] = {packets_.get(), slow_path_packets_.get()};
                           return QueueFills(*memory_, rings_, pools);
                         },
                     .steering = *steering_,
                     .ports = {},
                     .workers = {},
                     .worker_cores = plan_.worker_cores,
                     .channel_socket = plan_.channel_socket,
                     .version = SLUICE_VERSION};
  for (const auto& port : ports_) parts.ports.push_back(port.get());
  for (const auto& worker : workers_) parts.workers.push_back(worker.get());
  auto server = DataplaneServer::Start(plan_.grpc_socket, std::move(parts));
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  return absl::OkStatus();
}

ForwardingProcess::~ForwardingProcess() {
  server_.reset();
  if (agent_) agent_->Stop();
  steering_loop_.reset();
  steering_.reset();
  if (slow_path_) slow_path_->Stop();
  if (!workers_run_) return;
  for (const auto& worker : workers_) worker->RequestStop();
  rte_eal_mp_wait_lcore();
}

}  // namespace sluice::dataplane
