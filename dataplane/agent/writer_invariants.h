// What must hold in the tables whatever records were applied, for tests and fuzz
// targets. Each broken one ends the process.
#pragma once

namespace sluice::dataplane {
class TableWriter;
}

namespace sluice::dataplane::testing {

// Nothing leads from one VRF into another; every route's group and every group's
// adjacency exist; flows of a group with a live member never meet a dead one; the
// neighbours that glean packets find are resolved.
void CheckInvariants(TableWriter& writer);

}  // namespace sluice::dataplane::testing
