// The list of nodes: a new node is one line here.
#include "dataplane/nodes/nodes.h"

#include "dataplane/nodes/classify.h"
#include "dataplane/nodes/drop.h"
#include "dataplane/nodes/esp_decrypt.h"
#include "dataplane/nodes/esp_encrypt.h"
#include "dataplane/nodes/esp_handover.h"
#include "dataplane/nodes/fragment.h"
#include "dataplane/nodes/icmp_error.h"
#include "dataplane/nodes/inject.h"
#include "dataplane/nodes/ip4_forward.h"
#include "dataplane/nodes/ip6_forward.h"
#include "dataplane/nodes/local.h"
#include "dataplane/nodes/port_rx.h"
#include "dataplane/nodes/port_tx.h"
#include "dataplane/nodes/punt.h"
#include "dataplane/nodes/reassemble.h"
#include "dataplane/nodes/tunnel_decap.h"
#include "dataplane/nodes/tunnel_encap.h"

namespace sluice::dataplane {

std::span<const NodeSpec* const> AllNodes() {
  static constexpr const NodeSpec* kNodes[] = {
      &kPortRxNode,      &kInjectNode,      &kEspHandoverNode, &kClassifyNode,   &kIp4ForwardNode,
      &kIp6ForwardNode,  &kLocalNode,       &kIcmpErrorNode,   &kFragmentNode,   &kPuntNode,
      &kTunnelDecapNode, &kTunnelEncapNode, &kEspDecryptNode,  &kEspEncryptNode, &kReassembleNode,
      &kPortTxNode,      &kDropNode,
  };
  return kNodes;
}

}  // namespace sluice::dataplane
