// The adjacencies that the chosen routes need, each once: (kind, interface,
// next hop, inner MAC) -> number. Counts who needs it and lists what changed for programming.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
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
  AdjacencyTable() = default;
  AdjacencyTable(const AdjacencyTable&) = delete;
  AdjacencyTable& operator=(const AdjacencyTable&) = delete;

  // One more user of this adjacency.
  AdjacencyId Acquire(const Adjacency& adjacency);
  void Release(AdjacencyId id);
  // The adjacency is `to` from now on, under its number. False: others lead through it, or may in
  // the dataplane, or `to` has a number already.
  bool Move(AdjacencyId id, const Adjacency& to);
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
    bool shared = false;  // had a second user, perhaps one after the other
  };
  void List(AdjacencyId id);

  using Slots = std::vector<Slot>;
  // A set of numbers by what is in their slots: it stays small where adjacencies are many.
  struct Hash {
    using is_transparent = void;
    const Slots* slots;
    size_t operator()(const Adjacency& adjacency) const { return absl::HashOf(adjacency); }
    size_t operator()(AdjacencyId id) const { return absl::HashOf((*slots)[id].adjacency); }
  };
  struct Equal {
    using is_transparent = void;
    const Slots* slots;
    bool operator()(AdjacencyId a, AdjacencyId b) const { return a == b; }
    bool operator()(AdjacencyId id, const Adjacency& adjacency) const {
      return (*slots)[id].adjacency == adjacency;
    }
  };

  Slots slots_{1};  // by id; 0 is none
  absl::flat_hash_set<AdjacencyId, Hash, Equal> ids_{0, Hash{&slots_}, Equal{&slots_}};
  std::deque<AdjacencyId> free_;
  std::vector<AdjacencyId> changed_;
};

}  // namespace sluice::rib
