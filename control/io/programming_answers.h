// Answers the API's questions about programmed state from the sender and the RIB.
#pragma once

#include <cstdint>
#include <vector>

#include "control/api/programming_status.h"
#include "control/programming/sender.h"

namespace sluice::io {

// Core thread only.
class ProgrammingAnswers : public api::ProgrammingStatus {
 public:
  explicit ProgrammingAnswers(const programming::Sender& sender) : sender_(sender) {}

  api::TenantProgramming Tenant(uint32_t vrf) const override;
  api::InterfaceProgramming Interface(uint32_t vrf, uint32_t interface) const override;
  std::vector<api::RouteCount> RouteCounts(uint32_t vrf) const override;
  api::RoutePage Routes(uint32_t vrf, net::Family family, const net::Prefix& from,
                        size_t limit) const override;
  api::RouteChanges RoutesChangedAfter(uint32_t vrf, uint64_t revision, size_t limit) const override;
  bool Synced(uint32_t vrf, net::Family family) const override;

 private:
  const programming::Sender& sender_;
};

}  // namespace sluice::io
