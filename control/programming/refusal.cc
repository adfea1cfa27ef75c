// Refusals in words: see the header.
#include "control/programming/refusal.h"

namespace sluice::programming {
namespace {

constexpr rib::RefusalCode kLimitBit = 0x80;

std::string ReasonText(uint16_t reason) {
  switch (static_cast<channel::RefusalReason>(reason)) {
    case channel::RefusalReason::kMalformed:
      return "the dataplane finds the record malformed";
    case channel::RefusalReason::kUnknownType:
      return "the dataplane does not know this kind of object";
    case channel::RefusalReason::kOutOfRange:
      return "a value is out of the dataplane's range";
    case channel::RefusalReason::kNotFound:
      return "an object that it needs is not in the dataplane";
    case channel::RefusalReason::kInUse:
      return "other objects still need it";
    case channel::RefusalReason::kConflict:
      return "another object has its VLAN or address";
    case channel::RefusalReason::kLimit:
      return "a limit of the dataplane is reached";
    case channel::RefusalReason::kScope:
      return "it belongs to another owner";
    case channel::RefusalReason::kUnsupported:
      return "the dataplane or the port cannot do this";
  }
  return "refused for an unknown reason " + std::to_string(reason);
}

std::string LimitText(uint32_t limit, uint64_t figure) {
  return "limit " + LimitName(limit) + (figure == 0 ? "" : " (" + std::to_string(figure) + ")") +
         " is reached";
}

}  // namespace

std::string LimitName(uint32_t limit) {
  static constexpr const char* kNames[] = {"",
                                           "vrfs",
                                           "interfaces",
                                           "addresses",
                                           "neighbors",
                                           "neighbors_per_vrf",
                                           "adjacencies",
                                           "next_hop_groups",
                                           "group_buckets",
                                           "policers",
                                           "ipv4_routes",
                                           "ipv4_routes_per_vrf",
                                           "ipv6_routes",
                                           "ipv6_routes_per_vrf",
                                           "fib_mib",
                                           "pending_removals",
                                           "tunnel_terminations",
                                           "tunnel_remotes",
                                           "sas"};
  constexpr uint32_t kCount = sizeof(kNames) / sizeof(kNames[0]);
  return limit > 0 && limit < kCount ? kNames[limit] : "number " + std::to_string(limit);
}

rib::RefusalCode CodeOf(const channel::Refusal& refusal) {
  if (refusal.reason == static_cast<uint16_t>(channel::RefusalReason::kLimit)) {
    return static_cast<rib::RefusalCode>(kLimitBit | (refusal.limit & 0x7f));
  }
  return static_cast<rib::RefusalCode>(refusal.reason & 0x7f);
}

bool IsLimit(rib::RefusalCode code) {
  return (code & kLimitBit) != 0;
}

std::string TextOf(const channel::Refusal& refusal, const std::string& field) {
  if (refusal.reason != static_cast<uint16_t>(channel::RefusalReason::kLimit)) {
    return ReasonText(refusal.reason) + (field.empty() ? "" : " (" + field + ")");
  }
  return LimitText(refusal.limit, refusal.value);
}

std::string TextOf(rib::RefusalCode code, uint64_t figure) {
  if (code == kWaitsForGroup) return "waits for its next hops, which the dataplane does not have";
  if (IsLimit(code)) return LimitText(code & 0x7fu, figure);
  return ReasonText(code);
}

}  // namespace sluice::programming
