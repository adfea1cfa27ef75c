// EAL start-up with its chatter under control: operators get one line, the rest
// is in the log for those who ask for it.
#include "dataplane/eal/eal_runtime.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dataplane/eal/eal_arguments.h"

namespace sluice::dataplane {
namespace {

// rte_eal_init writes to stdout and stderr past its own log; while this lives,
// both go to memory.
class OutputCapture {
 public:
  OutputCapture() : memory_(memfd_create("eal-output", MFD_CLOEXEC)), stdout_(dup(1)), stderr_(dup(2)) {
    std::fflush(stdout);
    if (memory_ < 0) return;
    dup2(memory_, 1);
    dup2(memory_, 2);
  }
  ~OutputCapture() {
    Restore();
    if (memory_ >= 0) close(memory_);
  }
  OutputCapture(const OutputCapture&) = delete;
  OutputCapture& operator=(const OutputCapture&) = delete;

  // Ends the capture and returns what was written.
  std::string Finish() {
    Restore();
    std::string text;
    if (memory_ < 0) return text;
    text.resize(static_cast<size_t>(lseek(memory_, 0, SEEK_END)));
    const ssize_t got = pread(memory_, text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return text;
  }

 private:
  void Restore() {
    if (stdout_ < 0) return;
    std::fflush(stdout);
    std::fflush(stderr);
    dup2(stdout_, 1);
    dup2(stderr_, 2);
    close(stdout_);
    close(stderr_);
    stdout_ = stderr_ = -1;
  }

  int memory_;
  int stdout_;
  int stderr_;
};

struct LastError {
  std::mutex mutex;
  std::string line;
};
LastError& TheLastError() {
  static LastError last;
  return last;
}

// Receives DPDK's log stream; glibc hands over whole prints.
ssize_t WriteLog(void*, const char* text, size_t size) {
  const auto line = absl::StripAsciiWhitespace(absl::string_view(text, size));
  if (line.empty()) return static_cast<ssize_t>(size);
  const int level = rte_log_cur_msg_loglevel();
  if (level > 0 && level <= static_cast<int>(RTE_LOG_ERR)) {
    LastError& last = TheLastError();
    const std::lock_guard lock(last.mutex);
    last.line = std::string(line);
  }
  spdlog::debug("dpdk: {}", std::string(line));
  return static_cast<ssize_t>(size);
}

void RouteDpdkLog() {
  cookie_io_functions_t functions{};
  functions.write = WriteLog;
  FILE* const stream = fopencookie(nullptr, "w", functions);
  if (stream == nullptr) return;
  setlinebuf(stream);
  rte_openlog_stream(stream);
}

// EAL says why it gives up in its FATAL line; the line before often says more.
std::string Reason(const std::vector<std::string>& lines) {
  std::string before;
  for (const std::string& line : lines) {
    if (absl::StrContains(line, "FATAL: ")) return before.empty() ? line : absl::StrCat(before, "; ", line);
    before = line;
  }
  return lines.empty() ? rte_strerror(rte_errno) : lines.back();
}

}  // namespace

std::string TakeLastDpdkError() {
  LastError& last = TheLastError();
  const std::lock_guard lock(last.mutex);
  return std::exchange(last.line, {});
}

absl::StatusOr<std::unique_ptr<EalRuntime>> EalRuntime::Start(const StartupPlan& plan) {
  std::vector<std::string> arguments = EalArguments(plan);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  OutputCapture capture;
  const int result = rte_eal_init(static_cast<int>(argv.size()), argv.data());
  std::vector<std::string> lines = absl::StrSplit(capture.Finish(), '\n', absl::SkipWhitespace());
  for (const std::string& line : lines) spdlog::debug("dpdk: {}", line);
  if (result < 0) return absl::InternalError(absl::StrCat("DPDK does not start: ", Reason(lines)));
  RouteDpdkLog();
  return std::unique_ptr<EalRuntime>(new EalRuntime());
}

EalRuntime::~EalRuntime() {
  rte_eal_cleanup();
}

}  // namespace sluice::dataplane
