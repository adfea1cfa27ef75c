// The one thread that owns the desired state. Main implements it over its event
// loop; API threads post to it and wait for the answer.
#pragma once

#include <future>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/functional/any_invocable.h"

namespace sluice::api {

class Executor {
 public:
  virtual ~Executor() = default;
  // Any thread: runs `work` once, later, on the core thread, in the order of posting; what it borrows
  // must live until the loop has ended. Work posted after the loop ended is dropped without being run.
  virtual void Post(absl::AnyInvocable<void() &&> work) = 0;
};

// Runs `work` on the core thread and waits for its result. Never call it on the
// core thread. Absent when the loop ended before it was run.
template <typename Work, typename Result = std::invoke_result_t<Work&>>
std::optional<Result> RunOnCore(Executor& executor, Work work) {
  std::promise<Result> promise;
  std::future<Result> future = promise.get_future();
  executor.Post(
      [promise = std::move(promise), work = std::move(work)]() mutable { promise.set_value(work()); });
  future.wait();
  try {
    return future.get();
  } catch (const std::future_error&) {
    return std::nullopt;
  }
}

}  // namespace sluice::api
