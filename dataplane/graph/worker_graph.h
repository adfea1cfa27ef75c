// One worker's instance of the packet graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/graph/node_spec.h"

namespace sluice::dataplane {

// Registers the nodes with rte_graph, once per process, in this order. At most
// 64 of them, each with at most 16 edges.
void RegisterNodes(std::span<const NodeSpec* const> nodes);

// The graph as registered, in Graphviz form: what docs/graph.svg is made from.
std::string DescribeGraph(std::span<const NodeSpec* const> nodes);

// Owns an rte_graph. Made and destroyed on the main thread, walked by one worker.
class WorkerGraph {
 public:
  // `nodes` must be registered. Streams are sized for a burst of every source at
  // once, so that no walk ever allocates. `context` must outlive the graph.
  static absl::StatusOr<WorkerGraph> Create(const std::string& name, std::span<const NodeSpec* const> nodes,
                                            WorkerContext& context);
  WorkerGraph(WorkerGraph&& other) noexcept;
  WorkerGraph& operator=(WorkerGraph&&) = delete;
  ~WorkerGraph();

  // The worker's thread.
  void Walk() { rte_graph_walk(graph_); }

  // No walk had to enlarge a stream; that would be our bug.
  bool StreamsAreAsMade() const;
  uint32_t stream_size() const { return stream_size_; }

 private:
  template <class Visitor>
  void ForEachNode(Visitor visitor) const {
    rte_graph_off_t offset = graph_->nodes_start;
    for (rte_node_t i = 0; i < graph_->nb_nodes; ++i) {
      auto* node = reinterpret_cast<rte_node*>(reinterpret_cast<std::byte*>(graph_) + offset);
      visitor(node);
      offset = node->next;
    }
  }

  WorkerGraph(rte_graph_t id, rte_graph* graph, uint32_t stream_size)
      : id_(id), graph_(graph), stream_size_(stream_size) {}

  rte_graph_t id_;
  rte_graph* graph_;
  uint32_t stream_size_;
};

}  // namespace sluice::dataplane
