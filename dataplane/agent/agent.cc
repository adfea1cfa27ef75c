// The agent's loop.
#include "dataplane/agent/agent.h"

#include <poll.h>
#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "dataplane/eal/monotonic_clock.h"
#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

using namespace std::chrono_literals;
using channel::ChannelServer;
using channel::RingConsumer;

// Records per turn: about a quarter of a millisecond, after which reports of the
// slow path and tasks have their turn.
constexpr unsigned kBatch = 256;
// Acknowledged this often within a turn, so that control's ring fills in time.
constexpr unsigned kAcknowledge = 64;
constexpr size_t kReports = 256;
// The channel's sockets are looked at this often while the agent is busy.
constexpr auto kServeChannel = 1ms;
constexpr auto kCheckWorkers = 100ms;
constexpr auto kHeldBack = 1ms;

}  // namespace

Agent::Agent(TableWriter& writer, ChannelServer& channel, AgentInbox& inbox, QsbrReclaimer& reclaimer)
    : writer_(writer), channel_(channel), inbox_(inbox), reclaimer_(reclaimer) {}

void Agent::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "sluice-agent");
    Loop();
  });
}

void Agent::Stop() {
  stop_.store(true);
  inbox_.Wake();
  if (thread_.joinable()) thread_.join();
  inbox_.TakeTasks();  // those that wait are told
}

void Agent::Loop() {
  while (!stop_.load(std::memory_order_relaxed)) {
    if (!Turn()) Sleep();
  }
}

bool Agent::Turn() {
  const Instant now = MonotonicNow();
  // Liveness first: it is what packets wait for.
  bool more = TakeReports(now);
  more |= ServeChannel(now);
  more |= TakeUpdates(now);
  RunTasks();
  if (now >= on_time_at_) on_time_at_ = writer_.OnTime(now);
  more |= writer_.Sweep();
  if (now >= check_workers_at_) {
    reclaimer_.CheckWorkers(static_cast<uint64_t>(now.time_since_epoch() / 1ns));
    check_workers_at_ = now + kCheckWorkers;
  }
  return more;
}

bool Agent::ServeChannel(Instant now) {
  if (now < serve_channel_at_) return false;
  serve_channel_at_ = now + kServeChannel;
  switch (channel_.Service()) {
    case ChannelServer::Change::kNone:
      return false;
    case ChannelServer::Change::kDetached:
      OnDetached(now);
      return true;
    case ChannelServer::Change::kAttached:
      sequence_ = 0;
      held_back_.reset();
      writer_.OnAttach(channel_.peer().epoch, now);
      spdlog::info("control {:016x} (process {}) attached, epoch {}", channel_.peer().control_instance,
                   channel_.peer().pid, channel_.peer().epoch);
      return true;
  }
  return false;
}

// What it had published is applied: a failover may be among it.
void Agent::OnDetached(Instant now) {
  held_back_.reset();
  // A ring holds no more than this, whoever goes on writing to it.
  for (unsigned i = 0; i < 64 && TakeUpdates(now); ++i) {
  }
  writer_.OnDetach();
  spdlog::warn("control {:016x} (process {}) is gone; its state stays", channel_.peer().control_instance,
               channel_.peer().pid);
}

bool Agent::TakeUpdates(Instant now) {
  if (held_back_) {
    if (!channel_.Refuse(*held_back_)) return false;
    held_back_.reset();
    channel_.Acknowledge(sequence_);
  }
  // Then the records wait in control's ring, and control for room in it.
  slow_path_behind_ = !writer_.resolver().slow_path_keeps_up();
  if (slow_path_behind_) return false;
  alignas(8) std::array<std::byte, channel::kMaxRecordBytes> record;
  unsigned taken = 0;
  for (; taken < kBatch; ++taken) {
    uint32_t bytes = 0;
    const RingConsumer::Result result = channel_.PopUpdate(record, &bytes);
    if (result == RingConsumer::Result::kEmpty) break;
    if (result == RingConsumer::Result::kCorrupt) {
      spdlog::error("control {:016x} wrote a ring that cannot be; channel closed",
                    channel_.peer().control_instance);
      channel_.Close();
      writer_.OnDetach();
      return false;
    }
    ++sequence_;
    MaybeRefusal refusal = writer_.Apply(std::span(record).first(bytes), now);
    if (!refusal) {
      applied_.fetch_add(1, std::memory_order_relaxed);
    } else {
      refused_.fetch_add(1, std::memory_order_relaxed);
      refusal->sequence = sequence_;
      if (!channel_.Refuse(*refusal)) {
        held_back_ = refusal;
        channel_.Acknowledge(sequence_ - 1);
        return false;
      }
    }
    if (taken % kAcknowledge == kAcknowledge - 1) channel_.Acknowledge(sequence_);
  }
  if (taken % kAcknowledge != 0) channel_.Acknowledge(sequence_);
  return taken == kBatch;
}

bool Agent::TakeReports(Instant now) {
  const auto reports = inbox_.TakeReports(kReports);
  for (const AgentInbox::Report& report : reports) {
    std::visit(
        [&](const auto& value) {
          using T = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<T, NeighborUpdate>) {
            writer_.resolver().OnNeighbor(value, now);
          } else if constexpr (std::is_same_v<T, PortLinkChange>) {
            writer_.resolver().OnCarrier(value.port, value.up, value.at);
          } else if constexpr (std::is_same_v<T, PathMtuReport>) {
            writer_.path_mtus().Learn(value, now);
          } else if constexpr (std::is_same_v<T, PeerReport>) {
            writer_.resolver().OnPeer(value, now);
          } else if (on_duplicate_) {
            on_duplicate_(value);
          }
        },
        report);
  }
  return reports.size() >= kReports;
}

void Agent::RunTasks() {
  for (const AgentInbox::Task& task : inbox_.TakeTasks()) task(writer_);
}

bool Agent::Run(const std::function<void(TableWriter&)>& task) {
  // Says what became of the task when the last copy of it goes.
  struct Ticket {
    enum State { kWaiting, kRan, kDropped };
    explicit Ticket(std::shared_ptr<std::atomic<State>> of) : state(std::move(of)) {}
    ~Ticket() {
      state->store(ran ? kRan : kDropped);
      state->notify_one();
    }
    std::shared_ptr<std::atomic<State>> state;
    bool ran = false;
  };
  const auto state = std::make_shared<std::atomic<Ticket::State>>(Ticket::kWaiting);
  // A refused task goes with its ticket.
  (void)inbox_.Push([&task, ticket = std::make_shared<Ticket>(state)](TableWriter& writer) {
    task(writer);
    ticket->ran = true;
  });
  if (stop_.load()) inbox_.TakeTasks();
  state->wait(Ticket::kWaiting);
  return state->load() == Ticket::kRan;
}

void Agent::Sleep() {
  serve_channel_at_ = {};
  if (!channel_.PrepareToSleep() && !slow_path_behind_) return;
  const Instant now = MonotonicNow();
  Instant until = std::min(on_time_at_, check_workers_at_);
  if (held_back_ || slow_path_behind_) until = std::min(until, now + kHeldBack);
  const auto wait = std::max(until - now, Duration::zero());
  pollfd fds[] = {{channel_.poll_fd(), POLLIN, 0}, {inbox_.poll_fd(), POLLIN, 0}};
  poll(fds, 2, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count()));
  if (fds[1].revents != 0) inbox_.Answer();
}

}  // namespace sluice::dataplane
