// Whether a connection carries packets and reaches its other side, in words.
#pragma once

#include <string>

#include "control/api/desired_state.h"
#include "sluice/gateway/v1/connection.pb.h"

namespace sluice::api {

struct ConnectionLiveness {
  gateway::v1::ConnectionState state = gateway::v1::CONNECTION_STATE_CONNECTED;
  std::string reason;       // one word for `error`
  std::string error;        // why it carries no packets; empty when it does
  std::string unreachable;  // peers and next hops that do not answer; empty when all do
  bool cut_off = false;     // it has next hops, and none of them answers

  bool carries_packets() const {
    return state == gateway::v1::CONNECTION_STATE_CONNECTED ||
           state == gateway::v1::CONNECTION_STATE_DEGRADED;
  }
};

// The liveness of an interface of the underlay, by its name. Core thread.
ConnectionLiveness UnderlayLivenessOf(const GatewayRecord& record, const std::string& interface,
                                      const Surroundings& surroundings);

// `wanted` is of the record's spec; tunnels go through the underlay of `gateway`. Core thread.
ConnectionLiveness LivenessOf(const TenantRecord& record, const gateway::v1::Connection& wanted,
                              const GatewayRecord& gateway, const Surroundings& surroundings);

}  // namespace sluice::api
