// InterfaceWriter's addresses: each is a host route of ours in the VRF, and known
// to the interface, in that order, so that an answer never comes from elsewhere.
#include <algorithm>

#include "dataplane/agent/interface_writer.h"
#include "proto/net/check.h"

namespace sluice::dataplane {

using channel::InterfaceAddressRecord;
using channel::RefusalReason;

namespace {

constexpr uint16_t kIpv6MtuMin = 1280;  // RFC 8200 section 5
constexpr uint8_t kLinkLocalLength = 64;

bool IsLinkLocal(const net::Address& address) {
  return !address.is_v4() && address.v6().IsLinkLocal();
}

unsigned Ipv6CountOf(const Interface& interface) {
  return static_cast<unsigned>(std::count_if(interface.addresses.begin(), interface.addresses.end(),
                                             [](const net::InterfaceAddress& own) {
                                               return !own.address.is_v4() && !own.address.v6().IsLinkLocal();
                                             }));
}

}  // namespace

const Interface* InterfaceWriter::HolderOf(VrfId vrf, const net::Address& address, InterfaceId except) const {
  const auto holder = holders_.find({vrf, address});
  return holder == holders_.end() || holder->second == except ? nullptr
                                                              : tables_.interfaces.Find(holder->second);
}

MaybeRefusal InterfaceWriter::PutAddress(const InterfaceAddressRecord& record, Owner owner) {
  const AddressKey key{static_cast<InterfaceId>(record.interface), AddressOf(record.family, record.address)};
  constexpr size_t kField = offsetof(InterfaceAddressRecord, address);
  const Interface* published =
      key.interface < tables_.interfaces.size() ? tables_.interfaces.Find(key.interface) : nullptr;
  if (published == nullptr)
    return Refuse(RefusalReason::kNotFound, offsetof(InterfaceAddressRecord, interface), key.interface);
  // Ours to derive from the MAC.
  if (IsLinkLocal(key.address)) return Refuse(RefusalReason::kUnsupported, kField);
  if (!key.address.is_v4() && published->mtu < kIpv6MtuMin)
    return Refuse(RefusalReason::kConflict, offsetof(InterfaceAddressRecord, interface), published->mtu);
  if (tables_.retirement.full())
    return Refuse(WriteResult::AtLimit(channel::Limit::kPendingRemovals, tables_.limits.pending_removals), 0);

  Interface interface = *published;
  const net::InterfaceAddress wanted{key.address, record.prefix_length};
  const auto known =
      std::find_if(interface.addresses.begin(), interface.addresses.end(),
                   [&](const net::InterfaceAddress& own) { return own.address == key.address; });
  if (known != interface.addresses.end()) {
    addresses_[key] = owner;
    if (known->length == wanted.length) return std::nullopt;
    *known = wanted;
    SLUICE_CHECK(Publish(interface).ok());
    return std::nullopt;
  }
  const Interface* holder = HolderOf(interface.vrf, key.address, key.interface);
  if (holder != nullptr && !stale_.MayEvict(holder->id, key.address))
    return Refuse(RefusalReason::kConflict, kField, holder->id);

  if (const WriteResult added = locals_.Add(interface.vrf, key.address); !added.ok())
    return Refuse(added, kField);
  interface.addresses.push_back(wanted);
  // GRE has no MAC to derive one from.
  const net::MacAddress mac = resolver_.MacOf(interface);
  if (!key.address.is_v4() && Ipv6CountOf(interface) == 1 && !mac.IsZero()) {
    const net::Address link_local = LinkLocalOf(mac);
    if (const WriteResult added = locals_.Add(interface.vrf, link_local); !added.ok()) {
      (void)locals_.Remove(interface.vrf, key.address);
      return Refuse(added, kField);
    }
    interface.addresses.push_back({link_local, kLinkLocalLength});
  }
  // Nothing is refused from here on, and packets to the address are ours all along.
  if (holder != nullptr) stale_.Evict(holder->id, key.address);
  SLUICE_CHECK(Publish(interface).ok());  // room was made sure of above
  addresses_[key] = owner;
  holders_[{interface.vrf, key.address}] = key.interface;
  if (interface.vrf == 0) resolver_.OnUnderlay();
  return std::nullopt;
}

MaybeRefusal InterfaceWriter::RemoveAddress(AddressKey key) {
  constexpr size_t kField = offsetof(InterfaceAddressRecord, address);
  if (!addresses_.contains(key)) return Refuse(RefusalReason::kNotFound, kField);
  if (tables_.retirement.full())
    return Refuse(WriteResult::AtLimit(channel::Limit::kPendingRemovals, tables_.limits.pending_removals), 0);
  Interface interface = *tables_.interfaces.Find(key.interface);
  if (const WriteResult removed = locals_.Remove(interface.vrf, key.address); !removed.ok())
    return Refuse(removed, kField);
  std::erase_if(interface.addresses,
                [&](const net::InterfaceAddress& own) { return own.address == key.address; });
  if (!key.address.is_v4() && Ipv6CountOf(interface) == 0) {
    (void)locals_.Remove(interface.vrf, LinkLocalOf(resolver_.MacOf(interface)));
    std::erase_if(interface.addresses,
                  [](const net::InterfaceAddress& own) { return IsLinkLocal(own.address); });
  }
  addresses_.erase(key);
  holders_.erase({interface.vrf, key.address});
  SLUICE_CHECK(Publish(interface).ok());
  if (interface.vrf == 0) resolver_.OnUnderlay();
  return std::nullopt;
}

WriteResult InterfaceWriter::Publish(const Interface& interface) {
  if (const WriteResult put = tables_.PutInterface(interface); !put.ok()) return put;
  Tell(interface, false);
  return WriteResult::Accepted();
}

}  // namespace sluice::dataplane
