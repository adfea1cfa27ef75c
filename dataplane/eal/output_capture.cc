// Redirects the process's own streams.
#include "dataplane/eal/output_capture.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>

namespace sluice::dataplane {

OutputCapture::OutputCapture() : memory_(memfd_create("output", MFD_CLOEXEC)), stdout_(-1), stderr_(-1) {
  if (memory_ < 0) return;
  std::fflush(stdout);
  stdout_ = dup(1);
  stderr_ = dup(2);
  dup2(memory_, 1);
  dup2(memory_, 2);
}

OutputCapture::~OutputCapture() {
  Restore();
  if (memory_ >= 0) close(memory_);
}

std::string OutputCapture::Finish() {
  Restore();
  std::string text;
  if (memory_ < 0) return text;
  text.resize(static_cast<size_t>(lseek(memory_, 0, SEEK_END)));
  const ssize_t got = pread(memory_, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return text;
}

void OutputCapture::Restore() {
  if (stdout_ < 0) return;
  std::fflush(stdout);
  std::fflush(stderr);
  dup2(stdout_, 1);
  dup2(stderr_, 2);
  close(stdout_);
  close(stderr_);
  stdout_ = stderr_ = -1;
}

}  // namespace sluice::dataplane
