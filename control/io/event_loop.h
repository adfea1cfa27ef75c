// The core thread's event loop: runs posted work, timers and descriptor waits
// one after the other. Everything that owns desired state lives on it.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <mutex>

#include "absl/functional/any_invocable.h"
#include "control/api/executor.h"

namespace sluice::io {

class EventLoop : public api::Executor {
 public:
  // Any thread. Work posted after the loop ended is destroyed without being run.
  void Post(absl::AnyInvocable<void() &&> work) override;
  // Runs until Stop, on the calling thread, which becomes the core thread.
  void Run();
  // Any thread.
  void Stop() { context_.stop(); }
  // Core thread: `tick` every `period` for as long as the loop runs.
  void Every(std::chrono::milliseconds period, std::function<void()> tick);
  // Core thread: `stop` once when SIGTERM or SIGINT arrives.
  void OnTermination(std::function<void()> stop);
  asio::io_context& context() { return context_; }

 private:
  void RunPosted();

  std::mutex mutex_;
  std::deque<absl::AnyInvocable<void() &&>> posted_;
  bool ended_ = false;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
};

}  // namespace sluice::io
