// Integers in network byte order as types of their own, so that a header field
// cannot be used without saying which order is meant. All are byte-aligned and
// may be laid over packet bytes.
#pragma once

#include <cstdint>
#include <cstring>

namespace sluice::net {

template <typename T>
class BigEndian {
 public:
  BigEndian() = default;
  constexpr explicit BigEndian(T host) { Set(host); }

  // The value in host byte order.
  constexpr T Host() const {
    T value = 0;
    for (unsigned i = 0; i < sizeof(T); ++i) value = static_cast<T>((value << 8) | bytes_[i]);
    return value;
  }
  constexpr void Set(T host) {
    for (unsigned i = 0; i < sizeof(T); ++i)
      bytes_[i] = static_cast<uint8_t>(host >> (8 * (sizeof(T) - 1 - i)));
  }
  friend constexpr bool operator==(const BigEndian&, const BigEndian&) = default;

 private:
  uint8_t bytes_[sizeof(T)];
};

using Be16 = BigEndian<uint16_t>;
using Be32 = BigEndian<uint32_t>;
using Be64 = BigEndian<uint64_t>;
static_assert(sizeof(Be16) == 2 && alignof(Be16) == 1);
static_assert(sizeof(Be32) == 4 && alignof(Be32) == 1);
static_assert(sizeof(Be64) == 8 && alignof(Be64) == 1);

}  // namespace sluice::net
