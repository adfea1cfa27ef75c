// Orders, overlaps, ends and limits of reassembly, and the same by chance against a
// model.
#include "dataplane/tables/reassembly_table.h"

#include <catch2/catch.hpp>
#include <random>

#include "dataplane/tables/reassembly_model.h"

namespace sluice::testing {
namespace {

using dataplane::DropReason;
using dataplane::Fragment;
using dataplane::FragmentKey;
using dataplane::ReassemblyOptions;

constexpr ReassemblyOptions kOptions{.datagrams = 16,
                                     .datagrams_per_tenant = 16,
                                     .datagrams_per_source = 16,
                                     .fragments_per_datagram = 8,
                                     .datagram_bytes = 2048,
                                     .timeout_ticks = 1000,
                                     .vrfs = 4,
                                     .seed = 1};

FragmentKey KeyOf(uint32_t identification, uint8_t source = 1, dataplane::VrfId vrf = 1) {
  FragmentKey key{.identification = identification, .vrf = vrf, .family = 4, .protocol = 17};
  key.source[0] = source;
  return key;
}

// A piece of a datagram whose byte at i is i * 7, and its header 20 bytes of 0x45.
struct Piece {
  Piece(uint16_t offset, uint16_t bytes, bool more, FragmentKey of = KeyOf(1), uint8_t ecn = 0)
      : header(20, 0x45), payload(bytes) {
    for (size_t i = 0; i < bytes; ++i) payload[i] = static_cast<uint8_t>((offset + i) * 7);
    fragment = {.key = of,
                .header = header.data(),
                .payload = payload.data(),
                .header_bytes = 20,
                .payload_bytes = bytes,
                .offset = offset,
                .more = more,
                .ecn = ecn};
  }
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;
  Payload header, payload;
  Fragment fragment;
};

Payload Whole(size_t bytes) {
  Payload whole(20, 0x45);
  for (size_t i = 0; i < bytes; ++i) whole.push_back(static_cast<uint8_t>(i * 7));
  return whole;
}

TEST_CASE("a datagram is complete when its last byte came, in whatever order") {
  // The last one's length is no multiple of 8; the first one is tiny.
  const Piece pieces[] = {{0, 8, true}, {8, 1000, true}, {1008, 13, false}};
  int order[] = {0, 1, 2};
  do {
    ReassemblyRig rig(kOptions);
    CHECK_FALSE(rig.Offer(pieces[order[0]].fragment).whole);
    CHECK_FALSE(rig.Offer(pieces[order[1]].fragment).whole);
    CHECK(rig.buffers_out() == 1);
    const auto result = rig.Offer(pieces[order[2]].fragment);
    REQUIRE(result.whole);
    CHECK(*result.whole == Whole(1021));
    CHECK(rig.table.empty());
    CHECK(rig.buffers_out() == 0);
  } while (std::next_permutation(std::begin(order), std::end(order)));
}

TEST_CASE("an exact duplicate is lost by itself; anything else that overlaps takes the datagram along") {
  const Piece first(0, 80, true), middle(160, 80, true), last(320, 40, false);
  Piece other(160, 80, true);
  other.payload[79] ^= 1;
  const Piece ended(160, 80, false);
  const Piece inside(168, 8, true), across(72, 16, true), around(152, 96, true), before(80, 88, true);
  const Piece behind_the_end(360, 8, true), second_end(80, 8, false), later_end(400, 8, false);
  const struct {
    const char* what;
    const Piece& piece;
    DropReason reason;
  } rows[] = {
      {"the first again", first, DropReason::kFragmentDuplicate},
      {"the middle again", middle, DropReason::kFragmentDuplicate},
      {"the last again", last, DropReason::kFragmentDuplicate},
      {"the middle with another byte", other, DropReason::kFragmentOverlap},
      {"the middle as an end", ended, DropReason::kFragmentOverlap},
      {"inside", inside, DropReason::kFragmentOverlap},
      {"across the end of one", across, DropReason::kFragmentOverlap},
      {"across the start of one", before, DropReason::kFragmentOverlap},
      {"around one", around, DropReason::kFragmentOverlap},
      {"behind the end", behind_the_end, DropReason::kFragmentOverlap},
      {"a second end", second_end, DropReason::kFragmentOverlap},
      {"a later end", later_end, DropReason::kFragmentOverlap},
  };
  for (const auto& row : rows) {
    DYNAMIC_SECTION(row.what) {
      ReassemblyRig rig(kOptions);
      for (const Piece* piece : {&first, &middle, &last}) CHECK_FALSE(rig.Offer(piece->fragment).whole);
      const auto result = rig.Offer(row.piece.fragment);
      CHECK(result.refused == row.reason);
      const Piece gap1(80, 80, true), gap2(240, 80, true);
      if (row.reason == DropReason::kFragmentDuplicate) {
        CHECK(result.discarded == 0);
        CHECK_FALSE(rig.Offer(gap1.fragment).whole);
        const auto complete = rig.Offer(gap2.fragment);
        REQUIRE(complete.whole);
        CHECK(*complete.whole == Whole(360));
        continue;
      }
      // RFC 5722 section 4: those that came and those to come.
      CHECK(result.discarded == 3);
      CHECK(result.discarded_for == DropReason::kFragmentOverlap);
      CHECK(rig.buffers_out() == 0);
      CHECK(rig.Offer(gap1.fragment).refused == DropReason::kFragmentOverlap);
      CHECK(rig.Offer(first.fragment).refused == DropReason::kFragmentOverlap);
      const auto expired = rig.Expire(1000);
      REQUIRE(expired.size() == 1);
      CHECK(expired[0].reason == DropReason::kNone);
      // And then the identification may be used again.
      CHECK(rig.Offer(first.fragment).refused == DropReason::kNone);
    }
  }
}

TEST_CASE("an end before what is there already is found, too") {
  ReassemblyRig rig(kOptions);
  const Piece far(800, 8, true), end(80, 8, false);
  rig.Offer(far.fragment);
  CHECK(rig.Offer(end.fragment).refused == DropReason::kFragmentOverlap);
}

TEST_CASE("datagrams are told apart by every field of the key") {
  ReassemblyRig rig(kOptions);
  const FragmentKey key = KeyOf(1);
  FragmentKey keys[] = {key, key, key, key, key, key, key, key, key};
  keys[1].identification = 2;
  keys[2].source[15] = 1;
  keys[3].destination[0] = 1;
  keys[4].vrf = 2;
  keys[5].generation = 1;
  keys[6].link = 1;
  keys[7].protocol = 6;
  keys[8].family = 6;
  for (const FragmentKey& of : keys) rig.Offer(Piece(0, 8, true, of).fragment);
  CHECK(rig.table.held() == 9);
  for (const FragmentKey& of : keys) CHECK(rig.Offer(Piece(8, 8, false, of).fragment).whole);
  CHECK(rig.table.empty());
}

TEST_CASE("what would be longer than the limit, and so than its buffer, is refused") {
  ReassemblyRig rig(kOptions);
  const Piece fits(2016, 12, false), beyond(2016, 13, false), far(65528, 8, true);
  CHECK(rig.Offer(beyond.fragment).refused == DropReason::kFragmentTooLong);
  CHECK(rig.Offer(far.fragment).refused == DropReason::kFragmentTooLong);
  CHECK(rig.table.empty());
  CHECK(rig.Offer(fits.fragment).refused == DropReason::kNone);
  // With others of its datagram there already, they go with it.
  const auto result = rig.Offer(far.fragment);
  CHECK(result.refused == DropReason::kFragmentTooLong);
  CHECK(result.discarded == 1);
  SECTION("the header of the first fragment counts") {
    ReassemblyRig other(kOptions);
    Piece first(0, 2016, true);
    first.header.resize(24);
    first.fragment.header = first.header.data();
    first.fragment.header_bytes = 24;
    CHECK(other.Offer(first.fragment).refused == DropReason::kNone);
    const auto last = other.Offer(fits.fragment);
    CHECK(last.refused == DropReason::kFragmentTooLong);
    CHECK(last.discarded == 1);
    CHECK(other.table.empty());
  }
}

TEST_CASE("more fragments than the limit end the datagram") {
  ReassemblyRig rig(kOptions);
  for (uint16_t i = 0; i < 8; ++i)
    CHECK(rig.Offer(Piece(static_cast<uint16_t>(i * 16), 8, true).fragment).refused == DropReason::kNone);
  const auto result = rig.Offer(Piece(8, 8, true).fragment);
  CHECK(result.refused == DropReason::kReassemblyFragments);
  CHECK(result.discarded == 8);
}

TEST_CASE("time runs from the first fragment to come, and is told of once") {
  ReassemblyRig rig(kOptions);
  rig.Offer(Piece(8, 8, true, KeyOf(1)).fragment, 100);
  rig.Offer(Piece(0, 8, true, KeyOf(2)).fragment, 200);
  rig.Offer(Piece(16, 8, true, KeyOf(1)).fragment, 900);
  CHECK(rig.Expire(1099).empty());
  auto expired = rig.Expire(1100);
  REQUIRE(expired.size() == 1);
  CHECK(expired[0].reason == DropReason::kReassemblyTimeout);
  CHECK(expired[0].fragments == 2);
  CHECK(expired[0].header_bytes == 0);
  expired = rig.Expire(1200);
  REQUIRE(expired.size() == 1);
  CHECK(expired[0].header_bytes == 20);
  CHECK(expired[0].payload_bytes == 8);
  CHECK(rig.table.empty());
  CHECK(rig.buffers_out() == 0);
}

TEST_CASE("at each limit the oldest of those that it is about gives way") {
  ReassemblyOptions options = kOptions;
  DropReason reason = DropReason::kReassemblyDatagrams;
  SECTION("of one source") {
    options.datagrams_per_source = 4;
    reason = DropReason::kReassemblyPerSource;
  }
  SECTION("of one tenant") {
    options.datagrams_per_tenant = 4;
    reason = DropReason::kReassemblyPerTenant;
  }
  SECTION("of all") {
    options.datagrams = 5;
  }
  ReassemblyRig rig(options);
  // Somebody else's, before and among the flood.
  const FragmentKey other = KeyOf(7, 9, 2);
  rig.Offer(Piece(0, 8, true, other).fragment);
  for (uint32_t i = 0; i < 4; ++i) CHECK(rig.Offer(Piece(0, 8, true, KeyOf(i)).fragment).discarded == 0);
  const auto fifth = rig.Offer(Piece(0, 8, true, KeyOf(4)).fragment);
  CHECK(fifth.refused == DropReason::kNone);
  CHECK(fifth.discarded == 1);
  CHECK(fifth.discarded_for == reason);
  const bool of_all = reason == DropReason::kReassemblyDatagrams;
  CHECK(rig.Offer(Piece(8, 8, false, other).fragment).whole.has_value() != of_all);
  // The newest of the flood is complete, its oldest is not.
  CHECK(rig.Offer(Piece(8, 8, false, KeyOf(4)).fragment).whole);
  CHECK(rig.buffers_out() <= 5);
}

TEST_CASE("a datagram whose fragments follow one another outlives a flood of forged sources") {
  ReassemblyOptions options = kOptions;
  options.datagrams_per_tenant = 8;
  ReassemblyRig rig(options);
  std::mt19937 random(1);
  const auto forged = [&] {
    FragmentKey key = KeyOf(static_cast<uint32_t>(random()));
    for (uint8_t& byte : key.source) byte = static_cast<uint8_t>(random());
    return key;
  };
  for (uint32_t i = 0; i < 1000; ++i) {
    const FragmentKey key = KeyOf(i, 200);
    rig.Offer(Piece(0, 8, true, key).fragment);
    for (int between = 0; between < 7; ++between) rig.Offer(Piece(0, 8, true, forged()).fragment);
    REQUIRE(rig.Offer(Piece(8, 8, false, key).fragment).whole);
  }
}

TEST_CASE("congestion of one fragment is the datagram's, unless another cannot carry it") {
  // RFC 3168 section 5.3.
  const struct {
    const char* what;
    uint8_t first, last;
    bool complete, congestion;
  } rows[] = {{"none is capable", 0, 0, true, false},
              {"all are", 2, 1, true, false},
              {"the last met congestion", 2, 3, true, true},
              {"the first did", 3, 1, true, true},
              {"both did", 3, 3, true, true},
              {"congestion and not capable", 0, 3, false, false}};
  for (const auto& row : rows) {
    INFO(row.what);
    ReassemblyRig rig(kOptions);
    rig.Offer(Piece(0, 8, true, KeyOf(1), row.first).fragment);
    const auto result = rig.Offer(Piece(8, 8, false, KeyOf(1), row.last).fragment);
    CHECK(result.whole.has_value() == row.complete);
    CHECK(result.congestion == row.congestion);
    if (!row.complete) CHECK(result.refused == DropReason::kTunnelEcn);
    CHECK(rig.table.empty());
    CHECK(rig.buffers_out() == 0);
  }
}

TEST_CASE("workers get about the same share of datagrams, and agree on it") {
  ReassemblyOptions options = kOptions;
  ReassemblyRig one(options), two(options);
  for (const uint32_t workers : {2u, 3u, 4u, 64u}) {
    std::vector<int> share(workers);
    for (uint32_t i = 0; i < 6400; ++i) {
      const uint64_t hash = one.table.Hash(KeyOf(i));
      CHECK(hash == two.table.Hash(KeyOf(i)));
      ++share[dataplane::ReassemblyTable::HomeOf(hash, workers)];
    }
    for (const int of_worker : share) CHECK(of_worker > static_cast<int>(6400 / workers / 2));
  }
}

// One random fragment: few datagrams, few places, so that all of it meets.
std::unique_ptr<Piece> RandomPiece(std::mt19937& random) {
  const auto below = [&](uint32_t limit) { return static_cast<uint32_t>(random() % limit); };
  const FragmentKey key =
      KeyOf(below(5), static_cast<uint8_t>(below(3)), static_cast<dataplane::VrfId>(1 + below(2)));
  const uint32_t begin = below(5), length = 1 + below(3);
  const bool more = begin + length < 5 || below(20) == 0;
  auto bytes = static_cast<uint16_t>(length * 8);
  if (!more && below(2) == 0) bytes = static_cast<uint16_t>(bytes - 3);
  auto piece = std::make_unique<Piece>(static_cast<uint16_t>(begin * 8), bytes, more, key,
                                       static_cast<uint8_t>(below(20) == 0 ? 3 : 2));
  if (below(50) == 0) piece->payload[0] ^= 1;
  if (below(50) == 0) piece->fragment.ecn = 0;
  if (below(100) == 0) piece->fragment.offset = 1984;
  return piece;
}

TEST_CASE("by chance, the table does what the model does") {
  unsigned complete = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    ReassemblyOptions options = kOptions;
    options.datagrams = 2 + random() % 12;
    options.datagrams_per_tenant = 1 + random() % 8;
    options.fragments_per_datagram = 2 + random() % 4;
    options.timeout_ticks = 20 + random() % 400;
    ReassemblyRig rig(options);
    ReassemblyModel model(options);
    for (uint64_t now = 0; now < 5000; ++now) {
      const auto piece = RandomPiece(random);
      const auto expected = model.Offer(piece->fragment, now);
      const auto got = rig.Offer(piece->fragment, now);
      REQUIRE(got.refused == expected.refused);
      REQUIRE(got.whole == expected.whole);
      REQUIRE(got.congestion == expected.congestion);
      REQUIRE(got.discarded == expected.discarded);
      REQUIRE(got.discarded_for == expected.discarded_for);
      uint32_t lost = 0;
      for (const auto& expired : rig.Expire(now)) lost += expired.fragments;
      REQUIRE(lost == model.Expire(now));
      REQUIRE(rig.table.held() == model.held());
      complete += got.whole.has_value();
    }
  }
  CHECK(complete > 300);
}

}  // namespace
}  // namespace sluice::testing
