// Reads big-endian fields from bytes that came from outside. Running off the
// end is remembered, not fatal: reads then return zero and ok() is false, so a
// decoder checks once, after it read what it wanted.
#pragma once

#include <cstdint>
#include <span>

namespace sluice::net {

class ByteReader {
 public:
  // Borrows `bytes`; they must outlive the reader.
  explicit ByteReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  uint8_t U8() { return static_cast<uint8_t>(Unsigned(1)); }
  uint16_t U16() { return static_cast<uint16_t>(Unsigned(2)); }
  uint32_t U32() { return static_cast<uint32_t>(Unsigned(4)); }
  uint64_t U64() { return Unsigned(8); }

  // The next `count` bytes, or an empty span if there are fewer.
  std::span<const uint8_t> Take(size_t count) {
    if (count > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  size_t remaining() const { return rest_.size(); }
  bool ok() const { return ok_; }

 private:
  uint64_t Unsigned(size_t count) {
    uint64_t value = 0;
    for (const uint8_t byte : Take(count)) value = value << 8 | byte;
    return value;
  }

  std::span<const uint8_t> rest_;
  bool ok_ = true;
};

}  // namespace sluice::net
