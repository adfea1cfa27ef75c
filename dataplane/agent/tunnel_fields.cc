// The rules of GRE (RFC 2784, 2890), VXLAN (RFC 7348) and NVGRE (RFC 7637) for a
// tunnel's record.
#include "dataplane/agent/tunnel_fields.h"

#include <algorithm>
#include <cstring>

namespace sluice::dataplane {
namespace {

using namespace channel;  // NOLINT: every name of the record contract is used below

constexpr uint32_t kNetworkIdMax = 0xffffff;  // VNI and VSID have 24 bits

// Options that one kind of tunnel has and others have not.
uint16_t FlagsOfKind(TunnelKind kind) {
  constexpr uint16_t kEveryKind = kTunnelUp | kTunnelStrictUrpf | kTunnelDfCopy | kTunnelDfClear |
                                  kTunnelPipe | kTunnelClampMss | kTunnelDscpInward;
  switch (kind) {
    case TunnelKind::kGre:
      return kEveryKind | kTunnelKeyIn | kTunnelKeyOut | kTunnelGreChecksum;
    case TunnelKind::kVxlan:
      return kEveryKind | kTunnelUdpChecksum;
    case TunnelKind::kNvgre:
    case TunnelKind::kEsp:
      return kEveryKind;
  }
  return 0;
}

bool FlagsFit(const TunnelRecord& record, TunnelKind kind) {
  constexpr uint16_t kBothDf = kTunnelDfCopy | kTunnelDfClear, kBothDscp = kTunnelPipe | kTunnelDscpInward;
  return (record.flags & ~FlagsOfKind(kind)) == 0 && (record.flags & kBothDf) != kBothDf &&
         (record.flags & kBothDscp) != kBothDscp;
}

bool IsZero(const uint8_t* at, size_t bytes) {
  return std::all_of(at, at + bytes, [](uint8_t byte) { return byte == 0; });
}

// A key that is not sent or not expected is zero, so that no two records say the same.
MaybeRefusal CheckKeys(const TunnelRecord& record, bool overlay) {
  const bool takes_in = overlay || (record.flags & kTunnelKeyIn) != 0;
  const bool takes_out = overlay || (record.flags & kTunnelKeyOut) != 0;
  const uint32_t max = overlay ? kNetworkIdMax : ~uint32_t{0};
  if (record.key_in > (takes_in ? max : 0))
    return Refuse(RefusalReason::kOutOfRange, offsetof(TunnelRecord, key_in), record.key_in);
  if (record.key_out > (takes_out ? max : 0) || (overlay && record.key_out != record.key_in))
    return Refuse(RefusalReason::kOutOfRange, offsetof(TunnelRecord, key_out), record.key_out);
  return std::nullopt;
}

// GRE's far ends are asked, and only with a probe there is something to say of it.
MaybeRefusal CheckProbe(const TunnelRecord& record, bool overlay) {
  const bool probed = record.probe != static_cast<uint8_t>(ProbeKind::kNone);
  if (probed && overlay)
    return Refuse(RefusalReason::kOutOfRange, offsetof(TunnelRecord, probe), record.probe);
  if ((record.probe_misses != 0) != probed)
    return Refuse(RefusalReason::kOutOfRange, offsetof(TunnelRecord, probe_misses), record.probe_misses);
  if ((record.probe_interval_s != 0) != probed)
    return Refuse(RefusalReason::kOutOfRange, offsetof(TunnelRecord, probe_interval_s),
                  record.probe_interval_s);
  return std::nullopt;
}

}  // namespace

MaybeRefusal CheckTunnelFields(std::span<const std::byte> bytes) {
  TunnelRecord record;
  std::memcpy(&record, bytes.data(), sizeof record);
  const auto kind = static_cast<TunnelKind>(record.kind);
  const bool overlay = kind == TunnelKind::kVxlan || kind == TunnelKind::kNvgre;
  const auto refuse = [](size_t field, uint64_t value = 0) {
    return Refuse(RefusalReason::kOutOfRange, field, value);
  };
  if (!FlagsFit(record, kind)) return refuse(offsetof(TunnelRecord, flags), record.flags);
  // An overlay's far ends are its hosts; a tunnel to ourselves would have no end.
  const bool to_itself = std::memcmp(record.local, record.remote, sizeof record.local) == 0;
  if (IsZero(record.remote, sizeof record.remote) != overlay || to_itself)
    return refuse(offsetof(TunnelRecord, remote));
  if (auto refusal = CheckKeys(record, overlay)) return refusal;
  if ((record.udp_port != 0) != (kind == TunnelKind::kVxlan))
    return refuse(offsetof(TunnelRecord, udp_port), record.udp_port);
  if (record.dscp != 0 && (record.flags & kTunnelPipe) == 0)
    return refuse(offsetof(TunnelRecord, dscp), record.dscp);
  if (IsZero(record.mac, sizeof record.mac) == overlay) return refuse(offsetof(TunnelRecord, mac));
  return CheckProbe(record, overlay);
}

}  // namespace sluice::dataplane
