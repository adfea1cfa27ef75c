// Ctrl-C ends a stream in order: the call is cancelled, what came so far is
// kept, and the command says what it did. Other commands die by it as usual.
#pragma once

#include <grpcpp/client_context.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace sluice::ctl {

// While alive, SIGINT and SIGTERM are events instead of death. One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // False as soon as there was a signal or End(), true when the time passed before.
  bool Pause(std::chrono::milliseconds time) const;
  void End();
};

// While alive, a signal cancels `context`, which must outlive it.
class InterruptCancels {
 public:
  explicit InterruptCancels(grpc::ClientContext& context);
  ~InterruptCancels();

  // The stream ended because the person wanted it.
  bool happened() const { return happened_; }

 private:
  Interrupt interrupt_;
  std::atomic<bool> ended_ = false, happened_ = false;
  std::thread waiter_;
};

}  // namespace sluice::ctl
