// Sealing and opening, beside OpenSSL: every suite, with every instruction set that the
// processor has, alone and mixed in one burst.
#include "dataplane/packet/esp_crypto.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "dataplane/packet/esp.h"
#include "tests/lib/esp_oracle.h"

namespace sluice::dataplane {
namespace {

using testing::Bytes;
using testing::EspOracle;
using Set = MultiBuffer::InstructionSet;

constexpr uint32_t kSpi = 0x01020304;
constexpr uint64_t kSequence = 0x12345678'9abcdef0;

std::vector<EspCrypto> EveryCrypto() {
  std::vector<EspCrypto> all;
  for (const Set set : {Set::kBest, Set::kSse, Set::kAvx, Set::kAvx2, Set::kAvx512}) {
    auto created = EspCrypto::Create(set);
    if (created.ok()) all.push_back(*std::move(created));
  }
  REQUIRE(all.size() >= 2);
  return all;
}

// One SA, both ends of it.
struct Association {
  Association(EspCrypto& crypto, const EspSuite& suite, uint8_t seed, bool esn)
      : oracle(EspOracle::WithSomeKeys(suite, seed, esn)) {
    const auto expand = [&](EspDirection direction, EspKeys& keys) {
      auto expanded = ExpandEspKeys(crypto.library(), suite, direction, esn, oracle.material(), keys);
      REQUIRE(expanded.ok());
      return *expanded;
    };
    outbound = expand(EspDirection::kOutbound, outbound_keys);
    inbound = expand(EspDirection::kInbound, inbound_keys);
  }

  EspOracle oracle;
  EspKeys outbound_keys, inbound_keys;
  EspTransform outbound, inbound;
};

// A packet between bytes that are not its own.
struct Framed {
  static constexpr size_t kAround = 64;
  Bytes bytes;

  explicit Framed(const Bytes& packet) : bytes(packet.size() + 2 * kAround, 0x5a) {
    std::fill_n(bytes.begin(), kAround, 0xa5);
    std::copy(packet.begin(), packet.end(), bytes.begin() + kAround);
  }
  uint8_t* esp() { return bytes.data() + kAround; }
  uint32_t size() const { return static_cast<uint32_t>(bytes.size() - 2 * kAround); }
  Bytes packet() const { return {bytes.begin() + kAround, bytes.end() - kAround}; }
  bool SurroundingsHold() const {
    return std::all_of(bytes.begin(), bytes.begin() + kAround, [](uint8_t b) { return b == 0xa5; }) &&
           std::all_of(bytes.end() - kAround, bytes.end(), [](uint8_t b) { return b == 0x5a; });
  }
};

// Payload, padding and trailer: whole blocks.
Bytes SomePlaintext(const EspSuite& suite, size_t about, uint8_t seed) {
  Bytes plaintext(std::max<size_t>(about / suite.alignment * suite.alignment, suite.alignment));
  for (size_t i = 0; i < plaintext.size(); ++i) plaintext[i] = static_cast<uint8_t>(seed + i * 7 + i / 256);
  return plaintext;
}

// What a sender has before Seal: header and plaintext, no IV and no ICV.
Bytes Unsealed(const EspSuite& suite, uint64_t sequence, const Bytes& plaintext) {
  const size_t payload_at = size_t{kEspHeaderBytes} + suite.iv_bytes;
  Bytes packet(payload_at + plaintext.size() + suite.icv_bytes, 0xee);
  StoreEspHeader(packet.data(), kSpi, sequence);
  std::copy(plaintext.begin(), plaintext.end(), packet.begin() + static_cast<std::ptrdiff_t>(payload_at));
  return packet;
}

bool Opens(EspCrypto& crypto, const EspTransform& transform, uint64_t sequence, Framed& framed) {
  EspRequest request{&transform, framed.esp(), sequence, framed.size()};
  crypto.Open({&request, 1});
  return request.authentic;
}

void CompareBothWays(EspCrypto& crypto, Association& sa, uint64_t sequence, const Bytes& plaintext) {
  const EspSuite& suite = sa.oracle.suite;
  const Bytes wanted = sa.oracle.Seal(kSpi, sequence, sa.oracle.Iv(sequence), plaintext);
  Framed ours(Unsealed(suite, sequence, plaintext));
  EspRequest request{&sa.outbound, ours.esp(), sequence, ours.size()};
  crypto.Seal({&request, 1});
  REQUIRE(ours.packet() == wanted);
  REQUIRE(ours.SurroundingsHold());

  Framed theirs(wanted);
  REQUIRE(EspLengthHolds(sa.inbound, theirs.size()));
  REQUIRE(Opens(crypto, sa.inbound, sequence, theirs));
  REQUIRE(theirs.SurroundingsHold());
  const Bytes opened = theirs.packet();
  const auto payload = opened.begin() + kEspHeaderBytes + suite.iv_bytes;
  REQUIRE(std::equal(plaintext.begin(), plaintext.end(), payload));
  REQUIRE(std::equal(wanted.end() - suite.icv_bytes, wanted.end(), opened.end() - suite.icv_bytes));
}

}  // namespace

TEST_CASE("every suite seals what OpenSSL would, and opens what OpenSSL sealed") {
  bool first = true;
  for (EspCrypto& crypto : EveryCrypto()) {
    // Every length with the instructions that will be used; with the others some.
    const size_t step = std::exchange(first, false) ? 4 : 52;
    INFO(crypto.library().Describe());
    for (const EspSuite& suite : EspSuites()) {
      for (const bool esn : {false, true}) {
        INFO(suite.name << (esn ? ", ESN" : ""));
        Association sa(crypto, suite, 7, esn);
        // 3DES takes half a millisecond for a kilobyte.
        for (size_t size = 4; size <= 320; size += suite.legacy() ? 52 : step)
          CompareBothWays(crypto, sa, kSequence + size, SomePlaintext(suite, size, 3));
        for (const size_t size : {512, 1000, 1404, 1420, 1500, 4096, 9000})
          if (!suite.legacy() || size == 512)
            CompareBothWays(crypto, sa, size, SomePlaintext(suite, size, 4));
      }
    }
  }
}

TEST_CASE("every bit of a packet and of the sequence number is authenticated") {
  auto crypto = EspCrypto::Create();
  REQUIRE(crypto.ok());
  for (const EspSuite& suite : EspSuites()) {
    for (const bool esn : {false, true}) {
      INFO(suite.name << (esn ? ", ESN" : ""));
      Association sa(*crypto, suite, 9, esn);
      const Bytes plaintext = SomePlaintext(suite, 52, 1);
      const Bytes sealed = sa.oracle.Seal(kSpi, kSequence, sa.oracle.Iv(kSequence), plaintext);
      for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
        Framed flipped(sealed);
        flipped.esp()[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
        const Bytes before = flipped.packet();
        REQUIRE_FALSE(Opens(*crypto, sa.inbound, kSequence, flipped));
        const Bytes after = flipped.packet();
        REQUIRE(std::equal(before.end() - suite.icv_bytes, before.end(), after.end() - suite.icv_bytes));
        REQUIRE(std::equal(before.begin(), before.begin() + kEspHeaderBytes, after.begin()));
        REQUIRE(flipped.SurroundingsHold());
      }
      for (unsigned bit = 32; bit < 64; ++bit) {
        Framed other(sealed);
        REQUIRE(Opens(*crypto, sa.inbound, kSequence ^ uint64_t{1} << bit, other) == !esn);
      }
    }
  }
}

TEST_CASE("packets of all suites share a burst of any size") {
  std::mt19937 random(42);
  const auto below = [&](size_t bound) { return static_cast<size_t>(random() % bound); };
  for (EspCrypto& crypto : EveryCrypto()) {
    std::vector<std::unique_ptr<Association>> associations;
    for (const EspSuite& suite : EspSuites())
      for (const bool esn : {false, true})
        associations.push_back(
            std::make_unique<Association>(crypto, suite, static_cast<uint8_t>(associations.size()), esn));
    for (unsigned round = 0; round < 20; ++round) {
      const size_t count = round < 15 ? round : 15 + below(260);
      std::vector<Framed> frames;
      std::vector<Bytes> plaintexts, wanted;
      std::vector<EspRequest> requests(count);
      std::vector<const Association*> of;
      for (size_t i = 0; i < count; ++i) {
        // Runs of one suite, too.
        of.push_back(i != 0 && below(2) == 0 ? of.back() : associations[below(associations.size())].get());
        const EspOracle& oracle = of.back()->oracle;
        requests[i].sequence = uint64_t{random()} << 32 | random();
        plaintexts.push_back(
            SomePlaintext(oracle.suite, below(32) == 0 ? below(9000) : below(400), static_cast<uint8_t>(i)));
        wanted.push_back(
            oracle.Seal(kSpi, requests[i].sequence, oracle.Iv(requests[i].sequence), plaintexts.back()));
        frames.emplace_back(Unsealed(oracle.suite, requests[i].sequence, plaintexts.back()));
      }
      for (size_t i = 0; i < count; ++i) {
        requests[i].transform = &of[i]->outbound;
        requests[i].esp = frames[i].esp();
        requests[i].bytes = frames[i].size();
      }
      crypto.Seal(requests);
      std::vector<bool> forged(count);
      for (size_t i = 0; i < count; ++i) {
        REQUIRE(frames[i].packet() == wanted[i]);
        REQUIRE(frames[i].SurroundingsHold());
        requests[i].transform = &of[i]->inbound;
        requests[i].authentic = below(2) == 0;
        forged[i] = below(3) == 0;
        if (forged[i]) frames[i].esp()[below(frames[i].size())] ^= static_cast<uint8_t>(1 + below(255));
      }
      crypto.Open(requests);
      for (size_t i = 0; i < count; ++i) {
        REQUIRE(requests[i].authentic == !forged[i]);
        REQUIRE(frames[i].SurroundingsHold());
        if (forged[i]) continue;
        const uint8_t* const payload = frames[i].esp() + kEspHeaderBytes + of[i]->oracle.suite.iv_bytes;
        REQUIRE(std::equal(plaintexts[i].begin(), plaintexts[i].end(), payload));
      }
    }
  }
}

}  // namespace sluice::dataplane
