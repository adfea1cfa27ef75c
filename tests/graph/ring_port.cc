// Ports made of rings.
#include "tests/graph/ring_port.h"

#include <rte_bus_vdev.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "proto/net/check.h"

namespace sluice::testing {

RingPort::RingPort(const std::string& name, uint16_t queues, uint32_t depth) : name_(name) {
  for (uint16_t queue = 0; queue < queues; ++queue) {
    const std::string suffix = name + "." + std::to_string(queue);
    constexpr unsigned kOneToOne = RING_F_SP_ENQ | RING_F_SC_DEQ;
    receive_.push_back(rte_ring_create(("rx." + suffix).c_str(), depth, SOCKET_ID_ANY, kOneToOne));
    transmit_.push_back(rte_ring_create(("tx." + suffix).c_str(), depth, SOCKET_ID_ANY, kOneToOne));
    SLUICE_CHECK(receive_.back() != nullptr && transmit_.back() != nullptr);
  }
  const int id = rte_eth_from_rings(name.c_str(), receive_.data(), queues, transmit_.data(), queues, 0);
  SLUICE_CHECK(id >= 0);
  id_ = static_cast<uint16_t>(id);
  const rte_eth_conf configuration{};
  SLUICE_CHECK(rte_eth_dev_configure(id_, queues, queues, &configuration) == 0);
  // The driver receives what is pushed and allocates nothing, but ethdev wants a pool.
  rte_mempool* unused =
      rte_pktmbuf_pool_create(("unused." + name).c_str(), 1, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  for (uint16_t queue = 0; queue < queues; ++queue) {
    SLUICE_CHECK(rte_eth_rx_queue_setup(id_, queue, 0, 0, nullptr, unused) == 0);
    SLUICE_CHECK(rte_eth_tx_queue_setup(id_, queue, 0, 0, nullptr) == 0);
  }
  SLUICE_CHECK(rte_eth_dev_start(id_) == 0);
}

void RingPort::MakeVisible() {
  auto& operations = rte_eth_fp_ops[id_];
  operations.rxq.data = reinterpret_cast<void**>(receive_.data());
  operations.txq.data = reinterpret_cast<void**>(transmit_.data());
  operations.rx_pkt_burst = [](void* queue, rte_mbuf** packets, uint16_t count) {
    return static_cast<uint16_t>(rte_ring_dequeue_burst(static_cast<rte_ring*>(queue),
                                                        reinterpret_cast<void**>(packets), count, nullptr));
  };
  operations.tx_pkt_burst = [](void* queue, rte_mbuf** packets, uint16_t count) {
    return static_cast<uint16_t>(rte_ring_enqueue_burst(static_cast<rte_ring*>(queue),
                                                        reinterpret_cast<void**>(packets), count, nullptr));
  };
}

RingPort::~RingPort() {
  Collect();
  for (rte_ring* ring : receive_) {
    void* left;
    while (rte_ring_dequeue(ring, &left) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(left));
  }
  rte_eth_dev_stop(id_);
  rte_eth_dev_close(id_);
  for (rte_ring* ring : receive_) rte_ring_free(ring);
  for (rte_ring* ring : transmit_) rte_ring_free(ring);
  rte_mempool_free(rte_mempool_lookup(("unused." + name_).c_str()));
}

net::MacAddress RingPort::mac() const {
  rte_ether_addr address;
  SLUICE_CHECK(rte_eth_macaddr_get(id_, &address) == 0);
  net::MacAddress mac;
  std::copy_n(address.addr_bytes, 6, mac.bytes.begin());
  return mac;
}

namespace {

rte_mbuf* NewMbuf(std::span<const uint8_t> bytes, rte_mempool& pool) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(&pool);
  SLUICE_CHECK(mbuf != nullptr);
  // What a careless node might read of a former packet.
  std::memset(rte_mbuf_to_priv(mbuf), 0xa5, rte_pktmbuf_priv_size(&pool));
  char* data = rte_pktmbuf_append(mbuf, static_cast<uint16_t>(bytes.size()));
  SLUICE_CHECK(data != nullptr);
  std::memcpy(data, bytes.data(), bytes.size());
  return mbuf;
}

}  // namespace

void RingPort::Push(uint16_t queue, const Bytes& frame, rte_mempool& pool, size_t split) {
  const std::span bytes(frame);
  rte_mbuf* mbuf = NewMbuf(split == 0 ? bytes : bytes.first(split), pool);
  if (split != 0) SLUICE_CHECK(rte_pktmbuf_chain(mbuf, NewMbuf(bytes.subspan(split), pool)) == 0);
  mbuf->port = id_;
  SLUICE_CHECK(rte_ring_enqueue(receive_[queue], mbuf) == 0);
}

std::vector<Bytes> RingPort::Collect() {
  std::vector<Bytes> frames;
  for (rte_ring* ring : transmit_) {
    void* object;
    while (rte_ring_dequeue(ring, &object) == 0) {
      auto* mbuf = static_cast<rte_mbuf*>(object);
      SLUICE_CHECK(mbuf->nb_segs == 1 && mbuf->pkt_len == mbuf->data_len);
      const auto* data = rte_pktmbuf_mtod(mbuf, const uint8_t*);
      frames.emplace_back(data, data + mbuf->data_len);
      rte_pktmbuf_free(mbuf);
    }
  }
  return frames;
}

bool RingPort::Quiet() const {
  return std::all_of(receive_.begin(), receive_.end(), [](rte_ring* ring) { return IsEmpty(*ring); });
}

}  // namespace sluice::testing
