// A frame of our own making into an overlay: what answers to ARP and Neighbor
// Discovery take, one by one. Packets of tenants go through tunnel_encap in bursts.
#pragma once

#include "dataplane/packet/metadata.h"
#include "dataplane/tables/tables.h"

namespace sluice::dataplane {

// `mbuf` is a frame with an Ethernet header, its metadata that of
// InjectKind::kOverlayFrame. kNone: its data is the outer IP packet now; else why
// it may not be sent.
DropReason WrapOverlayFrame(const Tables& tables, rte_mbuf& mbuf);

}  // namespace sluice::dataplane
