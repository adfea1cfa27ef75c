// An instance of Intel's multi-buffer crypto library (IPsec-MB): the functions for this
// processor, and queues of jobs that belong to one thread.
#pragma once

#include <intel-ipsec-mb.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace sluice::dataplane {

// Each thread that runs jobs has its own; expanding keys only reads it.
class MultiBuffer {
 public:
  // kBest is what the library finds itself; the others are for tests.
  enum class InstructionSet : uint8_t { kBest, kSse, kAvx, kAvx2, kAvx512 };

  // Allocates; nothing does later. Unimplemented: the processor lacks the instructions.
  static absl::StatusOr<MultiBuffer> Create(InstructionSet wanted = InstructionSet::kBest);

  IMB_MGR& manager() { return *manager_; }
  // What was chosen, for the log: "IPsec-MB 1.3.0, AVX2".
  std::string Describe() const;

 private:
  struct Free {
    void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
  };
  explicit MultiBuffer(IMB_MGR* manager) : manager_(manager) {}

  std::unique_ptr<IMB_MGR, Free> manager_;
};

}  // namespace sluice::dataplane
