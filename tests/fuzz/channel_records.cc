// A hostile control process: any bytes as records, any order of epochs, sweeps,
// reports and deaths, into the real writer over real tables. Nothing may crash or
// break an invariant of the tables.
//
// The input is a list of steps, one byte each with what it needs behind it, so
// that the fuzzer gets past the header checks without learning them bit by bit.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/agent/small_tables.h"
#include "dataplane/agent/table_writer.h"
#include "dataplane/agent/writer_invariants.h"
#include "dataplane/tables/fib/fake_reclaimer.h"

namespace {

using namespace sluice;             // NOLINT: a program of its own
using namespace sluice::dataplane;  // NOLINT

// Bytes of the input, zeros when it ended.
class Input {
 public:
  Input(const uint8_t* bytes, size_t size) : at_(bytes), end_(bytes + size) {}
  bool done() const { return at_ == end_; }
  uint8_t U8() { return done() ? 0 : *at_++; }
  void Take(void* to, size_t bytes) {
    std::memset(to, 0, bytes);
    const size_t there = std::min<size_t>(bytes, static_cast<size_t>(end_ - at_));
    std::memcpy(to, at_, there);
    at_ += there;
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

enum Step : uint8_t {
  kRawRecord,    // bytes as they are
  kTypedRecord,  // a valid header, fields from the input
  kSmallRecord,  // the same with small numbers in place of large ones: they meet
  kSweep,
  kReattach,
  kTime,
  kNeighborReport,
  kCarrier,
  kHoldReaders,
  kStepCount,
};

constexpr uint32_t LengthOf(channel::RecordType type) {
  using channel::RecordType;
  switch (type) {
    case RecordType::kBeginSync:
    case RecordType::kEndOfSync:
      return sizeof(channel::ScopeRecord);
    case RecordType::kVrf:
      return sizeof(channel::VrfRecord);
    case RecordType::kInterface:
      return sizeof(channel::InterfaceRecord);
    case RecordType::kTunnel:
      return sizeof(channel::TunnelRecord);
    case RecordType::kInterfaceAddress:
    case RecordType::kInterfaceAddressDelete:
      return sizeof(channel::InterfaceAddressRecord);
    case RecordType::kNeighbor:
    case RecordType::kNeighborDelete:
      return sizeof(channel::NeighborRecord);
    case RecordType::kAdjacency:
      return sizeof(channel::AdjacencyRecord);
    case RecordType::kRoute:
    case RecordType::kRouteDelete:
      return sizeof(channel::RouteRecord);
    case RecordType::kPolicer:
      return sizeof(channel::PolicerRecord);
    case RecordType::kNextHopGroup:
      return offsetof(channel::NextHopGroupRecord, members);
    case RecordType::kVrfDelete:
    case RecordType::kInterfaceDelete:
    case RecordType::kTunnelDelete:
    case RecordType::kAdjacencyDelete:
    case RecordType::kNextHopGroupDelete:
    case RecordType::kPolicerDelete:
      return sizeof(channel::IdRecord);
  }
  return sizeof(channel::IdRecord);
}

constexpr channel::RecordType kTypes[] = {
    channel::RecordType::kBeginSync,
    channel::RecordType::kEndOfSync,
    channel::RecordType::kVrf,
    channel::RecordType::kVrfDelete,
    channel::RecordType::kInterface,
    channel::RecordType::kInterfaceDelete,
    channel::RecordType::kInterfaceAddress,
    channel::RecordType::kInterfaceAddressDelete,
    channel::RecordType::kNeighbor,
    channel::RecordType::kNeighborDelete,
    channel::RecordType::kAdjacency,
    channel::RecordType::kAdjacencyDelete,
    channel::RecordType::kNextHopGroup,
    channel::RecordType::kNextHopGroupDelete,
    channel::RecordType::kRoute,
    channel::RecordType::kRouteDelete,
    channel::RecordType::kPolicer,
    channel::RecordType::kPolicerDelete,
    channel::RecordType::kTunnel,
    channel::RecordType::kTunnelDelete,
};

constexpr channel::Scope kScopes[] = {
    {.kind = 1, .family = 0, .reserved = 0, .id = 0},
    {.kind = 2, .family = 4, .reserved = 0, .id = 1},
    {.kind = 2, .family = 6, .reserved = 0, .id = 2},
    {.kind = 3, .family = 0, .reserved = 0, .id = 1},
};

class Victim {
 public:
  Victim() { writer_.OnAttach(epoch_, now_); }

  void Take(Step step, Input& input) {
    switch (step) {
      case kRawRecord: {
        const size_t bytes = std::min<size_t>(size_t{input.U8()} * 4, record_.size());
        input.Take(record_.data(), bytes);
        Apply(bytes);
        return;
      }
      case kTypedRecord:
        return TypedRecord(input, false);
      case kSmallRecord:
        return TypedRecord(input, true);
      case kSweep:
        for (unsigned i = input.U8(); i != 0 && writer_.Sweep(); --i) {
        }
        return;
      case kReattach:
        writer_.OnDetach();
        writer_.OnAttach(++epoch_, now_);
        return;
      case kTime:
        now_ += std::chrono::milliseconds(1) * (1 << (input.U8() % 16));
        writer_.OnTime(now_);
        return;
      case kNeighborReport:
        return NeighborReport(input);
      case kCarrier: {
        const uint8_t what = input.U8();
        writer_.resolver().OnCarrier(what >> 1 & 3, (what & 1) != 0, now_);
        return;
      }
      case kHoldReaders:
        reclaimer_.hold = (input.U8() & 1) != 0;
        return;
      case kStepCount:
        return;
    }
  }

  void Check() { dataplane::testing::CheckInvariants(writer_); }

 private:
  void Apply(size_t bytes) { (void)writer_.Apply(std::span(record_).first(bytes), now_); }

  // `small`: every 32-bit and 16-bit word of the fields is a few units at most in
  // three of four cases, so that ids name each other.
  void TypedRecord(Input& input, bool small) {
    const channel::RecordType type = kTypes[input.U8() % std::size(kTypes)];
    size_t bytes = LengthOf(type);
    uint32_t members = 0;
    if (type == channel::RecordType::kNextHopGroup) {
      members = input.U8() % 5;
      bytes += members * sizeof(channel::GroupMember);
    }
    const uint8_t scope = input.U8();
    input.Take(record_.data() + sizeof(channel::RecordHeader), bytes - sizeof(channel::RecordHeader));
    if (small) MakeSmall(input, bytes);
    const channel::RecordHeader header{.type = static_cast<uint16_t>(type),
                                       .version = channel::kRecordVersion,
                                       .length = static_cast<uint32_t>(bytes),
                                       .sequence = 0,
                                       .scope = kScopes[scope % std::size(kScopes)],
                                       .epoch = epoch_,
                                       .reserved = 0};
    std::memcpy(record_.data(), &header, sizeof header);
    if (type == channel::RecordType::kNextHopGroup)
      std::memcpy(record_.data() + offsetof(channel::NextHopGroupRecord, member_count), &members,
                  sizeof members);
    Apply(bytes);
  }

  void MakeSmall(Input& input, size_t bytes) {
    const uint8_t keep = input.U8();
    for (size_t at = sizeof(channel::RecordHeader); at + 4 <= bytes; at += 4) {
      if (at / 4 % 4 == keep % 4) continue;
      uint32_t word;
      std::memcpy(&word, record_.data() + at, sizeof word);
      word &= 0x00070007;
      std::memcpy(record_.data() + at, &word, sizeof word);
    }
  }

  void NeighborReport(Input& input) {
    NeighborUpdate update;
    update.interface = input.U8() % 70;
    const uint8_t what = input.U8();
    const uint32_t low = input.U8() & 7;
    if ((what & 1) != 0) {
      update.address = net::Ipv4Address{0x0a000000 + low};
    } else {
      update.address = net::Ipv6Address::FromHalves(0xfe80000000000000, low);
    }
    update.state = static_cast<NeighborState>((what >> 1) % 7);
    if ((what & 0x40) != 0) update.mac = net::MacAddress{{2, 0, 0, 0, 0, what}};
    update.removed = (what & 0x80) != 0;
    writer_.resolver().OnNeighbor(update, now_);
  }

  // So few removals may wait that an input of a few records meets that limit.
  static TablesOptions FewRemovals() {
    TablesOptions options = dataplane::testing::SmallTables();
    options.limits.pending_removals = 12;
    return options;
  }

  fib::FakeReclaimer reclaimer_;
  Tables tables_{FewRemovals(), reclaimer_};
  dataplane::testing::RecordedRequests requests_;
  TableWriter writer_{tables_, dataplane::testing::TwoPorts(), requests_};
  Instant now_ = Instant{} + std::chrono::hours(1);
  uint32_t epoch_ = 1;
  alignas(8) std::array<std::byte, channel::kMaxRecordBytes> record_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Victim victim;
  Input input(data, size);
  while (!input.done()) victim.Take(static_cast<Step>(input.U8() % kStepCount), input);
  victim.Check();
  return 0;
}
