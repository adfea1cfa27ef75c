// Which frames a filter by addresses and protocol lets through.
#include "control/api/packet_match.h"

#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>

#include "proto/net/byte_writer.h"

namespace sluice::api {
namespace {

std::string Frame(bool v6, int tags) {
  net::ByteWriter out;
  out.Bytes(std::vector<uint8_t>(12));
  for (int i = 0; i < tags; ++i) out.U16(i + 1 < tags ? 0x88a8 : 0x8100).U16(100);
  out.U16(v6 ? 0x86dd : 0x0800);
  if (v6) {
    out.Bytes(std::vector<uint8_t>(6)).U8(17).U8(64);
    out.Bytes(net::Ipv6Address::Parse("2001:db8::1")->bytes)
        .Bytes(net::Ipv6Address::Parse("2001:db8::2")->bytes);
  } else {
    out.Bytes(std::vector<uint8_t>(9)).U8(6).U16(0).U32(0x0a000001).U32(0x0a000002);
  }
  return std::string(out.bytes().begin(), out.bytes().end());
}

TEST_CASE("a filter by addresses and protocol lets through what it names") {
  struct Row {
    const char* what;
    const char* filter;
    std::string frame;
    bool matches;
  };
  const Row rows[] = {
      {"no filter", "", "", true},
      {"source", "source_prefix: '10.0.0.0/8'", Frame(false, 0), true},
      {"other source", "source_prefix: '11.0.0.0/8'", Frame(false, 0), false},
      {"destination behind a VLAN tag", "destination_prefix: '10.0.0.2/32'", Frame(false, 1), true},
      {"protocol behind two tags", "protocol: 6", Frame(false, 2), true},
      {"other protocol", "protocol: 17", Frame(false, 0), false},
      {"IPv6", "source_prefix: '2001:db8::/64' protocol: 17", Frame(true, 1), true},
      {"the other family", "source_prefix: '10.0.0.0/8'", Frame(true, 0), false},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      gateway::v1::PacketFilter filter;
      REQUIRE(google::protobuf::TextFormat::ParseFromString(row.filter, &filter));
      const auto match = PacketMatch::Make(filter);
      REQUIRE(match.ok());
      CHECK(match->Matches(row.frame) == row.matches);
      if (match->matches_all()) continue;
      for (size_t length = 0; length < row.frame.size(); ++length)
        CHECK_FALSE(match->Matches(row.frame.substr(0, length)));
    }
  }
}

TEST_CASE("a malformed prefix of a filter is named") {
  gateway::v1::PacketFilter filter;
  filter.set_destination_prefix("10.0.0.1/8");
  CHECK(PacketMatch::Make(filter).status().code() == absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sluice::api
