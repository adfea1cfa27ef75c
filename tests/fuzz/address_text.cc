// Text forms of addresses and prefixes come from operators and start-up files: whatever
// parses must print and parse back to the same value (RFC 5952), and nothing may crash.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "proto/net/address.h"
#include "proto/net/check.h"
#include "proto/net/mac_address.h"
#include "proto/net/prefix.h"

namespace {

using sluice::net::Address;
using sluice::net::MacAddress;
using sluice::net::Prefix;

template <typename Value>
void CheckRoundTrip(std::string_view text) {
  const std::optional<Value> value = Value::Parse(text);
  if (!value) return;
  const std::optional<Value> again = Value::Parse(value->ToString());
  SLUICE_CHECK(again.has_value() && *again == *value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckRoundTrip<Address>(text);
  CheckRoundTrip<Prefix>(text);
  CheckRoundTrip<MacAddress>(text);
  if (const auto loose = Prefix::ParseLoose(text)) SLUICE_CHECK(Prefix::Parse(loose->ToString()) == loose);
  return 0;
}
