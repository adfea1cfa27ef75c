// The event loop over standalone Asio: see the header.
#include "control/io/event_loop.h"

#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <csignal>
#include <memory>
#include <utility>

namespace sluice::io {
namespace {

// Keeps itself alive through its own pending wait.
class Ticker : public std::enable_shared_from_this<Ticker> {
 public:
  Ticker(asio::io_context& context, std::chrono::milliseconds period, std::function<void()> tick)
      : timer_(context), period_(period), tick_(std::move(tick)) {}
  void Arm() {
    timer_.expires_after(period_);
    timer_.async_wait([self = shared_from_this()](const asio::error_code& error) {
      if (error) return;
      self->tick_();
      self->Arm();
    });
  }

 private:
  asio::steady_timer timer_;
  std::chrono::milliseconds period_;
  std::function<void()> tick_;
};

}  // namespace

// A queue of our own, since Asio would keep what is left when the loop ends, and
// somebody may be waiting for it.
void EventLoop::Post(absl::AnyInvocable<void() &&> work) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    posted_.push_back(std::move(work));
  }
  asio::post(context_, [this] { RunPosted(); });
}

void EventLoop::RunPosted() {
  absl::AnyInvocable<void() &&> work;
  {
    const std::lock_guard lock(mutex_);
    work = std::move(posted_.front());
    posted_.pop_front();
  }
  std::move(work)();
}

void EventLoop::Run() {
  context_.run();
  std::deque<absl::AnyInvocable<void() &&>> left;
  const std::lock_guard lock(mutex_);
  ended_ = true;
  left.swap(posted_);
}

void EventLoop::Every(std::chrono::milliseconds period, std::function<void()> tick) {
  std::make_shared<Ticker>(context_, period, std::move(tick))->Arm();
}

void EventLoop::OnTermination(std::function<void()> stop) {
  auto signals = std::make_shared<asio::signal_set>(context_, SIGTERM, SIGINT);
  signals->async_wait([signals, stop = std::move(stop)](const asio::error_code& error, int) {
    if (!error) stop();
  });
}

}  // namespace sluice::io
