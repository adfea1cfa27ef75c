// Loads and stores of network-order fields at any alignment, for code where a
// header is looked at once. One instruction each.
#pragma once

#include <cstdint>
#include <cstring>

namespace sluice::dataplane {

template <class T>
inline T LoadRaw(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
inline uint16_t LoadBe16(const uint8_t* from) {
  return __builtin_bswap16(LoadRaw<uint16_t>(from));
}
inline uint32_t LoadBe32(const uint8_t* from) {
  return __builtin_bswap32(LoadRaw<uint32_t>(from));
}
inline uint64_t LoadBe64(const uint8_t* from) {
  return __builtin_bswap64(LoadRaw<uint64_t>(from));
}

inline void StoreBe16(uint8_t* to, uint16_t value) {
  value = __builtin_bswap16(value);
  std::memcpy(to, &value, sizeof value);
}
inline void StoreBe32(uint8_t* to, uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace sluice::dataplane
