// The outer header of a tunnel in words; `Message` is any that has its options.
#pragma once

#include <string>

#include "sluice/gateway/v1/outer_header.pb.h"

namespace sluice::ctl {

// "TTL 64, DSCP of the inner packet, DF clear". "Both ways": the inner packet's takes it over again.
template <typename Message>
std::string OuterHeaderText(const Message& tunnel) {
  namespace api = ::sluice::gateway::v1;
  std::string out = tunnel.ttl_model() == api::TUNNEL_MODEL_UNIFORM
                        ? "TTL of the inner packet"
                        : "TTL " + std::to_string(tunnel.has_ttl() ? tunnel.ttl() : 64);
  out += tunnel.dscp_model() == api::TUNNEL_MODEL_PIPE ? ", DSCP " + std::to_string(tunnel.dscp())
                                                       : ", DSCP of the inner packet";
  if (tunnel.dscp_model() == api::TUNNEL_MODEL_UNIFORM) out += " both ways";
  if (tunnel.outer_df() == api::OUTER_DF_COPY) out += ", DF of the inner packet";
  if (tunnel.outer_df() == api::OUTER_DF_CLEAR) out += ", DF clear";
  return out;
}

}  // namespace sluice::ctl
