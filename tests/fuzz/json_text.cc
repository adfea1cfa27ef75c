// JSON of operators, after protobuf refused it: whatever it is, a fault is told, on one line, and
// nothing crashes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/json/json_fault.h"
#include "proto/net/check.h"
#include "sluice/gateway/v1/config.pb.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto* type = sluice::gateway::v1::Resources::descriptor();
  for (const int item : {-1, 1}) {
    for (const auto* each : {type, static_cast<decltype(type)>(nullptr)}) {
      const std::string told = sluice::json::Fault(text, each, "said", {item, {"kind"}});
      SLUICE_CHECK(!told.empty() && told.find('\n') == std::string::npos);
    }
  }
  return 0;
}
