// The ends and options of a GRE connection: raw fields to values.
#pragma once

#include <optional>

#include "control/tenant/environment.h"
#include "control/tenant/findings.h"
#include "control/tenant/model.h"
#include "sluice/gateway/v1/connection.pb.h"

namespace sluice::tenant {

// `place` is that of the field "gre". Puts text into canonical form. Absent when the ends are
// wrong; what is wrong otherwise is a finding.
std::optional<GreTunnel> ValidateGre(gateway::v1::GreConnection& wanted, const Environment& environment,
                                     const Place& place, Findings& findings);

// What arrives for the tunnel.
GreEnds EndsOf(const GreTunnel& gre);
// The same of a stored connection, whatever has become of the underlay; absent when its
// addresses cannot be read.
std::optional<GreEnds> EndsOf(const gateway::v1::GreConnection& stored);

// "GRE key 7 from 198.51.100.2 to 192.0.2.5".
std::string EndsText(const GreEnds& ends);

}  // namespace sluice::tenant
