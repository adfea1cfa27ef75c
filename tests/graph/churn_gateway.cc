// The dataplane's threads around a packet graph between rings.
#include "tests/graph/churn_gateway.h"

#include "dataplane/slowpath/arp_packet.h"
#include "dataplane/slowpath/ethernet_frame.h"
#include "dataplane/slowpath/nd_packet.h"
#include "proto/net/check.h"
#include "tests/graph/eal_for_tests.h"

namespace sluice::testing {
namespace {

using namespace dataplane;  // NOLINT: its parts are put together here

constexpr size_t kL2Bytes = kEthernetBytes + kVlanTagBytes;

channel::ChannelSizes SizesFor(uint16_t workers) {
  channel::ChannelSizes sizes;
  // The counters that are read are the harness's own.
  sizes.counters = {.workers = workers,
                    .interfaces = 1,
                    .adjacencies = 1,
                    .vrfs = 1,
                    .drop_reasons = 1,
                    .policers = 1,
                    .nodes = 1};
  return sizes;
}

uint16_t Word(const Bytes& bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

}  // namespace

ChurnGateway::ChurnGateway(uint16_t workers, Hosts hosts) : hosts_(std::move(hosts)), reclaimer_(workers) {
  graph_ = std::make_unique<GraphHarness>(HarnessOptions{.workers = workers,
                                                         .icmp = {100'000'000, 100'000'000},
                                                         .qsbr = reclaimer_.qsbr(),
                                                         .reclaimer = &reclaimer_,
                                                         .visible = true});
  static int serial = 0;
  slow_path_pool_ =
      CreatePool(("slow" + std::to_string(++serial)).c_str(), 1024, 0, 10240, PoolLock::kVisible);
  memory_ = std::make_unique<channel::ChannelMemory>(*channel::ChannelMemory::Create(SizesFor(workers), 1));
  packets_ = std::make_unique<channel::PacketPort>(*memory_);
  server_ = *channel::ChannelServer::Listen(directory_.File("channel"), *memory_, packets_.get());
  std::vector<PortState> ports(graph_->port_numbers());
  for (uint16_t port = 0; port < 2; ++port)
    ports[graph_->port(port).id()] = {.mac = graph_->port(port).mac(), .mtu = 9000, .carrier = true};
  writer_ = std::make_unique<TableWriter>(graph_->tables(), std::move(ports), requests_);
  agent_ = std::make_unique<Agent>(*writer_, *server_, inbox_, reclaimer_);
  SlowPathOptions options;
  options.seed = 1;
  for (uint16_t worker = 0; worker < workers; ++worker)
    options.workers.push_back({graph_->punt_rings(worker), graph_->inject_ring(worker)});
  options.pool = slow_path_pool_;
  options.counters = graph_->slow_path_counters();
  slow_path_ = std::make_unique<SlowPath>(options, graph_->tables(), *reclaimer_.qsbr(),
                                          reclaimer_.slow_path_reader(), requests_, inbox_, *packets_);
  graph_->StartWorkers();
  agent_->Start();
  SLUICE_CHECK(slow_path_->Start().ok());
  control_ = std::make_unique<dataplane::testing::Control>(directory_.File("channel"));
}

ChurnGateway::~ChurnGateway() {
  control_.reset();
  agent_->Stop();
  slow_path_->Stop();
  graph_->StopWorkers();
  // What the slow path injected last lies in rings and on the ports.
  graph_->Settle();
  graph_->Sent(0);
  graph_->Sent(1);
  graph_->TakePunted();
  slow_path_.reset();
  const uint32_t held = rte_mempool_in_use_count(slow_path_pool_);
  graph_.reset();  // checks that none of its own is missing
  SLUICE_CHECK(held == 0);
  rte_mempool_free(slow_path_pool_);
}

void ChurnGateway::Send(dataplane::testing::Record record) {
  control_->Send(std::move(record));
  control_->client().Flush();
}

std::vector<SentFrame> ChurnGateway::Collect() {
  std::vector<SentFrame> frames;
  for (uint16_t port = 0; port < 2; ++port)
    for (Bytes& bytes : graph_->Sent(port)) {
      SLUICE_CHECK(bytes.size() >= kL2Bytes && Word(bytes, 12) == kEtherType8021q);
      SentFrame frame{port, static_cast<uint16_t>(Word(bytes, 14) & 0xfff), std::move(bytes)};
      if (!Answer(frame)) frames.push_back(std::move(frame));
    }
  return frames;
}

uint64_t ChurnGateway::AnswersNotTaken() const {
  const PuntBudgets& budgets = graph_->tables().punt_budgets;
  return answers_ - budgets.taken(BudgetClass::kArp) - budgets.taken(BudgetClass::kNeighborDiscovery);
}

bool ChurnGateway::Answer(const SentFrame& frame) {
  const auto payload = std::span(frame.bytes).subspan(kL2Bytes);
  net::MacAddress asker;
  std::copy_n(frame.bytes.begin() + 6, 6, asker.bytes.begin());
  const auto reply = [&](const net::MacAddress& mac, uint16_t type, std::span<const uint8_t> bytes) {
    ++answers_;
    graph_->Push(frame.port, BuildEthernetFrame(asker, mac, frame.vlan, type, bytes));
  };
  if (Word(frame.bytes, 16) == kEtherTypeArp) {
    const auto arp = ParseArp(payload);
    if (!arp || arp->operation != ArpOperation::kRequest || arp->IsAnnouncement() || arp->IsProbe())
      return true;
    if (const auto mac = hosts_(frame.vlan, arp->target_ip))
      reply(*mac, kEtherTypeArp,
            BuildArp({.operation = ArpOperation::kReply,
                      .sender_mac = *mac,
                      .sender_ip = arp->target_ip,
                      .target_mac = arp->sender_mac,
                      .target_ip = arp->sender_ip}));
    return true;
  }
  if (Word(frame.bytes, 16) != kEtherTypeIpv6) return false;
  // Reports of group membership carry a hop-by-hop header.
  if (payload[6] == 0) return true;
  const NdParse nd = ParseNd(payload);
  if (nd.fault != NdFault::kNone) return false;
  if (nd.packet.kind != NdKind::kSolicitation || nd.packet.source.IsZero()) return true;
  if (const auto mac = hosts_(frame.vlan, nd.packet.target))
    reply(*mac, kEtherTypeIpv6,
          BuildNd({.kind = NdKind::kAdvertisement,
                   .source = nd.packet.target,
                   .destination = nd.packet.source,
                   .target = nd.packet.target,
                   .link_layer = *mac,
                   .solicited = true,
                   .override_cached = true}));
  return true;
}

}  // namespace sluice::testing
