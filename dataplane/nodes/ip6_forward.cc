// The IPv6 instance of the forwarding loop.
#include "dataplane/nodes/ip6_forward.h"

#include "dataplane/nodes/forward_burst.h"

namespace sluice::dataplane {

const NodeSpec kIp6ForwardNode{"ip6_forward", Counted<forward::Forward<forward::Ipv6>>, forward::kNext};

}  // namespace sluice::dataplane
