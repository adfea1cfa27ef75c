// Refuses to run on a processor that lacks the instructions the dataplane is
// built with, in words instead of by an illegal instruction. Built without those
// instructions itself, and run before any other constructor of the program.
#include <cpuid.h>
#include <unistd.h>

#include <cstring>

namespace {

// x86-64-v3 (psABI): AVX2, BMI1, BMI2, FMA, F16C, LZCNT, MOVBE and an operating
// system that saves the YMM registers.
bool HasX8664V3() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return false;
  constexpr unsigned kLeaf1 = bit_FMA | bit_MOVBE | bit_OSXSAVE | bit_AVX | bit_F16C;
  if ((c & kLeaf1) != kLeaf1) return false;
  unsigned low = 0, high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & 6) != 6) return false;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  constexpr unsigned kLeaf7 = bit_AVX2 | bit_BMI | bit_BMI2;
  if ((b & kLeaf7) != kLeaf7) return false;
  return __get_cpuid(0x80000001, &a, &b, &c, &d) != 0 && (c & bit_LZCNT) != 0;
}

__attribute__((constructor(101))) void CheckProcessor() {
  if (HasX8664V3()) return;
  constexpr char kMessage[] =
      "sluice-dataplane: this processor lacks instructions of x86-64-v3 (AVX2, BMI, FMA), which the "
      "dataplane is "
      "built for\n";
  (void)!write(2, kMessage, std::strlen(kMessage));
  _exit(1);
}

}  // namespace
