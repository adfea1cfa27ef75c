// Sequence numbers and the mark that outlives the process; owner slots.
#include "dataplane/tables/sa/sequence.h"

#include <catch2/catch.hpp>
#include <vector>

#include "dataplane/tables/fib/fake_reclaimer.h"
#include "dataplane/tables/sa/slot_table.h"

namespace sluice::dataplane {

TEST_CASE("the mark is never below a number that was taken, and moves once a block") {
  SequenceMark mark;
  SequenceReservation sequence(0, false);
  uint64_t moves = 0, before = mark.value;
  for (uint64_t expected = 1; expected <= 3 * kSequenceBlock; ++expected) {
    const uint64_t taken = sequence.Take(mark);
    if (taken != expected || mark.value < taken) FAIL("took " << taken << " at mark " << mark.value);
    moves += mark.value != before;
    before = mark.value;
  }
  CHECK(moves == 3);
  CHECK(mark.value == 3 * kSequenceBlock);
}

TEST_CASE("who goes on at the mark takes no number twice") {
  SequenceMark mark;
  uint64_t last = 0;
  {
    SequenceReservation died(0, true);
    for (int i = 0; i < 70'000; ++i) last = died.Take(mark);
  }
  SequenceReservation next(mark.value, true);
  CHECK(next.Take(mark) > last);
}

TEST_CASE("numbers end where their width ends, for good") {
  const struct {
    const char* what;
    uint64_t floor;
    bool extended;
    std::vector<uint64_t> taken;
  } rows[] = {
      {"32 bits", 0xffff'fffd, false, {0xffff'fffe, 0xffff'ffff, 0, 0}},
      {"the last of 32 bits was used", 0xffff'ffff, false, {0, 0}},
      {"beyond 32 bits", 0x1'0000'0000, false, {0}},
      {"extended, past 32 bits", 0xffff'fffe, true, {0xffff'ffff, 0x1'0000'0000, 0x1'0000'0001}},
      {"64 bits", ~uint64_t{0} - 2, true, {~uint64_t{0} - 1, ~uint64_t{0}, 0, 0}},
      {"the last of 64 bits was used", ~uint64_t{0}, true, {0, 0}},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    SequenceMark mark;
    SequenceReservation sequence(row.floor, row.extended);
    for (const uint64_t expected : row.taken) {
      CHECK(sequence.Take(mark) == expected);
      CHECK(mark.value >= expected);
    }
  }
}

TEST_CASE("a slot moves to another worker when no worker can be at it any more") {
  fib::FakeReclaimer reclaimer;
  reclaimer.hold = true;
  Retirement retirement(reclaimer, 1);
  SlotTable slots(2, retirement);
  CHECK(slots.OwnerOf(4).Is(0));
  CHECK(slots.OwnerOf(5).Is(1));
  CHECK(slots.Move(4, 2).reason() == channel::RefusalReason::kOutOfRange);
  REQUIRE(slots.Move(4, 0).ok());
  CHECK(slots.OwnerOf(4).Is(0));
  REQUIRE(slots.Move(4, 1).ok());
  CHECK(slots.OwnerOf(4).moving());
  CHECK(slots.OwnerOf(4).worker() == 1);
  CHECK(!slots.OwnerOf(4).Is(1));
  CHECK(!slots.OwnerOf(4).Is(0));
  CHECK(slots.Move(4, 0).reason() == channel::RefusalReason::kInUse);
  CHECK(slots.Move(6, 1).limit() == channel::Limit::kPendingRemovals);
  reclaimer.hold = false;
  retirement.Reclaim();
  CHECK(slots.OwnerOf(4).Is(1));
  CHECK(slots.OwnerOf(6).Is(0));
}

}  // namespace sluice::dataplane
