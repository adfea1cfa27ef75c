// Keeps what libraries print to stdout and stderr (EAL's usage, libbpf's chatter)
// away from operators, who get one line.
#pragma once

#include <string>

namespace sluice::dataplane {

// While this lives, both streams of the process go to memory. Main thread, at start only.
class OutputCapture {
 public:
  OutputCapture();
  ~OutputCapture();
  OutputCapture(const OutputCapture&) = delete;
  OutputCapture& operator=(const OutputCapture&) = delete;

  // Ends the capture and returns what was written.
  std::string Finish();

 private:
  void Restore();

  int memory_;
  int stdout_;
  int stderr_;
};

}  // namespace sluice::dataplane
