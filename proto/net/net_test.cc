// The vocabulary types: text forms, prefix arithmetic, checksums, byte readers.
#include <catch2/catch.hpp>

#include "proto/net/address.h"
#include "proto/net/byte_order.h"
#include "proto/net/byte_reader.h"
#include "proto/net/byte_writer.h"
#include "proto/net/checksum.h"
#include "proto/net/mac_address.h"
#include "proto/net/prefix.h"

namespace sluice::net {
namespace {

TEST_CASE("an address prints in the canonical form of RFC 5952") {
  struct Row {
    const char* in;
    const char* out;
  };
  const Row rows[] = {
      {"10.0.0.1", "10.0.0.1"},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
      {"fe80::1", "fe80::1"},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.in) {
      REQUIRE(Address::Parse(row.in));
      CHECK(Address::Parse(row.in)->ToString() == row.out);
    }
  }
}

TEST_CASE("what is not an address is refused") {
  for (const char* text : {"", "10.0.0", "10.0.0.256", "10.0.0.1 ", "1::2::3", "host", "10.0.0.1/8"}) {
    DYNAMIC_SECTION(text) {
      CHECK_FALSE(Address::Parse(text));
    }
  }
}

TEST_CASE("a prefix with host bits is refused, an interface address keeps them") {
  CHECK(Prefix::Parse("10.0.0.0/8")->ToString() == "10.0.0.0/8");
  CHECK_FALSE(Prefix::Parse("10.0.0.1/8"));
  CHECK(Prefix::ParseLoose("10.0.0.1/8")->ToString() == "10.0.0.0/8");
  CHECK(InterfaceAddress::Parse("15.0.0.5/24")->ToString() == "15.0.0.5/24");
  CHECK(InterfaceAddress::Parse("15.0.0.5/24")->Subnet().ToString() == "15.0.0.0/24");
  for (const char* text :
       {"10.0.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/+8", "::/129", "/8"}) {
    DYNAMIC_SECTION(text) {
      CHECK_FALSE(Prefix::Parse(text));
    }
  }
}

TEST_CASE("prefixes contain by bits and never across families") {
  const Prefix v4 = *Prefix::Parse("10.0.0.0/9");
  CHECK(v4.Contains(*Address::Parse("10.127.255.255")));
  CHECK_FALSE(v4.Contains(*Address::Parse("10.128.0.0")));
  CHECK(Prefix::Parse("0.0.0.0/0")->Contains(v4));
  CHECK_FALSE(Prefix::Parse("::/0")->Contains(v4));
  const Prefix v6 = *Prefix::Parse("2001:db8:0:0:8000::/65");
  CHECK(v6.Contains(*Address::Parse("2001:db8::ffff:0:0:1")));
  CHECK_FALSE(v6.Contains(*Address::Parse("2001:db8::1")));
}

TEST_CASE("the solicited-node group keeps the low 24 bits") {
  CHECK(Ipv6Address::Parse("2001:db8::12:3456")->SolicitedNode().ToString() == "ff02::1:ff12:3456");
}

TEST_CASE("MAC addresses parse both separators and print one") {
  CHECK(MacAddress::Parse("02:00:5E:10:00:ff")->ToString() == "02:00:5e:10:00:ff");
  CHECK(MacAddress::Parse("02-00-5e-10-00-ff")->ToString() == "02:00:5e:10:00:ff");
  CHECK_FALSE(MacAddress::Parse("02:00-5e:10:00:ff"));
  CHECK_FALSE(MacAddress::Parse("02:00:5e:10:00:f"));
  CHECK_FALSE(MacAddress::Parse("02:00:5e:10:00:fg"));
}

TEST_CASE("the checksum of the header in RFC 1071's spirit verifies to zero") {
  // An IPv4 header as on the wire, checksum field included: the sum folds to 0.
  const uint8_t header[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                            0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
  CHECK(Checksum(header) == 0);
}

TEST_CASE("an incremental checksum update equals a full one for every word") {
  uint8_t bytes[] = {0x45, 0x00, 0x12, 0x34, 0xff, 0xff, 0x00, 0x01};
  for (uint32_t after = 0; after <= 0xffff; after += 0x101) {
    const uint16_t before_sum = Checksum(bytes);
    const uint16_t before = static_cast<uint16_t>(bytes[2] << 8 | bytes[3]);
    bytes[2] = static_cast<uint8_t>(after >> 8);
    bytes[3] = static_cast<uint8_t>(after);
    CHECK(ChecksumReplace(before_sum, before, static_cast<uint16_t>(after)) == Checksum(bytes));
  }
}

TEST_CASE("a reader past the end returns zeros and says so") {
  const std::vector<uint8_t> bytes = ByteWriter().U8(1).U16(0x0203).U32(0x04050607).Release();
  ByteReader in(bytes);
  CHECK(in.U8() == 1);
  CHECK(in.U16() == 0x0203);
  CHECK(in.U32() == 0x04050607);
  CHECK(in.ok());
  CHECK(in.U8() == 0);
  CHECK_FALSE(in.ok());
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    ByteReader truncated(std::span<const uint8_t>(bytes).first(cut));
    truncated.U8();
    truncated.U16();
    truncated.U32();
    CHECK_FALSE(truncated.ok());
  }
}

TEST_CASE("big-endian integers keep their value and their bytes") {
  const Be32 value(0x01020304);
  CHECK(value.Host() == 0x01020304);
  uint8_t bytes[4];
  std::memcpy(bytes, &value, 4);
  CHECK(bytes[0] == 1);
  CHECK(bytes[3] == 4);
}

}  // namespace
}  // namespace sluice::net
