// Writes captured frames as a pcap file (nanosecond magic, Ethernet), as
// tcpdump and Wireshark read it.
#pragma once

#include <grpcpp/support/status.h>

#include <cstdio>
#include <memory>
#include <string>

#include "sluice/gateway/v1/diagnostics.pb.h"

namespace sluice::ctl {

// The 24 bytes at the start, in this machine's byte order.
std::string PcapHeader(uint32_t snap_length);
// One packet with its 16-byte header.
std::string PcapRecord(const sluice::gateway::v1::CapturedPacket& packet);

class PcapFile {
 public:
  // "-" is standard output. An existing file is replaced.
  grpc::Status Open(const std::string& path, uint32_t snap_length);
  // Complete on disk after every packet, so that a reader can follow it.
  grpc::Status Append(const sluice::gateway::v1::CapturedPacket& packet);

 private:
  grpc::Status Write(const std::string& bytes);

  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Closer> file_;
  std::string path_;
};

}  // namespace sluice::ctl
