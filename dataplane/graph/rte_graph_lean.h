// rte_graph without its built-in statistics. They read the time stamp counter
// twice per node call, which costs as much as forwarding itself in a virtual
// machine (docs/decisions/0003-graph-shape.md). The switch is a macro used by
// an inline function, so every file must include rte_graph through this header.
#pragma once

#include <rte_config.h>

#undef RTE_LIBRTE_GRAPH_STATS

#include <rte_graph.h>
#include <rte_graph_worker.h>
