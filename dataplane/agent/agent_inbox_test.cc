// What other threads leave for the agent, and what a flood of it may not do.
#include "dataplane/agent/agent_inbox.h"

#include <catch2/catch.hpp>

namespace sluice::dataplane {
namespace {

NeighborUpdate UpdateOf(uint32_t host) {
  return {.interface = 1, .address = net::Ipv4Address{host}, .state = NeighborState::kStale};
}

TEST_CASE("a link change finds room behind any flood of neighbour reports, and is taken first") {
  AgentInbox inbox;
  uint32_t host = 0;
  while (inbox.Push(UpdateOf(host))) ++host;
  CHECK(host == AgentInbox::kReportsMax);
  const auto at = std::chrono::steady_clock::time_point(std::chrono::seconds(5));
  CHECK(inbox.Push(PortLinkChange{.port = 3, .up = false, .at = at}));
  CHECK(inbox.Push(PortLinkChange{.port = 1, .up = true, .at = at}));
  CHECK(inbox.Push(PortLinkChange{.port = 1, .up = false, .at = at}));

  const auto reports = inbox.TakeReports(1);
  REQUIRE(reports.size() == 3);
  CHECK((std::get<PortLinkChange>(reports[0]) == PortLinkChange{1, false, at}));
  CHECK((std::get<PortLinkChange>(reports[1]) == PortLinkChange{3, false, at}));
  CHECK((std::get<NeighborUpdate>(reports[2]) == UpdateOf(0)));
  CHECK(inbox.TakeReports(2 * AgentInbox::kReportsMax).size() == AgentInbox::kReportsMax - 1);
  CHECK(inbox.TakeReports(1).empty());
}

TEST_CASE("tasks for the agent have a limit, and what is refused leaves the others alone") {
  AgentInbox inbox;
  for (size_t i = 0; i < AgentInbox::kTasksMax; ++i) CHECK(inbox.Push([](TableWriter&) {}));
  CHECK_FALSE(inbox.Push([](TableWriter&) {}));
  CHECK(inbox.TakeTasks().size() == AgentInbox::kTasksMax);
  CHECK(inbox.Push([](TableWriter&) {}));
}

}  // namespace
}  // namespace sluice::dataplane
