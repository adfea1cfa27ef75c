// The agent behind a real channel: acknowledgement, refusal, and the deaths of
// either side in the middle of work.
#include "dataplane/agent/agent.h"

#include <rte_rcu_qsbr.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/agent/running_agent.h"

namespace sluice::dataplane {
namespace {

using namespace testing;

GroupId Lookup(RunningAgent& running, std::string_view address) {
  return running.Ask([&](TableWriter& writer) {
    return writer.tables().fib4.Lookup(1, net::Ipv4Address::Parse(address)->value);
  });
}

TEST_CASE("records are applied in order, each acknowledged or refused by its number") {
  const TemporaryDirectory directory;
  RunningAgent running(directory.File("channel"));
  running.agent().Start();
  Control control(directory.File("channel"));
  control.StateTenant();
  const uint64_t bad = control.Send(RouteTo(1, "10.2.0.0/16", 63));
  const uint64_t good = control.Send(RouteTo(1, "10.3.0.0/16", 1));
  control.Flush();
  const auto refusals = control.Refusals();
  REQUIRE(refusals.size() == 1);
  CHECK(refusals[0].sequence == bad);
  CHECK(refusals[0].field_offset == offsetof(channel::RouteRecord, group));
  CHECK(control.client().applied_sequence() == good);
  CHECK(Lookup(running, "10.3.1.1") == 1);
  CHECK(Lookup(running, "10.2.1.1") == kNoGroup);
}

TEST_CASE("twenty thousand routes flow through a ring of two thousand") {
  const TemporaryDirectory directory;
  RunningAgent running(directory.File("channel"));
  running.agent().Start();
  Control control(directory.File("channel"));
  control.StateTenant();
  for (uint32_t i = 0; i < 20000; ++i)
    control.Send(RouteTo(1, net::Ipv4Address{0x64000000 + i * 256}.ToString() + "/24", 1));
  control.Flush();
  CHECK(control.Refusals().empty());
  CHECK(running.Ask([](TableWriter& writer) { return writer.tables().Ipv4Routes(1)->route_count(); }) ==
        20000 + 2);
}

TEST_CASE("a control that does not read its refusals is waited for, and then told all of them") {
  const TemporaryDirectory directory;
  RunningAgent running(directory.File("channel"));
  running.agent().Start();
  Control control(directory.File("channel"));
  constexpr uint64_t kBad = 5000;  // more than the refusal ring holds
  uint64_t told = 0;
  for (uint64_t i = 0; i < kBad; ++i) {
    Record record = VrfIs(1);  // nothing has begun
    auto* header = reinterpret_cast<channel::RecordHeader*>(record.bytes().data());
    while (control.client().TrySend(header, sizeof(channel::VrfRecord)) == 0) {
      control.client().Flush();
      for (const channel::Refusal& refusal : control.Refusals()) CHECK(refusal.sequence == ++told);
    }
  }
  control.client().Flush();
  CHECK(Eventually([&] {
    for (const channel::Refusal& refusal : control.Refusals()) told += refusal.sequence == told + 1 ? 1 : 0;
    return told == kBad;
  }));
}

TEST_CASE("a link that fails is served between two batches of a bulk load") {
  const TemporaryDirectory directory;
  RunningAgent running(directory.File("channel"));
  running.agent().Start();
  Control control(directory.File("channel"));
  control.StateTenant();
  control.Flush();
  CHECK(running.inbox().Push(NeighborUpdate{.interface = 1,
                                            .address = *net::Address::Parse("10.0.0.2"),
                                            .state = NeighborState::kReachable,
                                            .mac = net::MacAddress::Parse("02:00:00:00:00:aa")}));
  CHECK(Eventually([&] { return running.tables().adjacencies.Load(1).live(); }));
  for (uint32_t i = 0; i < 1000; ++i)
    control.Send(RouteTo(1, net::Ipv4Address{0x64000000 + i * 256}.ToString() + "/24", 1));
  CHECK(running.inbox().Push(PortLinkChange{.port = 0, .up = false, .at = std::chrono::steady_clock::now()}));
  CHECK(Eventually([&] { return !running.tables().adjacencies.Load(1).live(); }));
  control.Flush();
}

TEST_CASE("a ring that cannot be closes the attachment, and the next control is served") {
  const TemporaryDirectory directory;
  RunningAgent running(directory.File("channel"));
  running.agent().Start();
  {
    Control control(directory.File("channel"));
    control.StateTenant();
    control.Flush();
    running.memory().Ring(channel::kUpdateRing).indices->written = ~uint64_t{0};
    control.client().Flush();
    pollfd wait{control.client().poll_fd(), POLLIN, 0};
    CHECK(poll(&wait, 1, 20000) == 1);
    CHECK(absl::IsUnavailable(control.client().Service()));
  }
  CHECK(Lookup(running, "10.1.1.1") == 1);
  Control next(directory.File("channel"));
  next.StateTenant();
  next.Flush();
  CHECK(next.Refusals().empty());
}

TEST_CASE("a control that breaks its refusal ring is detached, and its scopes wait for the next") {
  const TemporaryDirectory directory;
  RunningAgent running(directory.File("channel"));
  running.agent().Start();
  Control control(directory.File("channel"));
  control.StateTenant();
  control.Flush();
  running.memory().Ring(channel::kRefusalRing).indices->read = ~uint64_t{0};
  Record bad = VrfIs(7000);  // above the limit
  auto* header = reinterpret_cast<channel::RecordHeader*>(bad.bytes().data());
  for (int sent = 0; sent < 5000;) {
    if (!control.client().Service().ok()) break;
    sent += control.client().TrySend(header, sizeof(channel::VrfRecord)) != 0;
    control.client().Flush();
  }
  CHECK(Eventually([&] { return absl::IsUnavailable(control.client().Service()); }));
  CHECK(Lookup(running, "10.1.1.1") == 1);
  Control next(directory.File("channel"));
  CHECK(next.client().epoch() == 2);
  next.StateTenant();
  next.Flush();
  CHECK(next.Refusals().empty());
}

// A control process of its own that sends routes until it is killed. Forked
// before this process has threads; it begins when Go is called.
class ControlProcess {
 public:
  explicit ControlProcess(const std::string& path) {
    REQUIRE(pipe(go_) == 0);
    pid_ = fork();
    if (pid_ == 0) Run(path);
  }
  void Go() const { CHECK(write(go_[1], "g", 1) == 1); }
  // Kills it; true when that is how it ended.
  bool Kill() const {
    kill(pid_, SIGKILL);
    int status = 0;
    return waitpid(pid_, &status, 0) == pid_ && WIFSIGNALED(status);
  }

 private:
  [[noreturn]] void Run(const std::string& path) const;

  int go_[2];
  pid_t pid_;
};

void ControlProcess::Run(const std::string& path) const {
  char go;
  if (read(go_[0], &go, 1) != 1) _exit(1);
  const auto client = channel::ChannelClient::Connect(path, 7, kLongEnough);
  if (!client.ok()) _exit(1);
  const auto send = [&](Record record) {
    auto* header = reinterpret_cast<channel::RecordHeader*>(record.bytes().data());
    while ((*client)->TrySend(header, static_cast<uint32_t>(record.bytes().size())) == 0) (*client)->Flush();
  };
  for (Record& record :
       std::vector<Record>{BeginSync(), VrfIs(1), InterfaceIs(1, 1, 100), AdjacencyTo(1, 1, "10.0.0.2"),
                           GroupOf(1, {1}), RouteTo(1, "10.1.0.0/16", 1), EndOfSync()})
    send(record);
  for (uint32_t i = 0;; ++i)
    send(RouteTo(1, net::Ipv4Address{0x64000000 + i % 40000 * 256}.ToString() + "/24", 1));
}

TEST_CASE("control killed while it writes leaves everything in use; the next one's sync decides") {
  const TemporaryDirectory directory;
  const ControlProcess control_process(directory.File("channel"));
  RunningAgent running(directory.File("channel"));
  running.agent().Start();
  control_process.Go();
  CHECK(Eventually([&] { return running.agent().records_applied() > 5000; }));
  CHECK(control_process.Kill());

  CHECK(Lookup(running, "10.1.1.1") == 1);
  CHECK(Lookup(running, "100.0.0.1") == 1);
  CHECK(running.agent().records_refused() == 0);

  Control next(directory.File("channel"));
  CHECK(next.client().epoch() == 2);
  next.StateTenant();
  next.Flush();
  CHECK(Lookup(running, "100.0.0.1") == 1);  // stale but in use
  next.Send(EndOfSync());
  next.Flush();
  CHECK(Eventually(
      [&] { return Lookup(running, "100.0.0.1") == kNoGroup && Lookup(running, "100.10.0.1") == kNoGroup; }));
  CHECK(Lookup(running, "10.1.1.1") == 1);
  CHECK(Eventually(
      [&] { return running.Ask([](TableWriter& writer) { return writer.scopes().At(1).objects; }) == 6; }));
}

TEST_CASE("a dataplane that died comes back with another instance and empty tables") {
  const TemporaryDirectory directory;
  auto first = std::make_unique<RunningAgent>(directory.File("channel"), 1);
  first->agent().Start();
  Control control(directory.File("channel"));
  control.StateTenant();
  control.Flush();
  first.reset();
  pollfd wait{control.client().poll_fd(), POLLIN, 0};
  CHECK(poll(&wait, 1, 20000) == 1);
  CHECK(absl::IsUnavailable(control.client().Service()));

  RunningAgent second(directory.File("channel"), 2);
  second.agent().Start();
  Control again(directory.File("channel"));
  CHECK(again.client().dataplane_instance() == 2);
  CHECK(Lookup(second, "10.1.1.1") == kNoGroup);
  again.StateTenant();
  again.Flush();
  CHECK(Lookup(second, "10.1.1.1") == 1);
}

TEST_CASE("while the slow path is behind, control's records wait in its ring; then all of them are applied") {
  const TemporaryDirectory directory;
  RunningAgent running(directory.File("channel"));
  running.agent().Start();
  Control control(directory.File("channel"));
  running.requests().room = false;
  control.StateTenant();
  control.client().Flush();
  // The second question is asked in a turn that began after the records were there.
  for (int i = 0; i < 2; ++i) (void)running.Ask([](TableWriter&) { return 0; });
  CHECK(running.agent().records_applied() == 0);
  running.requests().room = true;
  control.Flush();
  CHECK(Lookup(running, "10.1.1.1") == 1);
}

TEST_CASE("a task for an agent that stops is dropped and its caller told") {
  const TemporaryDirectory directory;
  RunningAgent running(directory.File("channel"));
  running.agent().Start();
  CHECK(running.agent().Run([](TableWriter&) {}));
  running.agent().Stop();
  CHECK_FALSE(running.agent().Run([](TableWriter&) {}));
}

TEST_CASE("a worker that is online and silent for a second is stuck, until it reports") {
  QsbrReclaimer reclaimer(2);
  rte_rcu_qsbr_thread_online(reclaimer.qsbr(), 0);
  const uint64_t start = 1'000'000'000;
  reclaimer.CheckWorkers(start);
  reclaimer.CheckWorkers(start + 999'999'999);
  CHECK_FALSE(reclaimer.IsStuck(0));
  reclaimer.CheckWorkers(start + 1'000'000'000);
  CHECK(reclaimer.IsStuck(0));
  CHECK_FALSE(reclaimer.IsStuck(1));  // offline
  rte_rcu_qsbr_quiescent(reclaimer.qsbr(), 0);
  reclaimer.CheckWorkers(start + 1'100'000'000);
  CHECK_FALSE(reclaimer.IsStuck(0));
}

TEST_CASE("a reader holds up the grace period for as long as it reads") {
  QsbrReclaimer reclaimer(1);
  uint64_t token;
  {
    const TableReader reader(reclaimer);
    REQUIRE(reader.valid());
    token = reclaimer.Token();
    CHECK_FALSE(reclaimer.Passed(token));
  }
  CHECK(reclaimer.Passed(token));
}

}  // namespace
}  // namespace sluice::dataplane
