// What the nodes of one worker share: where they look things up, what they
// count into, and the queues they may use. Built before the worker starts;
// only the worker touches it afterwards, but for what is marked.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/tables/counters.h"
#include "dataplane/tables/tables.h"
#include "dataplane/tables/underlay_ways.h"
#include "proto/net/mac_address.h"

namespace sluice::dataplane {

class EspCrypto;
class FragmentRings;
class HandoverRings;
class Observation;

inline constexpr uint16_t kBurstMax = 256;
inline constexpr uint32_t kPortsMax = RTE_MAX_ETHPORTS;

// Workers draw IPv4 identifications of their own packets from disjoint ranges.
inline constexpr uint16_t kIdentificationStep = 64;  // at least the number of workers

struct ReceiveQueue {
  PortId port = 0;
  uint16_t queue = 0;
};

// The transmit side of a port as one worker has it.
struct TransmitPort {
  bool present = false;
  uint16_t queue = 0;     // this worker's own
  uint64_t mac_bits = 0;  // MacBits of the port's address, which classify accepts
};

// Packets for the slow path, by PuntQueue.
using PuntRings = std::array<rte_ring*, kPuntQueues>;

struct WorkerContext {
  Tables* tables = nullptr;
  CounterBlock counters;
  WorkerIndex index = 0;
  uint16_t burst = 32;  // packets per receive call, at most kBurstMax
  std::vector<ReceiveQueue> receive_queues;
  std::array<TransmitPort, kPortsMax> transmit{};
  // Single-producer single-consumer: to and from the slow path. May be null.
  PuntRings punt{};
  rte_ring* inject = nullptr;
  // Where the fragments of a packet come from; null: the pool of the packet itself.
  rte_mempool* packets = nullptr;
  // Buffers for datagrams that arrive in fragments: headroom, kFragmentHeaderBytesMax
  // and the limit reassembly_datagram_bytes each. Null: fragments to us are dropped.
  rte_mempool* reassembly_pool = nullptr;
  // Null when the worker is the only one.
  FragmentRings* fragment_rings = nullptr;
  HandoverRings* handover_rings = nullptr;
  // This worker's own. Null: no ESP packet passes.
  EspCrypto* esp_crypto = nullptr;
  // Trace and capture; null in programs that have none. See graph/observation.h.
  Observation* observation = nullptr;

  // Frames are recognised without vector instructions, as on processors that have
  // none; for tests.
  bool one_by_one = false;

  // Whether to try vectors first: classify's, by the frames it saw last.
  bool ipv4_prevails = true;

  // What Counted() in node_spec.h does beside counting, set before each walk.
  bool sampling = false;
  bool tracing = false;
  uint16_t next_identification = 0;  // starts at the worker's index
  UnderlayWays underlay_ways;
  // Packets that source nodes brought into the walk under way.
  uint32_t arrived = 0;
};

}  // namespace sluice::dataplane
