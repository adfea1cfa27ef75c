// Tells ordinary IPv4 frames from all others, eight to an instruction, for
// processors with AVX-512. The same tests as TakeOrdinary() in classify.cc makes
// one by one; whatever fails one of them is only said to be odd.
#pragma once

#include <cstdint>

#include "dataplane/graph/worker_context.h"
#include "dataplane/nodes/forward_burst.h"

namespace sluice::dataplane::classify {

// Decided once, at start; as for the lookup (tables/fib/lookup_avx512.h).
bool HasVectorRecognition();

// Takes the ordinary ones of `count` frames, at most kFramesTogether, into the empty
// `burst`, counts them as received; returns how many. The others
// are untouched in `odd`, which has room for kFramesTogether. Both keep their order. Reads
// 38 bytes of every frame, however short it is: every buffer holds them.
uint16_t RecogniseIpv4(const WorkerContext& worker, rte_mbuf* const packets[], uint16_t count,
                       forward::FrameBurst<forward::Ipv4>& burst, rte_mbuf* odd[], uint16_t& odd_count);

}  // namespace sluice::dataplane::classify
