// How full rings and packet pools are, against what they hold: an operator is warned before they
// drop or hold up anything.
#pragma once

#include <rte_mempool.h>

#include <span>
#include <vector>

#include "dataplane/worker_wiring.h"
#include "proto/channel/shared_memory.h"
#include "sluice/dataplane/v1/dataplane.pb.h"

namespace sluice::dataplane {

// Rings of the channel in bytes (update_ring, refusal_ring, punt_ring, inject_ring); those of the
// workers (punt0_arp, inject0, ...) and pools (packets, slow_path) in packets. Any thread.
std::vector<v1::TableFill> QueueFills(const channel::ChannelMemory& memory,
                                      std::span<const OwnedWorkerRings> workers,
                                      std::span<const rte_mempool* const> pools);

}  // namespace sluice::dataplane
