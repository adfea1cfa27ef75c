// Creates packet pools.
#include "dataplane/eal/packet_pool.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include "absl/strings/str_cat.h"

namespace sluice::dataplane {

static_assert(kPacketHeadroomBytes == RTE_PKTMBUF_HEADROOM);

absl::StatusOr<PacketPool> CreatePacketPool(const std::string& name, const PacketPoolSize& size,
                                            uint32_t cache, bool for_devices) {
  const auto refused = [&] {
    return absl::ResourceExhaustedError(absl::StrCat("memory: no room for ", size.mbufs,
                                                     " packet buffers of ", size.data_room_bytes,
                                                     " bytes: ", rte_strerror(rte_errno)));
  };
  // Without devices nobody asks for bus addresses, and buffers need not keep
  // within pages: they lie densely, which also is what af_xdp takes them for.
  const unsigned flags = for_devices ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG;
  const auto element = static_cast<unsigned>(sizeof(rte_mbuf) + kPacketPrivateBytes + size.data_room_bytes);
  PacketPool pool(rte_mempool_create_empty(name.c_str(), size.mbufs, element, cache,
                                           sizeof(rte_pktmbuf_pool_private), SOCKET_ID_ANY, flags));
  if (pool == nullptr) return refused();
  // lf_stack takes no lock, unlike `stack`, and is last in, first out, unlike
  // the default ring. EAL's --mbuf-pool-ops-name overrides it.
  const char* const chosen = rte_eal_mbuf_user_pool_ops();
  if (rte_mempool_set_ops_byname(pool.get(), chosen != nullptr ? chosen : "lf_stack", nullptr) != 0)
    return refused();
  rte_pktmbuf_pool_private layout{};
  layout.mbuf_data_room_size = static_cast<uint16_t>(size.data_room_bytes);
  layout.mbuf_priv_size = kPacketPrivateBytes;
  rte_pktmbuf_pool_init(pool.get(), &layout);
  if (rte_mempool_populate_default(pool.get()) < 0) return refused();
  rte_mempool_obj_iter(pool.get(), rte_pktmbuf_init, nullptr);
  return pool;
}

}  // namespace sluice::dataplane
