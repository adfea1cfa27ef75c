// EAL start-up with its chatter under control: operators get one line, the rest
// is in the log for those who ask for it.
#include "dataplane/eal/eal_runtime.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <mutex>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dataplane/eal/eal_arguments.h"
#include "dataplane/eal/output_capture.h"

namespace sluice::dataplane {
namespace {

struct FirstError {
  std::mutex mutex;
  std::string line;
};
FirstError& TheFirstError() {
  static FirstError first;
  return first;
}

// Receives DPDK's log stream; glibc hands over whole prints.
ssize_t WriteLog(void*, const char* text, size_t size) {
  const auto line = absl::StripAsciiWhitespace(absl::string_view(text, size));
  if (line.empty()) return static_cast<ssize_t>(size);
  const int level = rte_log_cur_msg_loglevel();
  if (level > 0 && level <= static_cast<int>(RTE_LOG_ERR)) {
    FirstError& first = TheFirstError();
    const std::lock_guard lock(first.mutex);
    if (first.line.empty()) first.line = std::string(line);
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

// EAL says why it gives up in its FATAL line; the line before often says more,
// and getopt's line about an unknown option most.
std::string Reason(const std::vector<std::string>& lines) {
  std::string before;
  for (const std::string& line : lines) {
    if (absl::StartsWith(line, "sluice-dataplane: ")) return line.substr(sizeof "sluice-dataplane: " - 1);
  }
  for (const std::string& line : lines) {
    if (absl::StrContains(line, "FATAL: ")) return before.empty() ? line : absl::StrCat(before, "; ", line);
    before = line;
  }
  return lines.empty() ? rte_strerror(rte_errno) : lines.back();
}

}  // namespace

std::string TakeFirstDpdkError() {
  FirstError& first = TheFirstError();
  const std::lock_guard lock(first.mutex);
  return std::exchange(first.line, {});
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
