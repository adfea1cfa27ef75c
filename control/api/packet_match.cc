// Reads just the fields of the IP header that a filter can name.
#include "control/api/packet_match.h"

#include "absl/strings/str_cat.h"
#include "control/api/refusal.h"
#include "proto/net/byte_reader.h"

namespace sluice::api {
namespace {

constexpr uint16_t kEtherIpv4 = 0x0800;
constexpr uint16_t kEtherIpv6 = 0x86dd;
constexpr uint16_t kEtherVlan = 0x8100;         // 802.1Q
constexpr uint16_t kEtherServiceVlan = 0x88a8;  // 802.1ad

struct Endpoints {
  net::Address source;
  net::Address destination;
  uint8_t protocol = 0;
};

std::optional<Endpoints> ReadIpv4(net::ByteReader in) {
  Endpoints found;
  in.Take(9);  // version to time to live
  found.protocol = in.U8();
  in.Take(2);  // checksum
  found.source = net::Ipv4Address{in.U32()};
  found.destination = net::Ipv4Address{in.U32()};
  return in.ok() ? std::optional(found) : std::nullopt;
}

std::optional<Endpoints> ReadIpv6(net::ByteReader in) {
  Endpoints found;
  in.Take(6);  // version to payload length
  found.protocol = in.U8();
  in.Take(1);  // hop limit
  const auto source = in.Take(16);
  const auto destination = in.Take(16);
  if (!in.ok()) return std::nullopt;
  found.source = net::Ipv6Address::FromBytes(source.data());
  found.destination = net::Ipv6Address::FromBytes(destination.data());
  return found;
}

std::optional<Endpoints> Read(std::string_view frame) {
  net::ByteReader in({reinterpret_cast<const uint8_t*>(frame.data()), frame.size()});
  in.Take(12);  // MAC addresses
  uint16_t type = in.U16();
  for (int tags = 0; tags < 2 && (type == kEtherVlan || type == kEtherServiceVlan); ++tags) {
    in.Take(2);
    type = in.U16();
  }
  if (!in.ok()) return std::nullopt;
  if (type == kEtherIpv4) return ReadIpv4(in);
  return type == kEtherIpv6 ? ReadIpv6(in) : std::nullopt;
}

absl::Status TakePrefix(const std::string& text, const char* field, std::optional<net::Prefix>& out) {
  out = net::Prefix::Parse(text);
  if (out) return absl::OkStatus();
  return InvalidField(
      field, absl::StrCat("\"", text.substr(0, 80), "\" is not a prefix; accepted: such as 18.0.0.0/24"));
}

}  // namespace

absl::StatusOr<PacketMatch> PacketMatch::Make(const gateway::v1::PacketFilter& filter) {
  PacketMatch match;
  absl::Status status;
  if (filter.has_source_prefix())
    status = TakePrefix(filter.source_prefix(), "filter.source_prefix", match.source_);
  if (status.ok() && filter.has_destination_prefix())
    status = TakePrefix(filter.destination_prefix(), "filter.destination_prefix", match.destination_);
  if (!status.ok()) return status;
  if (filter.has_protocol()) match.protocol_ = filter.protocol();
  return match;
}

bool PacketMatch::Matches(std::string_view frame) const {
  if (matches_all()) return true;
  const auto found = Read(frame);
  return found && (!source_ || source_->Contains(found->source)) &&
         (!destination_ || destination_->Contains(found->destination)) &&
         (!protocol_ || *protocol_ == found->protocol);
}

}  // namespace sluice::api
