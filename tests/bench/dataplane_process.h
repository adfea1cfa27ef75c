// A sluice-dataplane of its own for a benchmark: one idle port, one worker that
// sleeps, a directory for its sockets. Killed and removed with the object.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace sluice::bench {

// Runs `command`, killed with the object. Aborts when it cannot be started.
class Process {
 public:
  explicit Process(const std::vector<std::string>& command);
  ~Process() { Kill(); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // SIGKILL, and waits for the end.
  void Kill();
  bool Ended();

 private:
  pid_t pid_ = -1;
};

// A directory that goes with the object.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Writes a start-up file for a dataplane with one net_null port "p1" and returns the command.
std::vector<std::string> DataplaneCommand(const std::string& program, const std::string& directory);

void WriteText(const std::string& file, const std::string& text);

}  // namespace sluice::bench
