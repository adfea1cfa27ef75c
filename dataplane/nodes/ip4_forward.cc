// The IPv4 instance of the forwarding loop.
#include "dataplane/nodes/ip4_forward.h"

#include "dataplane/nodes/forward_burst.h"

namespace sluice::dataplane {

const NodeSpec kIp4ForwardNode{"ip4_forward", Counted<forward::Forward<forward::Ipv4>>, forward::kNext};

}  // namespace sluice::dataplane
