// How a node is declared: a name, a function over a burst, and its edges by
// name. Registered at run time; nothing registers itself.
#pragma once

#include <rte_cycles.h>

#include <cstdint>
#include <span>

#include "dataplane/graph/observation.h"
#include "dataplane/graph/rte_graph_lean.h"
#include "dataplane/graph/worker_context.h"

namespace sluice::dataplane {

// What a node's function is given beside its packets.
struct NodeRun {
  WorkerContext& worker;
  rte_graph* graph;
  rte_node* node;

  // One packet down an edge.
  void Send(uint16_t edge, rte_mbuf& mbuf) const { rte_node_enqueue_x1(graph, node, edge, &mbuf); }
  // Some packets down one edge.
  void Send(uint16_t edge, rte_mbuf* const packets[], uint16_t count) const {
    rte_node_enqueue(graph, node, edge, reinterpret_cast<void**>(const_cast<rte_mbuf**>(packets)), count);
  }
  // The first `count` packets of the node's own stream down one edge, as a whole.
  void SendFirst(uint16_t edge, uint16_t count) const {
    node->idx = count;
    rte_node_next_stream_move(graph, node, edge);
  }
  void Drop(uint16_t edge, rte_mbuf& mbuf, DropReason reason) const {
    MetaOf(mbuf).reason = reason;
    Send(edge, mbuf);
  }
};

struct NodeSpec {
  const char* name;
  rte_node_process_t process;
  std::span<const char* const> next;  // by Edge of the node
  bool source = false;
};

// The 16 bytes that rte_graph keeps for a node.
struct NodeContext {
  WorkerContext* worker;
  channel::NodeCounters* counters;
};
static_assert(sizeof(NodeContext) == RTE_NODE_CTX_SZ);

inline NodeContext& ContextOf(rte_node* node) {
  return *reinterpret_cast<NodeContext*>(node->ctx);
}

// The process function of a node whose work is Body(run, packets, count) ->
// packets processed: counts, and on some walks measures or traces. Metadata of
// packets that classify has not seen yet says nothing.
enum class Visited : uint8_t { kDescribed, kNotYetDescribed };
template <uint16_t (*Body)(const NodeRun&, rte_mbuf**, uint16_t), Visited kVisited = Visited::kDescribed>
uint16_t Counted(rte_graph* graph, rte_node* node, void** objs, uint16_t count) {
  const NodeContext& context = ContextOf(node);
  WorkerContext& worker = *context.worker;
  auto** packets = reinterpret_cast<rte_mbuf**>(objs);
  const NodeRun run{worker, graph, node};
  if constexpr (kVisited == Visited::kDescribed)
    if (__builtin_expect(worker.tracing, 0)) worker.observation->Visit(node->id, packets, count);
  if (__builtin_expect(worker.sampling, 0)) {
    const uint64_t begin = rte_rdtsc();
    const uint16_t done = Body(run, packets, count);
    Count(context.counters->sampled_cycles, rte_rdtsc() - begin);
    Count(context.counters->sampled_packets, done);
    Count(context.counters->calls);
    Count(context.counters->packets, done);
    return done;
  }
  const uint16_t done = Body(run, packets, count);
  Count(context.counters->calls);
  Count(context.counters->packets, done);
  return done;
}

}  // namespace sluice::dataplane
