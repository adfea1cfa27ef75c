// The quick look at tunnel headers says nothing else than the complete one, and neither
// reads what is not there. The input: the outer IP protocol, then its payload.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/packet/flow_hash.h"
#include "dataplane/packet/tunnel_header.h"
#include "proto/net/check.h"

using namespace sluice::dataplane;  // NOLINT: a program of its own

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kPeeked = 16;  // what PeekTunnelHeader reads however little there is
  if (size == 0) return 0;
  const uint8_t protocol = (data[0] & 1) != 0 ? kProtocolGre : kProtocolUdp;
  const std::vector<uint8_t> payload(data + 1, data + size);
  std::vector<uint8_t> readable = payload;
  if (readable.size() < kPeeked) readable.resize(kPeeked, data[0]);
  (void)GreInnerFlow(payload);
  TunnelHeader peeked;
  const bool common =
      PeekTunnelHeader(protocol, readable.data(), static_cast<uint32_t>(payload.size()), peeked);
  const TunnelHeader parsed = protocol == kProtocolGre ? ParseGre(payload) : ParseVxlan(payload);
  if (parsed.reason == DropReason::kNone) SLUICE_CHECK(parsed.bytes <= payload.size());
  if (!common) return 0;
  SLUICE_CHECK(parsed.reason == DropReason::kNone);
  SLUICE_CHECK(peeked.selector.Word() == parsed.selector.Word() && peeked.key == parsed.key);
  SLUICE_CHECK(peeked.bytes == parsed.bytes && peeked.ether_type == parsed.ether_type);
  // What the quick look takes has no checksum to compare.
  if (protocol == kProtocolUdp) SLUICE_CHECK(payload[6] == 0 && payload[7] == 0);
  return 0;
}
