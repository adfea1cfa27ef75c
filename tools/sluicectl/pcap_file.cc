// The pcap format; see pcap_file.h.
#include "tools/sluicectl/pcap_file.h"

#include <cerrno>
#include <cstring>

namespace sluice::ctl {
namespace {

// Tells readers that fractions of a second are nanoseconds, and our byte order.
constexpr uint32_t kNanosecondMagic = 0xa1b23c4d;
constexpr uint16_t kMajor = 2, kMinor = 4;
constexpr uint32_t kEthernet = 1;

template <typename T>
void Append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

}  // namespace

std::string PcapHeader(uint32_t snap_length) {
  std::string out;
  Append(out, kNanosecondMagic);
  Append(out, kMajor);
  Append(out, kMinor);
  Append(out, uint64_t{0});  // time zone and accuracy
  Append(out, snap_length);
  Append(out, kEthernet);
  return out;
}

std::string PcapRecord(const sluice::gateway::v1::CapturedPacket& packet) {
  std::string out;
  Append(out, static_cast<uint32_t>(packet.time().seconds()));
  Append(out, static_cast<uint32_t>(packet.time().nanos()));
  Append(out, static_cast<uint32_t>(packet.frame().size()));
  Append(out, packet.original_length());
  return out + packet.frame();
}

grpc::Status PcapFile::Open(const std::string& path, uint32_t snap_length) {
  path_ = path == "-" ? "standard output" : path;
  file_.reset(path == "-" ? stdout : std::fopen(path.c_str(), "wb"));
  if (!file_) return {grpc::StatusCode::INVALID_ARGUMENT, path + ": " + std::strerror(errno)};
  return Write(PcapHeader(snap_length));
}

grpc::Status PcapFile::Append(const sluice::gateway::v1::CapturedPacket& packet) {
  return Write(PcapRecord(packet));
}

grpc::Status PcapFile::Write(const std::string& bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) == bytes.size() &&
      std::fflush(file_.get()) == 0) {
    return grpc::Status::OK;
  }
  return {grpc::StatusCode::UNKNOWN, path_ + ": " + std::strerror(errno)};
}

}  // namespace sluice::ctl
