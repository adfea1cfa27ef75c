// The adjacencies that the chosen routes need, each once: (kind, interface,
// next hop, inner MAC) -> number. Counts who needs it and lists what changed for programming.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proto/net/address.h"
#include "proto/net/mac_address.h"

namespace sluice::rib {

using AdjacencyId = uint32_t;
inline constexpr AdjacencyId kNoAdjacency = 0;

struct Adjacency {
  enum class Kind : uint8_t { kDrop, kNeighbor, kGlean, kTunnel };

  Kind kind = Kind::kDrop;
  uint32_t interface = 0;  // of all but kDrop
  net::Address next_hop;   // kNeighbor; kTunnel: the host; for kGlean the zero address of its family
  net::MacAddress mac;     // kTunnel: of the inner frame

  friend bool operator==(const Adjacency&, const Adjacency&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const Adjacency& value) {
    const bool v4 = value.next_hop.is_v4();
    hash = H::combine(std::move(hash), value.kind, value.interface, v4, value.mac.bytes);
    return v4 ? H::combine(std::move(hash), value.next_hop.v4().value)
              : H::combine(std::move(hash), value.next_hop.v6().High(), value.next_hop.v6().Low());
  }
};

struct AdjacencyUpdate {
  AdjacencyId id = kNoAdjacency;
  std::optional<Adjacency> wanted;  // absent: nobody needs it any more

  friend bool operator==(const AdjacencyUpdate&, const AdjacencyUpdate&) = default;
};

class AdjacencyTable {
 public:
  // One more user of this adjacency.
  AdjacencyId Acquire(const Adjacency& adjacency);
  void Release(AdjacencyId id);
  // The dataplane no longer has it: its number may be used again, as late as possible.
  void Gone(AdjacencyId id);

  // What changed since the last call; an adjacency that came and went may appear.
  std::vector<AdjacencyUpdate> Take();

  const Adjacency& Get(AdjacencyId id) const { return slots_[id].adjacency; }
  size_t size() const { return ids_.size(); }

 private:
  struct Slot {
    Adjacency adjacency;
    uint32_t users = 0;
    bool live = false;    // has a number in ids_
    bool listed = false;  // is in changed_
  };
  void List(AdjacencyId id);

  std::vector<Slot> slots_{1};  // by id; 0 is none
  absl::flat_hash_map<Adjacency, AdjacencyId> ids_;
  std::deque<AdjacencyId> free_;
  std::vector<AdjacencyId> changed_;
};

}  // namespace sluice::rib
