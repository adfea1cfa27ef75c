// The writer's check of selectors.
#include "dataplane/tables/sa/selector.h"

namespace sluice::dataplane {
namespace {

bool IsSound(const AddressRange& range, uint8_t family) {
  constexpr uint64_t kIpv4Max = 0xffffffff;
  if (range.last < range.first) return false;
  return family == 6 || (range.last.high == 0 && range.last.low <= kIpv4Max);
}

bool IsSound(const PortRange& range) {
  return range.opaque() || range.first <= range.last;
}

}  // namespace

bool IsSound(const TrafficSelector& selector) {
  if (selector.family != 4 && selector.family != 6) return false;
  if (!IsSound(selector.local, selector.family) || !IsSound(selector.remote, selector.family)) return false;
  if (!IsSound(selector.local_ports) || !IsSound(selector.remote_ports)) return false;
  return selector.protocol != 0 || (selector.local_ports.any() && selector.remote_ports.any());
}

}  // namespace sluice::dataplane
