// Appends big-endian fields to a byte vector.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sluice::net {

class ByteWriter {
 public:
  ByteWriter& U8(uint8_t value) { return Unsigned(value, 1); }
  ByteWriter& U16(uint16_t value) { return Unsigned(value, 2); }
  ByteWriter& U32(uint32_t value) { return Unsigned(value, 4); }
  ByteWriter& U64(uint64_t value) { return Unsigned(value, 8); }
  ByteWriter& Bytes(std::span<const uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  // Overwrites two bytes written earlier, for lengths and checksums.
  ByteWriter& PatchU16(size_t at, uint16_t value) {
    bytes_.at(at) = static_cast<uint8_t>(value >> 8);
    bytes_.at(at + 1) = static_cast<uint8_t>(value);
    return *this;
  }

  size_t size() const { return bytes_.size(); }
  const std::vector<uint8_t>& bytes() const { return bytes_; }
  std::vector<uint8_t> Release() { return std::move(bytes_); }

 private:
  ByteWriter& Unsigned(uint64_t value, unsigned count) {
    while (count > 0) bytes_.push_back(static_cast<uint8_t>(value >> (8 * --count)));
    return *this;
  }

  std::vector<uint8_t> bytes_;
};

}  // namespace sluice::net
