// Builds multicast listener reports.
#include "dataplane/slowpath/mld_report.h"

#include <span>

#include "proto/net/byte_writer.h"
#include "proto/net/checksum.h"

namespace sluice::dataplane {
namespace {

constexpr uint8_t kIcmpv6 = 58;
constexpr uint8_t kReportVersion2 = 143;
constexpr size_t kHopByHopBytes = 8;
constexpr size_t kReportBytes = 8 + 20;
constexpr size_t kReportOffset = 40 + kHopByHopBytes;

}  // namespace

net::Ipv6Address MldRouters() {
  return net::Ipv6Address::FromHalves(0xff02'0000'0000'0000, 0x16);
}

std::vector<uint8_t> BuildMldReport(const net::Ipv6Address& source, const net::Ipv6Address& group,
                                    uint8_t record_type) {
  net::ByteWriter out;
  out.U32(6u << 28).U16(kHopByHopBytes + kReportBytes).U8(0).U8(1);
  out.Bytes(source.bytes).Bytes(MldRouters().bytes);
  // Router alert for MLD (RFC 2711 section 2.1), padded to eight bytes.
  out.U8(kIcmpv6).U8(0).U8(5).U8(2).U16(0).U8(1).U8(0);
  out.U8(kReportVersion2).U8(0).U16(0).U16(0).U16(1);
  out.U8(record_type).U8(0).U16(0).Bytes(group.bytes);
  const std::span<const uint8_t> bytes(out.bytes());
  const uint64_t pseudo = net::Ipv6PseudoHeaderSum(bytes, kReportBytes, kIcmpv6);
  out.PatchU16(kReportOffset + 2,
               net::ChecksumFinish(net::ChecksumAdd(bytes.subspan(kReportOffset), pseudo)));
  return out.Release();
}

}  // namespace sluice::dataplane
