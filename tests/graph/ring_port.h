// A DPDK port whose wire is in the test's hands: what is pushed arrives on a
// receive queue, what is sent is collected from the transmit queues.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <cstdint>
#include <string>
#include <vector>

#include "proto/net/mac_address.h"
#include "tests/lib/packet.h"

namespace sluice::testing {

// Any thread; rte_ring_empty reads plainly what the other end stores.
inline bool IsEmpty(const rte_ring& ring) {
  return __atomic_load_n(&ring.prod.tail, __ATOMIC_ACQUIRE) ==
         __atomic_load_n(&ring.cons.tail, __ATOMIC_ACQUIRE);
}

class RingPort {
 public:
  // As many queues in each direction; rings hold `depth` packets, a power of two.
  RingPort(const std::string& name, uint16_t queues, uint32_t depth);
  ~RingPort();
  RingPort(const RingPort&) = delete;
  RingPort& operator=(const RingPort&) = delete;

  uint16_t id() const { return id_; }
  net::MacAddress mac() const;

  // Mbufs, for benchmarks.
  rte_ring& arriving(uint16_t queue) { return *receive_[queue]; }
  rte_ring& sent(uint16_t queue) { return *transmit_[queue]; }

  // A frame from `pool` onto a queue. Dies when the ring or the pool is full.
  // With `split`, in two buffers, of which the first has so many bytes.
  void Push(uint16_t queue, const Bytes& frame, rte_mempool& pool, size_t split = 0);
  // All frames sent so far on all queues, queue by queue; frees the mbufs.
  std::vector<Bytes> Collect();
  // From now on bursts go through functions compiled with this program instead of the
  // driver's: the thread sanitizer sees who hands what to whom.
  void MakeVisible();
  // Every receive queue was emptied by the workers.
  bool Quiet() const;

 private:
  std::string name_;
  uint16_t id_;
  std::vector<rte_ring*> receive_, transmit_;
};

}  // namespace sluice::testing
