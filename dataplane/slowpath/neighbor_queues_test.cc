// The queues between agent and slow path: bounded by what exists, and never short of
// anybody's newest state.
#include <catch2/catch.hpp>

#include "dataplane/slowpath/instant.h"
#include "dataplane/slowpath/neighbor_mailbox.h"
#include "dataplane/slowpath/pending_reports.h"

namespace sluice::dataplane {
namespace {

net::Address Host(uint32_t host) {
  return net::Ipv4Address{host};
}
InterfaceChange Change(InterfaceId interface, uint16_t mtu, bool removed = false) {
  InterfaceChange change;
  change.interface = interface;
  change.mtu = mtu;
  change.removed = removed;
  return change;
}

TEST_CASE("of requests to the slow path the newest of each subject is kept") {
  NeighborMailbox mailbox;
  for (uint16_t i = 0; i < 1000; ++i) {
    mailbox.Push(Change(1, i));
    mailbox.Push(NextHopWatch{.interface = 1, .address = Host(7), .watched = i % 2 == 0});
    mailbox.Push(StaticNeighbor{.interface = 1, .address = Host(7), .mac = std::nullopt});
    mailbox.Push(PeerWatch{.interface = 1, .interval = std::chrono::seconds(i), .misses = 3});
  }
  const auto requests = mailbox.TakeAll();
  REQUIRE(requests.size() == 4);
  CHECK(std::get<InterfaceChange>(requests[0]).mtu == 999);
  CHECK_FALSE(std::get<NextHopWatch>(requests[1]).watched);
  CHECK(std::get<PeerWatch>(requests[3]).interval == std::chrono::seconds(999));
  CHECK(mailbox.TakeAll().empty());
}

TEST_CASE("an interface that went and came back is told as both") {
  NeighborMailbox mailbox;
  for (uint16_t i = 0; i < 10; ++i) {
    mailbox.Push(Change(1, 1500));
    mailbox.Push(Change(1, 1500, true));
  }
  mailbox.Push(Change(1, 1400));
  mailbox.Push(Change(1, 1300));
  const auto requests = mailbox.TakeAll();
  REQUIRE(requests.size() == 2);
  CHECK(std::get<InterfaceChange>(requests[0]).removed);
  CHECK(std::get<InterfaceChange>(requests[1]).mtu == 1300);
}

TEST_CASE("a mailbox at its limit says so until it is emptied") {
  NeighborMailbox mailbox;
  uint32_t host = 0;
  for (; mailbox.HasRoom(); ++host) mailbox.Push(NextHopWatch{.interface = 1, .address = Host(host)});
  CHECK(host == NeighborMailbox::kRequestsMax);
  CHECK(mailbox.TakeAll().size() == host);
  CHECK(mailbox.HasRoom());
}

TEST_CASE("of reports of a tunnel's far end the newest is kept") {
  PendingReports reports;
  for (int i = 0; i <= 1000; ++i)
    for (const InterfaceId tunnel : {InterfaceId{1}, InterfaceId{2}})
      reports.Add(PeerReport{tunnel, i % 2 == tunnel - 1, Instant{}});
  CHECK(reports.size() == 2);
  std::vector<PeerReport> got;
  reports.Flush([&](const auto& report) {
    if constexpr (std::is_same_v<std::decay_t<decltype(report)>, PeerReport>) got.push_back(report);
    return true;
  });
  CHECK(got == std::vector<PeerReport>{{1, true, {}}, {2, false, {}}});
}

TEST_CASE("reports that the agent does not take are kept by neighbour, the newest state of each") {
  PendingReports reports;
  for (uint32_t i = 0; i < 1000; ++i)
    reports.Add(NeighborUpdate{.interface = 1,
                               .address = Host(i % 2),
                               .state = i < 998 ? NeighborState::kProbe : NeighborState::kFailed});
  reports.Add(DuplicateAddressReport{.interface = 1, .address = Host(1)});
  CHECK(reports.size() == 3);
  unsigned room = 1;
  std::vector<NeighborUpdate> got;
  const auto push = [&](const auto& report) {
    if (room == 0) return false;
    --room;
    if constexpr (std::is_same_v<std::decay_t<decltype(report)>, NeighborUpdate>) got.push_back(report);
    return true;
  };
  reports.Flush(push);
  CHECK(reports.size() == 2);
  room = 10;
  reports.Flush(push);
  REQUIRE(got.size() == 2);
  CHECK(got[0].address == Host(0));
  CHECK(got[0].state == NeighborState::kFailed);
  CHECK(got[1].state == NeighborState::kFailed);
  CHECK(reports.size() == 0);
}

}  // namespace
}  // namespace sluice::dataplane
