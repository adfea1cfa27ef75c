// Which of the punt ring's classes a packet to one of our addresses belongs to,
// so that a flood of one never starves another.
#pragma once

#include <cstdint>
#include <span>

#include "proto/channel/packets.h"

namespace sluice::dataplane {

// `packet` starts at its IP header; the forwarding nodes have checked its
// lengths, but anything is safe. What is not recognised is kLocal.
channel::PuntClass LocalPuntClass(std::span<const uint8_t> packet);

}  // namespace sluice::dataplane
