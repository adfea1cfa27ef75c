// Signals as events of a descriptor; see interrupt.h.
#include "tools/sluicectl/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>

#include "proto/net/check.h"

namespace sluice::ctl {
namespace {

// A handler may touch nothing but this and write().
volatile std::sig_atomic_t event_fd = -1;

void RaiseEvent(int) {
  const uint64_t one = 1;
  [[maybe_unused]] const auto written = write(event_fd, &one, sizeof(one));
}

void SetHandlers(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt() {
  SLUICE_CHECK(event_fd < 0);
  event_fd = eventfd(0, EFD_CLOEXEC);
  SLUICE_CHECK(event_fd >= 0);
  SetHandlers(RaiseEvent);
}

Interrupt::~Interrupt() {
  SetHandlers(SIG_DFL);
  close(event_fd);
  event_fd = -1;
}

bool Interrupt::Pause(std::chrono::milliseconds time) const {
  pollfd poll_fd{event_fd, POLLIN, 0};
  return poll(&poll_fd, 1, static_cast<int>(time.count())) == 0;
}

void Interrupt::End() {
  RaiseEvent(0);
}

InterruptCancels::InterruptCancels(grpc::ClientContext& context)
    : waiter_([this, &context] {
        while (interrupt_.Pause(std::chrono::hours(1))) {
        }
        if (ended_) return;
        happened_ = true;
        context.TryCancel();
      }) {}

InterruptCancels::~InterruptCancels() {
  ended_ = true;
  interrupt_.End();
  waiter_.join();
}

}  // namespace sluice::ctl
