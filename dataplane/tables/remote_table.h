// The far ends of tunnels in the underlay: each address once, with the path MTU
// learned for it. Workers read an address by its number, the agent writes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "dataplane/tables/ids.h"
#include "dataplane/tables/retirement.h"
#include "proto/net/address_hash.h"

namespace sluice::dataplane {

class RemoteTable {
 public:
  // Numbers are 1 .. `remotes_max`. `retirement` must outlive the table.
  RemoteTable(uint32_t remotes_max, Retirement& retirement);

  // --- Readers; the number is that of a tunnel adjacency ---
  // 16 bytes in network byte order, IPv4 in the first four.
  const uint8_t* Address(RemoteId id) const { return remotes_[id].address; }

  // --- The writer ---
  // The address' number, with one more user; absent at the limit.
  std::optional<RemoteId> Acquire(const net::Address& address);
  void Release(RemoteId id);
  // Largest outer packet on the way there, bytes; 0 = nothing was learned. What workers
  // obey is the MTU of adjacencies, which derives from it.
  uint16_t PathMtu(RemoteId id) const { return remotes_[id].path_mtu; }
  void SetPathMtu(RemoteId id, uint16_t bytes) { remotes_[id].path_mtu = bytes; }
  // The address of a number in use.
  const net::Address& Of(RemoteId id) const { return remotes_[id].key; }
  // kNoRemote when nobody uses the address.
  RemoteId Find(const net::Address& address) const;
  uint32_t used() const { return static_cast<uint32_t>(ids_.size()); }
  uint32_t limit() const { return limit_; }

 private:
  struct Remote {
    uint8_t address[16] = {};
    // The writer's.
    uint16_t path_mtu = 0;
    uint32_t users = 0;
    net::Address key;
  };

  const uint32_t limit_;
  Retirement& retirement_;
  // As many again as the limit, for those that readers may still hold.
  std::unique_ptr<Remote[]> remotes_;
  std::unordered_map<net::Address, RemoteId, net::AddressHash> ids_;
  std::vector<RemoteId> free_;
  RemoteId next_fresh_ = 1;
};

}  // namespace sluice::dataplane
