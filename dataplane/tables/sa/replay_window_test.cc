// Anti-replay against a model that remembers every number, and rows of what happens where
// numbers wrap.
#include "dataplane/tables/sa/replay_window.h"

#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <set>
#include <vector>

namespace sluice::dataplane {
namespace {

constexpr auto kFresh = ReplayVerdict::kFresh;
constexpr auto kReplay = ReplayVerdict::kReplay;
constexpr auto kLate = ReplayVerdict::kLate;
constexpr uint64_t k32 = uint64_t{1} << 32;

struct Window {
  std::vector<uint64_t> ring;
  ReplayWindow window;

  Window(uint32_t size, bool esn, uint64_t floor = 0)
      : ring(ReplayWindow::WordsOf(size)), window(size, esn, floor, ring) {}

  // A packet with this number that turns out to be authentic.
  ReplayVerdict Receive(uint64_t sequence) {
    const auto checked = window.Check(static_cast<uint32_t>(sequence));
    if (checked.verdict != kFresh) return checked.verdict;
    CHECK(checked.sequence == sequence);
    return window.Advance(checked.sequence);
  }
};

struct Row {
  const char* what;
  uint32_t window;
  bool esn;
  uint64_t floor;
  std::vector<std::pair<uint64_t, ReplayVerdict>> packets;
};

const std::vector<Row>& Rows() {
  static const std::vector<Row> rows = {
      {"the first, and again", 64, false, 0, {{1, kFresh}, {1, kReplay}, {2, kFresh}, {1, kReplay}}},
      {"number 0 is none", 64, false, 0, {{0, kReplay}, {1, kFresh}, {0, kReplay}}},
      {"number 0 with ESN", 64, true, 0, {{1, kFresh}, {0, kReplay}}},
      {"reordered", 32, false, 0, {{5, kFresh}, {3, kFresh}, {4, kFresh}, {3, kReplay}, {1, kFresh}}},
      {"the window's left edge, 32", 32, false, 0, {{100, kFresh}, {69, kFresh}, {68, kLate}, {69, kReplay}}},
      {"the window's left edge, 33", 33, false, 0, {{100, kFresh}, {68, kFresh}, {67, kLate}}},
      {"the window's left edge, 64", 64, false, 0, {{100, kFresh}, {37, kFresh}, {36, kLate}}},
      {"the window's left edge, 4096",
       4096,
       false,
       0,
       {{10000, kFresh}, {5905, kFresh}, {5904, kLate}, {5905, kReplay}}},
      {"a leap forgets no number that it has not passed",
       64,
       false,
       0,
       {{10, kFresh}, {70, kFresh}, {10, kReplay}, {11, kFresh}, {9, kFresh}, {6, kLate}}},
      {"a leap of exactly the window", 64, false, 0, {{7, kFresh}, {71, kFresh}, {7, kLate}, {8, kFresh}}},
      {"a leap far beyond", 128, false, 0, {{7, kFresh}, {1000000, kFresh}, {999999, kFresh}, {7, kLate}}},
      {"from a floor",
       64,
       false,
       1000,
       {{1000, kReplay}, {990, kReplay}, {937, kReplay}, {936, kLate}, {1001, kFresh}}},
      {"a floor is forgotten as it is left behind",
       64,
       false,
       1000,
       {{1010, kFresh}, {1005, kFresh}, {999, kReplay}}},
      {"32 bits end", 64, false, k32 - 2, {{k32 - 1, kFresh}, {k32 - 1, kReplay}, {k32 - 3, kReplay}}},
      {"ESN: over the wrap of the lower half",
       64,
       true,
       k32 - 3,
       {{k32 - 1, kFresh}, {k32, kFresh}, {k32 + 1, kFresh}, {k32 - 2, kFresh}, {k32 - 1, kReplay}}},
      {"ESN: reordered over the wrap",
       64,
       true,
       k32 - 10,
       {{k32 + 20, kFresh}, {k32 - 5, kFresh}, {k32 + 2, kFresh}, {k32 - 5, kReplay}, {k32, kFresh}}},
      {"ESN: left of the window is taken for the next upper half",
       64,
       true,
       0,
       {{1000, kFresh}, {k32 + 936, kFresh}}},
      {"ESN: the window's left edge over the wrap",
       64,
       true,
       k32,
       {{k32 + 31, kFresh}, {2 * k32 - 33, kFresh}}},
      {"ESN: a leap of nearly 2^32", 64, true, 100, {{k32 + 36, kFresh}, {k32 + 36, kReplay}}},
      {"ESN: high numbers", 1024, true, 7 * k32 - 5, {{7 * k32 + 3, kFresh}, {7 * k32 - 4, kFresh}}},
  };
  return rows;
}

}  // namespace

TEST_CASE("sequence numbers are fresh once, and late left of the window") {
  for (const Row& row : Rows()) {
    INFO(row.what);
    Window window(row.window, row.esn, row.floor);
    for (const auto& [sequence, verdict] : row.packets) {
      INFO(sequence);
      CHECK(window.Receive(sequence) == verdict);
    }
  }
}

TEST_CASE("numbers before the first of all are late with ESN") {
  Window window(64, true);
  CHECK(window.window.Check(0xffffffff).verdict == kLate);
  CHECK(window.window.Check(0xffffffc1).verdict == kLate);
  CHECK(window.window.Check(0xffffffc0).verdict == kFresh);  // a leap
  CHECK(window.window.Check(0xffffffc0).sequence == 0xffffffc0);
}

TEST_CASE("a check alone changes nothing, and of two copies checked together one advances") {
  Window window(1024, true);
  const auto one = window.window.Check(77), two = window.window.Check(77);
  CHECK(one.verdict == kFresh);
  CHECK(two.verdict == kFresh);
  CHECK(window.window.highest() == 0);
  CHECK(window.window.Advance(one.sequence) == kFresh);
  CHECK(window.window.Advance(two.sequence) == kReplay);
  CHECK(window.window.highest() == 77);
  // Checked together, and the later one so far ahead that the other is late by then.
  const auto near = window.window.Check(78), far = window.window.Check(5000);
  CHECK(window.window.Advance(far.sequence) == kFresh);
  CHECK(window.window.Advance(near.sequence) == kLate);
  // It left no trace where a number of now has its bit.
  CHECK(window.window.Check(78 + 4 * 1024).verdict == kFresh);
}

TEST_CASE("without a window everything is fresh") {
  for (const bool esn : {false, true}) {
    Window window(0, esn);
    for (const uint64_t sequence : {5, 5, 1, 1000000, 1, 5}) CHECK(window.Receive(sequence) == kFresh);
    CHECK(window.window.highest() == 1000000);
  }
  Window window(0, true, k32 - 1);
  CHECK(window.Receive(k32 + 4) == kFresh);
  CHECK(window.Receive(k32 - 9) == kFresh);
}

TEST_CASE("a window of any size does as a memory of everything would") {
  std::mt19937_64 random(7);
  for (const uint32_t size : {32u, 33u, 63u, 64u, 65u, 100u, 128u, 1000u, 1024u, 4095u, 4096u}) {
    for (const bool esn : {false, true}) {
      INFO(size << (esn ? " ESN" : ""));
      const uint64_t start = esn ? 3 * k32 - 3000 : 0;
      Window window(size, esn, start);
      std::set<uint64_t> seen;
      uint64_t highest = start;
      for (unsigned i = 0; i < 20000; ++i) {
        const uint64_t back = random() % (size + size / 4);
        const uint64_t leap = random() % 50 == 0 ? random() % (2 * size) : random() % 3;
        const uint64_t sequence = random() % 2 == 0 ? highest + leap : highest - std::min(back, highest);
        if (esn && highest - std::min(highest, sequence) >= size) continue;  // means another number
        ReplayVerdict wanted = kFresh;
        if (sequence <= highest && highest - sequence >= size)
          wanted = kLate;
        else if (sequence <= start || seen.contains(sequence))
          wanted = kReplay;
        REQUIRE(window.Receive(sequence) == wanted);
        if (wanted != kFresh) continue;
        seen.insert(sequence);
        highest = std::max(highest, sequence);
        REQUIRE(window.window.highest() == highest);
      }
    }
  }
}

}  // namespace sluice::dataplane
