// Stands in for libFuzzer in ordinary builds: feeds every file of a corpus folder to
// the target, then every truncation and a few bit flips of each, the same in every run.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Bytes = std::vector<uint8_t>;

// Long seeds are cut only this often: a replay is a test, not a fuzzing run.
constexpr size_t kTruncationsMax = 256;

// A copy on the heap of exactly this size, so that the sanitizer sees the first byte behind it.
void Feed(const uint8_t* data, size_t size) {
  const Bytes exact(data, data + size);
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void FeedVariants(Bytes seed) {
  Feed(seed.data(), seed.size());
  const size_t step = seed.size() / kTruncationsMax + 1;
  for (size_t size = 0; size < seed.size(); size += step) Feed(seed.data(), size);
  for (size_t i = 0; i < seed.size(); i += step) {
    const auto bit = static_cast<uint8_t>(1u << (i % 8));
    seed[i] ^= bit;
    Feed(seed.data(), seed.size());
    seed[i] ^= bit;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
    return 2;
  }
  Feed(nullptr, 0);
  size_t files = 0;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(argv[1], error)) {
    std::ifstream in(file.path(), std::ios::binary);
    std::printf("%s\n", file.path().filename().c_str());
    std::fflush(stdout);  // the last name printed is the one that crashed
    FeedVariants(Bytes(std::istreambuf_iterator<char>(in), {}));
    ++files;
  }
  if (files == 0) {
    std::fprintf(stderr, "%s: no seed in %s\n", argv[0], argv[1]);
    return 1;
  }
}
