// Choice of the instruction set.
#include "dataplane/tables/sa/multi_buffer.h"

#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sluice::dataplane {
namespace {

using Set = MultiBuffer::InstructionSet;

uint64_t FeaturesOf(Set set) {
  switch (set) {
    case Set::kBest:
    case Set::kSse:
      return IMB_CPUFLAGS_SSE;
    case Set::kAvx:
      return IMB_CPUFLAGS_AVX;
    case Set::kAvx2:
      return IMB_CPUFLAGS_AVX2;
    case Set::kAvx512:
      return IMB_CPUFLAGS_AVX512;
  }
  return 0;
}

void Initialize(IMB_MGR* manager, Set set) {
  switch (set) {
    case Set::kBest:
      return init_mb_mgr_auto(manager, nullptr);
    case Set::kSse:
      return init_mb_mgr_sse(manager);
    case Set::kAvx:
      return init_mb_mgr_avx(manager);
    case Set::kAvx2:
      return init_mb_mgr_avx2(manager);
    case Set::kAvx512:
      return init_mb_mgr_avx512(manager);
  }
}

std::string_view NameOf(uint32_t architecture) {
  switch (architecture) {
    case IMB_ARCH_SSE:
      return "SSE";
    case IMB_ARCH_AVX:
      return "AVX";
    case IMB_ARCH_AVX2:
      return "AVX2";
    case IMB_ARCH_AVX512:
      return "AVX-512";
    default:
      return "no AES instructions";
  }
}

}  // namespace

absl::StatusOr<MultiBuffer> MultiBuffer::Create(InstructionSet wanted) {
  const uint64_t needed = FeaturesOf(wanted);
  if ((imb_get_feature_flags() & needed) != needed)
    return absl::UnimplementedError("IPsec-MB: this processor lacks the instructions");
  IMB_MGR* const manager = alloc_mb_mgr(0);
  if (manager == nullptr) return absl::ResourceExhaustedError("IPsec-MB: no memory for its queues");
  MultiBuffer buffer(manager);
  Initialize(manager, wanted);
  if (const int error = imb_get_errno(manager); error != 0)
    return absl::InternalError(absl::StrCat("IPsec-MB: ", imb_get_strerror(error)));
  return buffer;
}

std::string MultiBuffer::Describe() const {
  // What the library calls its second types: wide AES and carry-less multiplication.
  constexpr uint64_t kWide = IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ | IMB_FEATURE_GFNI;
  const bool wide = manager_->used_arch >= IMB_ARCH_AVX2 && (manager_->features & kWide) == kWide;
  return absl::StrCat("IPsec-MB ", imb_get_version_str(), ", ", std::string(NameOf(manager_->used_arch)),
                      wide ? " with VAES" : "");
}

}  // namespace sluice::dataplane
