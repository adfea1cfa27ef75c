// Datagrams that arrive in fragments, until they are complete: RFC 791 section
// 3.2 and RFC 815, RFC 8200 section 4.5, RFC 5722. One table per worker, which
// alone uses it but for held(); memory is taken once, buffers are the caller's,
// time is an argument.
//
// Whoever sends most makes room for itself: at each limit the oldest datagram of
// the same source, else of the same tenant, else of all gives way. A flood thus
// costs others nothing while it stays within one source or one tenant, and a
// datagram whose fragments follow one another survives even a flood of forged
// sources, because many newer ones must come before it is the oldest.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/tables/drop_reason.h"
#include "dataplane/tables/fragment.h"

namespace sluice::dataplane {

// Of one worker's table. A datagram has a buffer of datagram_bytes from its first
// fragment on, so that figures in datagrams are figures in bytes, too.
struct ReassemblyOptions {
  uint32_t datagrams = 1024;
  uint32_t datagrams_per_tenant = 256;
  uint32_t datagrams_per_source = 64;
  uint32_t fragments_per_datagram = 64;
  uint32_t datagram_bytes = 9216;  // the largest, with its header; at most 65535
  uint64_t timeout_ticks = 0;      // from the first fragment to arrive to the last
  uint32_t vrfs = 1;
  uint64_t seed = 0;  // the same in all workers; unknown outside
};

// Where a datagram is put together. Before `payload` are kFragmentHeaderBytesMax
// bytes for its header, behind it are datagram_bytes.
struct ReassemblyBuffer {
  void* owner = nullptr;  // the caller's; null: none
  uint8_t* payload = nullptr;
};

class ReassemblyTable {
 public:
  using Buffer = ReassemblyBuffer;

  // A datagram that will not be completed; its fragments are lost.
  struct Discarded {
    FragmentKey key;
    DropReason reason = DropReason::kNone;  // kNone: nothing was discarded
    uint32_t fragments = 0;                 // that it had
    Buffer buffer;                          // the caller's again
    // The first fragment lies in the buffer, its header in front of the payload;
    // 0 and 0 when it never came.
    uint16_t header_bytes = 0;
    uint16_t payload_bytes = 0;
  };

  enum class Verdict : uint8_t {
    kHeld,         // the fragment's bytes are in `buffer`
    kComplete,     // `buffer` holds the datagram and is the caller's again
    kNeedsBuffer,  // nothing happened: offer it again with a buffer
    kRefused,      // the fragment is lost for `reason`
  };
  struct Outcome {
    Verdict verdict = Verdict::kHeld;
    DropReason reason = DropReason::kNone;
    Buffer buffer;
    // kComplete: lengths of the header, which lies before the payload, and of the
    // payload; and whether congestion was met (RFC 3168 section 5.3).
    uint16_t header_bytes = 0;
    uint16_t payload_bytes = 0;
    bool congestion = false;
    Discarded discarded;
  };

  explicit ReassemblyTable(const ReassemblyOptions& options);

  // Spreads datagrams over workers and over the table; the same in every worker.
  uint64_t Hash(const FragmentKey& key) const;
  static WorkerIndex HomeOf(uint64_t hash, uint32_t workers) {
    return static_cast<WorkerIndex>((hash >> 32) * workers >> 32);
  }

  // Takes the fragment in; `hash` is Hash(fragment.key). `buffer`, which is empty at
  // first, is kept when the verdict is not kNeedsBuffer.
  Outcome Offer(const Fragment& fragment, uint64_t hash, uint64_t now, Buffer buffer = {});

  // Ends the oldest datagram if its time is over: call again until there is none.
  // One whose fragments were all discarded before has no buffer and no reason.
  std::optional<Discarded> Expire(uint64_t now);

  bool empty() const { return by_age_.count == 0; }
  // Any thread: datagrams in the table.
  uint32_t held() const { return held_.load(std::memory_order_relaxed); }
  const ReassemblyOptions& options() const { return options_; }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};

  struct Links {
    uint32_t previous = kNone, next = kNone;
  };
  // The oldest first.
  struct List {
    uint32_t head = kNone, tail = kNone, count = 0;
  };
  struct Range {
    uint16_t begin, end;
  };
  struct Datagram {
    FragmentKey key;
    uint64_t hash;
    uint64_t expires_at;
    Buffer buffer;
    Links by_age, by_tenant, by_source;
    uint32_t chain_next;
    uint16_t fragments;
    uint16_t header_bytes;   // of the first fragment; 0: not here yet
    uint16_t first_bytes;    // its payload
    uint16_t payload_bytes;  // of all
    uint16_t total_bytes;    // of the payload; 0: the last fragment is not here yet
    uint8_t ecn_seen;        // bit by codepoint
    // Not kNone: its fragments, also those to come, are discarded for this reason
    // (RFC 5722 section 4).
    DropReason condemned;
  };

  void Append(List& list, Links Datagram::*links, uint32_t index);
  void Unlink(List& list, Links Datagram::*links, uint32_t index);
  List& TenantOf(const FragmentKey& key) { return tenants_[key.vrf]; }
  List& SourceOf(const FragmentKey& key);
  Range* RangesOf(uint32_t index) { return &ranges_[size_t{index} * options_.fragments_per_datagram]; }

  uint32_t Find(const FragmentKey& key, uint64_t hash) const;
  uint32_t Begin(const FragmentKey& key, uint64_t hash, uint64_t now, Buffer buffer);
  void Remove(uint32_t index);
  Discarded MakeRoom(const FragmentKey& key);
  Discarded Evict(uint32_t index, DropReason reason);
  Discarded Release(Datagram& datagram, DropReason reason);
  void Finish(uint32_t index, Outcome& outcome);
  DropReason Misfit(uint32_t index, const Fragment& fragment, uint32_t* place);
  void Insert(uint32_t index, uint32_t place, const Fragment& fragment);

  const ReassemblyOptions options_;
  std::vector<Datagram> datagrams_;
  std::vector<Range> ranges_;     // of each datagram, in the order of offsets
  std::vector<uint32_t> chains_;  // by hash
  std::vector<List> tenants_;     // by VRF
  std::vector<List> sources_;     // by hash: those that hash alike share their limit
  List by_age_;
  uint32_t free_ = kNone;  // chained by chain_next
  std::atomic<uint32_t> held_{0};
};

}  // namespace sluice::dataplane
