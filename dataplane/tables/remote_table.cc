// The writer's side of the table of remotes.
#include "dataplane/tables/remote_table.h"

#include <cstring>

#include "proto/net/check.h"

namespace sluice::dataplane {

RemoteTable::RemoteTable(uint32_t remotes_max, Retirement& retirement)
    : limit_(remotes_max), retirement_(retirement), remotes_(new Remote[2 * size_t{remotes_max} + 1]) {}

std::optional<RemoteId> RemoteTable::Acquire(const net::Address& address) {
  if (const auto known = ids_.find(address); known != ids_.end()) {
    ++remotes_[known->second].users;
    return known->second;
  }
  if (ids_.size() >= limit_) return std::nullopt;
  const bool fresh = next_fresh_ <= 2 * limit_;
  if (!fresh && free_.empty()) retirement_.Reclaim();
  if (!fresh && free_.empty()) return std::nullopt;
  RemoteId id = next_fresh_;
  if (free_.empty()) {
    ++next_fresh_;
  } else {
    id = free_.back();
    free_.pop_back();
  }
  Remote& remote = remotes_[id];
  std::memset(remote.address, 0, sizeof remote.address);
  if (address.is_v4()) {
    const uint32_t bits = __builtin_bswap32(address.v4().value);
    std::memcpy(remote.address, &bits, sizeof bits);
  } else {
    std::memcpy(remote.address, address.v6().bytes.data(), sizeof remote.address);
  }
  remote.path_mtu = 0;
  remote.users = 1;
  remote.key = address;
  ids_.emplace(address, id);
  return id;
}

void RemoteTable::Release(RemoteId id) {
  SLUICE_CHECK(id != kNoRemote && remotes_[id].users > 0);
  if (--remotes_[id].users > 0) return;
  ids_.erase(remotes_[id].key);
  retirement_.Retire([this, id] { free_.push_back(id); });
}

RemoteId RemoteTable::Find(const net::Address& address) const {
  const auto known = ids_.find(address);
  return known == ids_.end() ? kNoRemote : known->second;
}

}  // namespace sluice::dataplane
