// InterfaceWriter's VRFs and their router addresses.
#include <cstring>

#include "dataplane/agent/interface_writer.h"
#include "proto/net/check.h"

namespace sluice::dataplane {

using channel::RefusalReason;
using channel::VrfRecord;

namespace {

Vrf FromRecord(const VrfRecord& record) {
  Vrf vrf{.id = static_cast<VrfId>(record.vrf),
          .punt_bgp = (record.flags & channel::kVrfPuntBgp) != 0,
          .ipv4_routes_max = record.ipv4_routes_max,
          .ipv6_routes_max = record.ipv6_routes_max,
          .neighbors_max = record.neighbors_max};
  const auto router4 = net::Ipv4Address::FromBytes(record.router_ipv4);
  const auto router6 = net::Ipv6Address::FromBytes(record.router_ipv6);
  if (!router4.IsZero()) vrf.router_ipv4 = router4;
  if (!router6.IsZero()) vrf.router_ipv6 = router6;
  return vrf;
}

bool Same(const Vrf& a, const Vrf& b) {
  return a.router_ipv4 == b.router_ipv4 && a.router_ipv6 == b.router_ipv6 && a.punt_bgp == b.punt_bgp &&
         a.ipv4_routes_max == b.ipv4_routes_max && a.ipv6_routes_max == b.ipv6_routes_max &&
         a.neighbors_max == b.neighbors_max;
}

}  // namespace

// New addresses first: when one is refused, those already added go again.
WriteResult InterfaceWriter::SetRouters(const Vrf& vrf, const Vrf* before) {
  const bool new4 = vrf.router_ipv4 && (before == nullptr || before->router_ipv4 != vrf.router_ipv4);
  const bool new6 = vrf.router_ipv6 && (before == nullptr || before->router_ipv6 != vrf.router_ipv6);
  if (new4) {
    if (const WriteResult added = locals_.Add(vrf.id, *vrf.router_ipv4); !added.ok()) return added;
  }
  if (new6) {
    if (const WriteResult added = locals_.Add(vrf.id, *vrf.router_ipv6); !added.ok()) {
      if (new4) (void)locals_.Remove(vrf.id, *vrf.router_ipv4);
      return added;
    }
  }
  if (before == nullptr) return WriteResult::Accepted();
  if (before->router_ipv4 && before->router_ipv4 != vrf.router_ipv4)
    (void)locals_.Remove(vrf.id, *before->router_ipv4);
  if (before->router_ipv6 && before->router_ipv6 != vrf.router_ipv6)
    (void)locals_.Remove(vrf.id, *before->router_ipv6);
  return WriteResult::Accepted();
}

MaybeRefusal InterfaceWriter::PutVrf(const VrfRecord& record) {
  const Vrf vrf = FromRecord(record);
  const Vrf* published = vrf.id < tables_.vrfs.size() ? tables_.vrfs.Find(vrf.id) : nullptr;
  if (published != nullptr && Same(*published, vrf)) return std::nullopt;
  const std::optional<Vrf> before = published == nullptr ? std::nullopt : std::optional(*published);
  if (const WriteResult put = tables_.PutVrf(vrf); !put.ok()) return Refuse(put, offsetof(VrfRecord, vrf));
  if (const WriteResult set = SetRouters(vrf, before ? &*before : nullptr); !set.ok()) {
    // Back to what was; that needs no memory that it did not have.
    (void)(before ? tables_.PutVrf(*before) : tables_.RemoveVrf(vrf.id));
    return Refuse(set, offsetof(VrfRecord, router_ipv4));
  }
  if (!before) counters_.RestartDrops(vrf.id);
  if (vrf.id == 0) resolver_.OnUnderlay();
  return std::nullopt;
}

MaybeRefusal InterfaceWriter::RemoveVrf(VrfId id) {
  const Vrf* published = id < tables_.vrfs.size() ? tables_.vrfs.Find(id) : nullptr;
  if (published == nullptr) return Refuse(RefusalReason::kNotFound, offsetof(channel::IdRecord, id), id);
  const Vrf vrf = *published;
  Vrf bare = vrf;
  bare.router_ipv4.reset();
  bare.router_ipv6.reset();
  (void)SetRouters(bare, &vrf);
  const WriteResult removed = tables_.RemoveVrf(id);
  if (removed.ok()) {
    counters_.RestartDrops(id);
  } else {
    (void)SetRouters(vrf, &bare);
  }
  return Refuse(removed, offsetof(channel::IdRecord, id));
}

}  // namespace sluice::dataplane
