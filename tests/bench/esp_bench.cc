// Cycles per packet into ESP tunnels and out of them, through the whole graph over ring ports,
// and their share of what the cipher alone reaches in the same run: rows esp.* of issue 4, one
// JSON object per line (see graph_meter.h). What is decrypted was sealed before its window.
//
//   esp_bench [--only GLOB] [--seconds N]
#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "tests/bench/esp_scenario.h"
#include "tests/bench/figures.h"
#include "tests/bench/raw_cipher.h"
#include "tests/graph/eal_for_tests.h"

namespace sluice::bench {
namespace {

using dataplane::EspDirection;

constexpr dataplane::TableLimits kLimits{.vrfs = 128,
                                         .interfaces = 12'000,
                                         .addresses = 1024,
                                         .neighbors = 1024,
                                         .adjacencies = 11'000,
                                         .next_hop_groups = 11'000,
                                         .group_buckets = 4096,
                                         .policers = 16,
                                         .ipv4_routes = 20'000,
                                         .ipv6_routes = 1024,
                                         .fib_mib = 64,
                                         .sas = 21'000};

struct Size {
  const char* name;
  uint16_t bytes;
};
constexpr Size kSizes[] = {{"64", 64}, {"512", 512}, {"1420", 1420}, {"imix", 0}};
constexpr unsigned kSas[] = {1, 100, 1'000, 10'000};

class Rows {
 public:
  Rows(std::string only, double seconds) : only_(std::move(only)), seconds_(seconds) {}

  void Run() {
    if (Wanted(only_, "esp.kib_per_pair")) PrintRow("esp.kib_per_pair", KibPerPair(), "KiB");
    for (const bool decrypt : {false, true})
      for (const Size& size : kSizes)
        for (const Variant& variant : {kVariants[0], kVariants[2]}) RunSize(decrypt, size, variant);
  }

 private:
  // By what the process took for 10,000 more of them, with their keys, windows of 1,024, a
  // selector each way and their policies.
  static double KibPerPair() {
    constexpr unsigned kPairs = 10'000;
    EspTraffic few({.decrypt = false, .sas = 100, .bytes = 64}, OptionsOf(kVariants[0], kLimits));
    const size_t before = mallinfo2().uordblks;
    few.AddSas(100, kPairs);
    return static_cast<double>(mallinfo2().uordblks - before) / kPairs / 1024;
  }

  void RunSize(bool decrypt, const Size& size, const Variant& variant) {
    std::map<unsigned, double> cycles;
    const std::string name = std::string("esp.gcm128.") + (decrypt ? "dec." : "enc.") + size.name + ".sa";
    for (const unsigned sas : kSas) {
      const std::string row = name + std::to_string(sas);
      if (!Wanted(only_, (row + variant.suffix).c_str())) continue;
      EspTraffic traffic({.decrypt = decrypt, .sas = sas, .bytes = size.bytes}, OptionsOf(variant, kLimits));
      MeasureWindows(traffic, variant, seconds_ / 8);
      const RowFigure figure = FigureOf(MeasureWindows(traffic, variant, seconds_), quietest_);
      const double raw = Raw(decrypt, sas, size, variant);
      PrintCycles(row.c_str(), variant, figure, raw);
      PrintRow((row + ".share" + variant.suffix).c_str(), raw / figure.value, "of the raw cipher");
      cycles[sas] = figure.value;
      if (sas > 1 && cycles.contains(1))
        PrintRow((row + ".ratio" + variant.suffix).c_str(), figure.value / cycles[1], "ratio");
    }
  }

  double Raw(bool decrypt, unsigned sas, const Size& size, const Variant& variant) {
    const RawCipherRun run{decrypt ? EspDirection::kInbound : EspDirection::kOutbound, sas, size.bytes,
                           variant};
    return FigureOf(MeasureRawCipher(run, seconds_ / 4), quietest_).value;
  }

  const std::string only_;
  const double seconds_;
  double quietest_ = 1e9;
};

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  std::string only = "*";
  double seconds = 2;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--only") == 0) only = argv[i + 1];
    if (std::strcmp(argv[i], "--seconds") == 0) seconds = std::atof(argv[i + 1]);
  }
  sluice::testing::StartEal({.memory_mib = 128, .huge_pages = true});
  sluice::bench::Rows(only, seconds).Run();
  return 0;
}
