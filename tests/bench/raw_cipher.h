// What the cipher alone costs: bursts straight into IPsec-MB, as a yardstick for the ESP rows.
#pragma once

#include <cstdint>

#include "dataplane/tables/sa/esp_keys.h"
#include "tests/bench/graph_meter.h"

namespace sluice::bench {

struct RawCipherRun {
  dataplane::EspDirection direction;
  unsigned keys;         // each packet's at random
  uint16_t frame_bytes;  // as of an EspScenario
  Variant variant;
};

// AES-GCM-128 over buffers as far apart as mbufs, jobs filled in anew for every packet,
// submitted without checks. Windows as MeasureWindows makes them.
std::vector<Window> MeasureRawCipher(const RawCipherRun& run, double seconds);

}  // namespace sluice::bench
