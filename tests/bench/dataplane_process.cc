// Processes of benchmarks: see the header.
#include "tests/bench/dataplane_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "proto/net/check.h"

namespace sluice::bench {

Process::Process(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_ = fork();
  SLUICE_CHECK(pid_ >= 0);
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Rows go to standard output; the logs of processes must not.
  if (std::getenv("SLUICE_BENCH_VERBOSE") == nullptr) {
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
  }
  dup2(STDERR_FILENO, STDOUT_FILENO);
  execv(arguments[0], arguments.data());
  _exit(127);
}

void Process::Kill() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

bool Process::Ended() {
  if (pid_ < 0) return true;
  if (waitpid(pid_, nullptr, WNOHANG) == 0) return false;
  pid_ = -1;
  return true;
}

ScratchDirectory::ScratchDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "sluice-bench-XXXXXX").string();
  SLUICE_CHECK(mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

ScratchDirectory::~ScratchDirectory() {
  std::filesystem::remove_all(path_);
}

void WriteText(const std::string& file, const std::string& text) {
  std::ofstream(file) << text;
}

std::vector<std::string> DataplaneCommand(const std::string& program, const std::string& directory) {
  const std::string file = directory + "/dataplane.json";
  WriteText(file, R"({"instance": "bench)" + std::to_string(getpid()) + R"(", "grpcSocket": ")" + directory +
                      R"(/dataplane.sock", "ports": [{"name": "p1", "device": "net_null"}],
  "workerCores": [0], "mainCore": 1, "idlePolicy": "SLEEP", "memory": {"hugePages": false}})");
  return {program, "--config", file};
}

}  // namespace sluice::bench
