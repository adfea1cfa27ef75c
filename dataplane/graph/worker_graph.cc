// Registration of nodes and creation of a worker's graph.
#include "dataplane/graph/worker_graph.h"

#include <rte_errno.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dataplane/nodes/esp_handover.h"
#include "dataplane/nodes/reassemble.h"
#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

constexpr uint32_t kInjectBurstMax = 32;
// An IPv4 packet may become this many fragments in the port_tx stream.
// 9216 bytes (kReassembledBytesMax), an MTU of 576 and 40 bytes of options copied into each.
constexpr uint32_t kFragmentsPerPacket = 18;
constexpr uint32_t kStreamMax = 32768;  // rte_graph counts in 16 bits

// Everything that the sources may bring into one walk, each packet cut into as
// many fragments as can be; they all may meet in the stream of port_tx. An even
// number.
uint32_t StreamSize(const WorkerContext& context) {
  const uint32_t arriving = static_cast<uint32_t>(context.receive_queues.size()) * context.burst +
                            kInjectBurstMax +
                            (context.fragment_rings != nullptr ? reassemble::kHandedOverMax : 0u) +
                            (context.handover_rings != nullptr ? esp_handover::kTakenMax : 0u);
  // An expired datagram is one ICMP error at most.
  return std::max<uint32_t>(RTE_GRAPH_BURST_SIZE, arriving * kFragmentsPerPacket + reassemble::kExpiredMax);
}

struct FreeRegistration {
  void operator()(rte_node_register* registration) const { ::operator delete(registration); }
};

}  // namespace

void RegisterNodes(std::span<const NodeSpec* const> nodes) {
  for (const NodeSpec* spec : nodes) {
    if (rte_node_from_name(spec->name) != RTE_NODE_ID_INVALID) continue;
    const size_t bytes = sizeof(rte_node_register) + spec->next.size() * sizeof(const char*);
    // The structure ends in an array of any length, which C++ has no type for.
    std::unique_ptr<rte_node_register, FreeRegistration> registration(
        static_cast<rte_node_register*>(::operator new(bytes)));
    std::memset(static_cast<void*>(registration.get()), 0, bytes);
    SLUICE_CHECK(std::strlen(spec->name) < sizeof registration->name);
    std::strcpy(registration->name, spec->name);
    registration->flags = spec->source ? RTE_NODE_SOURCE_F : 0;
    registration->process = spec->process;
    registration->parent_id = RTE_NODE_ID_INVALID;
    registration->nb_edges = static_cast<rte_edge_t>(spec->next.size());
    for (size_t i = 0; i < spec->next.size(); ++i) registration->next_nodes[i] = spec->next[i];
    SLUICE_CHECK(__rte_node_register(registration.get()) != RTE_NODE_ID_INVALID);
  }
}

std::string DescribeGraph(std::span<const NodeSpec* const> nodes) {
  std::string dot = "digraph sluice {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n";
  for (const NodeSpec* spec : nodes) {
    if (spec->source) absl::StrAppend(&dot, "  ", spec->name, " [style=bold];\n");
    for (const char* next : spec->next) absl::StrAppend(&dot, "  ", spec->name, " -> ", next, ";\n");
  }
  return dot + "}\n";
}

absl::StatusOr<WorkerGraph> WorkerGraph::Create(const std::string& name,
                                                std::span<const NodeSpec* const> nodes,
                                                WorkerContext& context) {
  SLUICE_CHECK(context.burst >= 1 && context.burst <= kBurstMax);
  if (StreamSize(context) > kStreamMax)
    return absl::InvalidArgumentError(
        absl::StrCat("graph ", name, ": ", context.receive_queues.size(), " receive queues with bursts of ",
                     context.burst, " are too many for one worker; use more workers or smaller bursts"));
  std::vector<const char*> names;
  for (const NodeSpec* spec : nodes) names.push_back(spec->name);
  rte_graph_param parameters{};
  parameters.socket_id = SOCKET_ID_ANY;
  parameters.nb_node_patterns = static_cast<uint16_t>(names.size());
  parameters.node_patterns = names.data();
  const rte_graph_t id = rte_graph_create(name.c_str(), &parameters);
  if (id == RTE_GRAPH_ID_INVALID)
    return absl::InternalError(absl::StrCat("graph ", name, ": ", rte_strerror(rte_errno)));

  WorkerGraph graph(id, rte_graph_lookup(name.c_str()), StreamSize(context));
  for (size_t i = 0; i < nodes.size(); ++i) {
    rte_node* node = rte_graph_node_get_by_name(name.c_str(), nodes[i]->name);
    SLUICE_CHECK(node != nullptr);
    ContextOf(node) = {&context, &context.counters.nodes[i]};
    // It allocates twice of what it is asked for.
    __rte_node_stream_alloc_size(graph.graph_, node, static_cast<uint16_t>(graph.stream_size_ / 2));
    if (node->objs == nullptr)
      return absl::ResourceExhaustedError(absl::StrCat("graph ", name, ": no memory for its streams"));
    SLUICE_CHECK(node->size == graph.stream_size_);
  }
  // What was counted so far is our own sizing.
  graph.ForEachNode([](rte_node* node) { node->realloc_count = 0; });
  return graph;
}

WorkerGraph::WorkerGraph(WorkerGraph&& other) noexcept
    : id_(std::exchange(other.id_, RTE_GRAPH_ID_INVALID)),
      graph_(other.graph_),
      stream_size_(other.stream_size_) {}

WorkerGraph::~WorkerGraph() {
  if (id_ != RTE_GRAPH_ID_INVALID) rte_graph_destroy(id_);
}

bool WorkerGraph::StreamsAreAsMade() const {
  bool as_made = true;
  ForEachNode([&](const rte_node* node) { as_made &= node->realloc_count == 0; });
  return as_made;
}

}  // namespace sluice::dataplane
