// Creates packet pools.
#include "dataplane/eal/packet_pool.h"

#include <rte_errno.h>
#include <rte_mbuf.h>

#include "absl/strings/str_cat.h"

namespace sluice::dataplane {

static_assert(kPacketHeadroomBytes == RTE_PKTMBUF_HEADROOM);

absl::StatusOr<PacketPool> CreatePacketPool(const std::string& name, const PacketPoolSize& size,
                                            uint32_t cache) {
  // lf_stack takes no lock, unlike `stack`, and is last in, first out, unlike
  // the default ring.
  rte_mempool* const pool =
      rte_pktmbuf_pool_create_by_ops(name.c_str(), size.mbufs, cache, kPacketPrivateBytes,
                                     static_cast<uint16_t>(size.data_room_bytes), SOCKET_ID_ANY, "lf_stack");
  if (pool == nullptr)
    return absl::ResourceExhaustedError(absl::StrCat("memory: no room for ", size.mbufs,
                                                     " packet buffers of ", size.data_room_bytes,
                                                     " bytes: ", rte_strerror(rte_errno)));
  return PacketPool(pool);
}

}  // namespace sluice::dataplane
