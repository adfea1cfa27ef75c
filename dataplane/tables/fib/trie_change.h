// One change of a lookup trie, built aside first and published last: new blocks
// are made where readers cannot see them, words to be stored are remembered, and
// only Commit touches what readers see. Discard leaves no trace.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/tables/fib/block_arena.h"
#include "dataplane/tables/fib/retire_queue.h"
#include "dataplane/tables/fib/rib_node.h"
#include "dataplane/tables/fib/trie_block.h"

namespace sluice::dataplane::fib {

// The first `bits` of an address, XORed with `colour`, index a table of words
// directly: the words the trie holds at that depth. With 0 bits it is the root word
// alone.
struct RootTable {
  BlockRef table = 0;
  unsigned bits = 0;    // 0, or a multiple of the stride
  uint32_t colour = 0;  // below 2^bits
};

class TrieChange {
 public:
  TrieChange(BlockArena& lookup, const BlockArena& rib) : lookup_(lookup), rib_(rib) {}

  // Starts a change of the trie under `root`; blocks are refused above
  // `limit_bytes` of the arena.
  void Begin(RootTable root, uint64_t limit_bytes);

  // `leaf` for the slots of `mask` in the node at `depth`, and below in what
  // inherits from them, buckets too. `node` is the RIB's node there, null if there is none;
  // `position` the first `depth` bits of the address (matters above the root
  // table only). Returns the word that replaces `old`.
  Word Paint(Word old, const RibNode* node, unsigned depth, uint64_t position, uint64_t mask, Word leaf);

  // `now` for one slot of the node at `depth`.
  Word SetSlot(Word old, unsigned depth, uint64_t position, unsigned slot, Word now);

  // The block of a new node at `depth` whose slots all answered `old` (a leaf)
  // until now; a leaf if they are all the same.
  Word NewNode(Word old, unsigned depth, uint64_t position, const Slots& now);

  // The root word itself.
  void SetRoot(Word now);

  // Memory for a bucket, filled by the caller; 0 when it is refused.
  BlockRef NewBlock(uint32_t bytes);
  // Will replace a word of a bucket in place.
  void StoreLater(Word* at, Word value) { stores_.push_back({at, value}); }
  // This block or bucket goes out of reach.
  void Drop(BlockRef block) { stale_.push_back(block); }

  // Was a block refused? Then Discard.
  bool failed() const { return failed_; }
  void Discard();
  // Publishes; each address is answered as before or as after at any moment.
  // Blocks that went out of reach go to `retired`.
  void Commit(RetireQueue* retired);

 private:
  struct Store {
    Word* at;
    Word value;
  };

  Word Replace(Word old, unsigned depth, uint64_t position, const Slots& was, const Slots& now);
  Word Encode(uint64_t runs, const Slots& now);
  void StoreRuns(Word old, const Slots& now);
  void StoreRootEntry(unsigned depth, uint64_t position, unsigned slot, Word was, Word now);

  BlockArena& lookup_;
  const BlockArena& rib_;
  RootTable root_;
  uint64_t limit_bytes_ = 0;
  bool failed_ = false;
  std::vector<Store> stores_;
  std::vector<BlockRef> fresh_;
  std::vector<BlockRef> stale_;
};

}  // namespace sluice::dataplane::fib
