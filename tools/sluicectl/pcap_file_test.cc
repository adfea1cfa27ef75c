// The bytes of a pcap file, as its format says.
#include "tools/sluicectl/pcap_file.h"

#include <catch2/catch.hpp>

namespace sluice::ctl {

TEST_CASE("a pcap file starts with magic, version 2.4, snap length and Ethernet") {
  const std::string header = PcapHeader(0x1234);
  CHECK(header == std::string("\x4d\x3c\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                              "\x34\x12\x00\x00\x01\x00\x00\x00",
                              24));
}

TEST_CASE("a record says how much was kept and how long the packet was") {
  sluice::gateway::v1::CapturedPacket packet;
  packet.mutable_time()->set_seconds(1);
  packet.mutable_time()->set_nanos(2);
  packet.set_frame("abc");
  packet.set_original_length(60);
  CHECK(PcapRecord(packet) == std::string("\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x3c\x00\x00\x00"
                                          "abc",
                                          19));
}

TEST_CASE("a file that cannot be written is named") {
  PcapFile file;
  const auto status = file.Open("/nonexistent/a.pcap", 128);
  CHECK(status.error_message() == "/nonexistent/a.pcap: No such file or directory");
}

}  // namespace sluice::ctl
