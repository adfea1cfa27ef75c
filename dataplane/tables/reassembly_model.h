// Reassembly as slowly and plainly as it can be written, for tests and the fuzz
// target to hold ReassemblyTable against; and a table with its buffers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "dataplane/tables/reassembly_table.h"
#include "proto/net/check.h"

namespace sluice::testing {

using Payload = std::vector<uint8_t>;

// A table, and who owns its buffers. Every misuse of a buffer dies.
class ReassemblyRig {
 public:
  explicit ReassemblyRig(const dataplane::ReassemblyOptions& options) : table(options) {}
  ~ReassemblyRig() {
    SLUICE_CHECK(out_.size() <= table.held());
    for (const uint8_t* const buffer : out_) delete[] buffer;
  }

  struct Result {
    dataplane::DropReason refused = dataplane::DropReason::kNone;
    std::optional<Payload> whole;  // header and payload
    bool congestion = false;
    uint32_t discarded = 0;  // fragments of another datagram, or of the same before
    dataplane::DropReason discarded_for = dataplane::DropReason::kNone;
  };

  Result Offer(const dataplane::Fragment& fragment, uint64_t now = 0) {
    using Verdict = dataplane::ReassemblyTable::Verdict;
    const uint64_t hash = table.Hash(fragment.key);
    auto outcome = table.Offer(fragment, hash, now);
    if (outcome.verdict == Verdict::kNeedsBuffer) {
      outcome = table.Offer(fragment, hash, now, Take());
      SLUICE_CHECK(outcome.verdict == Verdict::kHeld || outcome.verdict == Verdict::kComplete);
    }
    Result result{.refused = outcome.reason,
                  .whole = std::nullopt,
                  .congestion = outcome.congestion,
                  .discarded = outcome.discarded.fragments,
                  .discarded_for = outcome.discarded.reason};
    GiveBack(outcome.discarded.buffer);
    SLUICE_CHECK((outcome.verdict == Verdict::kRefused) == (outcome.reason != dataplane::DropReason::kNone));
    if (outcome.verdict != Verdict::kComplete) return result;
    const uint8_t* const payload = outcome.buffer.payload;
    result.whole.emplace(payload - outcome.header_bytes, payload + outcome.payload_bytes);
    GiveBack(outcome.buffer);
    return result;
  }

  // All that are over at `now`, as fragments lost.
  std::vector<dataplane::ReassemblyTable::Discarded> Expire(uint64_t now) {
    std::vector<dataplane::ReassemblyTable::Discarded> all;
    while (const auto expired = table.Expire(now)) {
      GiveBack(expired->buffer);
      all.push_back(*expired);
    }
    return all;
  }

  size_t buffers_out() const { return out_.size(); }

  dataplane::ReassemblyTable table;

 private:
  dataplane::ReassemblyBuffer Take() {
    const size_t bytes = dataplane::kFragmentHeaderBytesMax + table.options().datagram_bytes;
    auto* const buffer = new uint8_t[bytes];
    std::memset(buffer, 0xdd, bytes);
    out_.insert(buffer);
    return {buffer, buffer + dataplane::kFragmentHeaderBytesMax};
  }
  void GiveBack(const dataplane::ReassemblyBuffer& buffer) {
    if (buffer.owner == nullptr) return;
    auto* const owner = static_cast<uint8_t*>(buffer.owner);
    SLUICE_CHECK(out_.erase(owner) == 1);
    delete[] owner;
  }

  std::set<uint8_t*> out_;
};

// Without a limit per source, which the table keeps by a hash.
class ReassemblyModel {
 public:
  explicit ReassemblyModel(const dataplane::ReassemblyOptions& options) : options_(options) {}

  ReassemblyRig::Result Offer(const dataplane::Fragment& fragment, uint64_t now = 0) {
    using dataplane::DropReason;
    const bool too_long =
        size_t{fragment.header_bytes} + fragment.offset + fragment.payload_bytes > options_.datagram_bytes;
    auto at = std::find_if(datagrams_.begin(), datagrams_.end(),
                           [&](const Datagram& datagram) { return datagram.key == fragment.key; });
    if (at == datagrams_.end()) {
      if (too_long) return {.refused = DropReason::kFragmentTooLong};
      const auto result = MakeRoom(fragment.key);
      datagrams_.push_back({fragment.key, now + options_.timeout_ticks, {}, DropReason::kNone});
      datagrams_.back().pieces.push_back(PieceOf(fragment));
      return result;
    }
    if (at->condemned != DropReason::kNone) return {.refused = at->condemned};
    const DropReason misfit = too_long ? DropReason::kFragmentTooLong : Misfit(*at, PieceOf(fragment));
    if (misfit == DropReason::kFragmentDuplicate) return {.refused = misfit};
    if (misfit != DropReason::kNone) {
      at->condemned = misfit;
      const auto lost = static_cast<uint32_t>(at->pieces.size());
      at->pieces.clear();
      return {.refused = misfit, .discarded = lost, .discarded_for = misfit};
    }
    at->pieces.push_back(PieceOf(fragment));
    auto result = Whole(*at);
    if (result.whole || result.refused != DropReason::kNone) datagrams_.erase(at);
    return result;
  }

  // Fragments lost.
  uint32_t Expire(uint64_t now) {
    uint32_t lost = 0;
    std::erase_if(datagrams_, [&](const Datagram& datagram) {
      if (now < datagram.expires_at) return false;
      lost += static_cast<uint32_t>(datagram.pieces.size());
      return true;
    });
    return lost;
  }

  size_t held() const { return datagrams_.size(); }

 private:
  struct Piece {
    uint32_t begin, end;
    bool more;
    uint8_t ecn;
    Payload header, payload;
  };
  struct Datagram {
    dataplane::FragmentKey key;
    uint64_t expires_at;
    std::vector<Piece> pieces;
    dataplane::DropReason condemned;
  };

  static Piece PieceOf(const dataplane::Fragment& fragment) {
    return {fragment.offset,
            uint32_t{fragment.offset} + fragment.payload_bytes,
            fragment.more,
            fragment.ecn,
            {fragment.header, fragment.header + fragment.header_bytes},
            {fragment.payload, fragment.payload + fragment.payload_bytes}};
  }

  dataplane::DropReason Misfit(const Datagram& datagram, const Piece& piece) const {
    using dataplane::DropReason;
    for (const Piece& other : datagram.pieces)
      if (other.begin == piece.begin && other.more == piece.more && other.payload == piece.payload)
        return DropReason::kFragmentDuplicate;
    for (const Piece& other : datagram.pieces) {
      const bool apart = other.end <= piece.begin || piece.end <= other.begin;
      const bool behind_an_end =
          (!other.more && piece.end > other.end) || (!piece.more && other.end > piece.end);
      if (!apart || behind_an_end) return DropReason::kFragmentOverlap;
    }
    return datagram.pieces.size() >= options_.fragments_per_datagram ? DropReason::kReassemblyFragments
                                                                     : DropReason::kNone;
  }

  ReassemblyRig::Result Whole(const Datagram& datagram) const {
    using dataplane::DropReason;
    const Piece *first = nullptr, *last = nullptr;
    uint32_t sum = 0;
    std::set<uint8_t> ecn;
    for (const Piece& piece : datagram.pieces) {
      if (piece.begin == 0) first = &piece;
      if (!piece.more) last = &piece;
      sum += piece.end - piece.begin;
      ecn.insert(piece.ecn);
    }
    if (first == nullptr || last == nullptr || sum != last->end) return {};
    const auto others = static_cast<uint32_t>(datagram.pieces.size() - 1);
    const auto lost = [&](DropReason reason) {
      return ReassemblyRig::Result{.refused = reason, .discarded = others, .discarded_for = reason};
    };
    if (ecn.contains(3) && ecn.contains(0)) return lost(DropReason::kTunnelEcn);
    if (first->header.size() + sum > options_.datagram_bytes) return lost(DropReason::kFragmentTooLong);
    Payload whole = first->header;
    whole.resize(first->header.size() + sum);
    for (const Piece& piece : datagram.pieces)
      std::copy(piece.payload.begin(), piece.payload.end(),
                whole.begin() + static_cast<ptrdiff_t>(first->header.size() + piece.begin));
    return {.whole = whole, .congestion = ecn.contains(3)};
  }

  ReassemblyRig::Result MakeRoom(const dataplane::FragmentKey& key) {
    using dataplane::DropReason;
    const auto of_tenant = [&](const Datagram& datagram) { return datagram.key.vrf == key.vrf; };
    auto oldest = datagrams_.end();
    DropReason reason = DropReason::kNone;
    if (std::count_if(datagrams_.begin(), datagrams_.end(), of_tenant) >=
        static_cast<ptrdiff_t>(options_.datagrams_per_tenant)) {
      oldest = std::find_if(datagrams_.begin(), datagrams_.end(), of_tenant);
      reason = DropReason::kReassemblyPerTenant;
    } else if (datagrams_.size() >= options_.datagrams) {
      oldest = datagrams_.begin();
      reason = DropReason::kReassemblyDatagrams;
    }
    if (oldest == datagrams_.end()) return {};
    const auto lost = static_cast<uint32_t>(oldest->pieces.size());
    datagrams_.erase(oldest);
    // What was condemned before has nothing left to lose.
    if (lost == 0) return {};
    return {.discarded = lost, .discarded_for = reason};
  }

  const dataplane::ReassemblyOptions options_;
  std::list<Datagram> datagrams_;  // by age
};

}  // namespace sluice::testing
