// Addresses as keys of hash tables.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/net/address.h"

namespace sluice::net {

// For tables whose keys no stranger chooses: it is not seeded.
struct AddressHash {
  size_t operator()(const Address& address) const {
    constexpr uint64_t kMix = 0x9e3779b97f4a7c15;  // 2^64 over the golden ratio
    if (address.is_v4()) return (address.v4().value * kMix) >> 16;
    return ((address.v6().High() * kMix + address.v6().Low()) * kMix) >> 16;
  }
};

}  // namespace sluice::net
