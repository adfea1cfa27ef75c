// What EspCrypto costs beside the bare library: cycles per packet of IPsec-MB's burst without
// checks, jobs filled in the obvious way, and of Seal and Open over the same bytes, in turns. One
// core, keys and packets in the caches, bursts of 32. One JSON row per figure; argument: --only GLOB.
#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/packet/esp.h"
#include "dataplane/packet/esp_crypto.h"
#include "proto/net/check.h"
#include "tests/bench/figures.h"

namespace sluice {
namespace {

using namespace dataplane;  // NOLINT: a program of its own

constexpr unsigned kBurst = 32;
constexpr unsigned kPackets = 4 * kBurst;
constexpr unsigned kWindows = 4000;  // of one pass over the packets each, a few microseconds
constexpr unsigned kSizes[] = {64, 512, 1420};
constexpr uint32_t kSpi = 0x01020304;

const char* only = "*";

// Packets at the distances that mbufs have.
class Packets {
 public:
  static constexpr size_t kStride = 2048 + 320;

  Packets() : memory_(kPackets * kStride) {}
  uint8_t* Esp(unsigned i) { return memory_.data() + i * kStride + 128; }

 private:
  std::vector<uint8_t> memory_;
};

// A suite with keys for both directions.
struct Association {
  Association(MultiBuffer& library, const EspSuite& suite) {
    std::vector<uint8_t> encryption(suite.key_bytes + suite.salt_bytes), integrity(suite.integrity_key_bytes);
    for (unsigned i = 0; i < encryption.size(); ++i) encryption[i] = static_cast<uint8_t>(i + 1);
    for (unsigned i = 0; i < integrity.size(); ++i) integrity[i] = static_cast<uint8_t>(i + 101);
    const auto expand = [&](EspDirection direction, EspKeys& keys) {
      auto expanded = ExpandEspKeys(library, suite, direction, false, {encryption, integrity}, keys);
      SLUICE_CHECK(expanded.ok());
      return *expanded;
    };
    outbound = expand(EspDirection::kOutbound, outbound_keys);
    inbound = expand(EspDirection::kInbound, inbound_keys);
  }
  EspKeys outbound_keys, inbound_keys;
  EspTransform outbound, inbound;
};

// The library alone: AES-128-GCM with 8 bytes of AAD, as ESP has them.
class RawGcm {
 public:
  RawGcm(MultiBuffer& library, const EspKeys& keys, uint32_t payload_bytes)
      : manager_(library.manager()), keys_(keys.gcm), payload_bytes_(payload_bytes) {
    for (auto& nonce : nonces_) nonce.fill(3);
  }

  template <IMB_CIPHER_DIRECTION kDirection>
  void Pass(Packets& packets) {
    for (unsigned first = 0; first < kPackets; first += kBurst) {
      IMB_JOB* jobs[kBurst];
      SLUICE_CHECK(IMB_GET_NEXT_BURST(&manager_, kBurst, jobs) == kBurst);
      for (unsigned i = 0; i < kBurst; ++i) {
        IMB_JOB& job = *jobs[i];
        uint8_t* const esp = packets.Esp(first + i);
        job.cipher_mode = IMB_CIPHER_GCM;
        job.hash_alg = IMB_AUTH_AES_GMAC;
        job.chain_order = kDirection == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
        job.cipher_direction = kDirection;
        job.enc_keys = job.dec_keys = &keys_;
        job.key_len_in_bytes = IMB_KEY_128_BYTES;
        job.src = esp;
        job.dst = esp + 16;
        job.cipher_start_src_offset_in_bytes = 16;
        job.msg_len_to_cipher_in_bytes = payload_bytes_;
        job.iv = nonces_[i].data();
        job.iv_len_in_bytes = 12;
        job.u.GCM.aad = esp;
        job.u.GCM.aad_len_in_bytes = 8;
        job.auth_tag_output = esp + 16 + payload_bytes_;
        job.auth_tag_output_len_in_bytes = 16;
      }
      SLUICE_CHECK(IMB_SUBMIT_BURST_NOCHECK(&manager_, kBurst, jobs) == kBurst);
    }
  }

 private:
  IMB_MGR& manager_;
  const gcm_key_data& keys_;
  uint32_t payload_bytes_;
  std::array<std::array<uint8_t, 16>, kBurst> nonces_;
};

// Ours, header included, which the graph would have written in any case.
class Ours {
 public:
  Ours(EspCrypto& crypto, const Association& sa, Packets& packets, uint32_t payload_bytes) : crypto_(crypto) {
    for (unsigned i = 0; i < kPackets; ++i) {
      uint8_t* const esp = packets.Esp(i);
      StoreEspHeader(esp, kSpi, i + 1);
      const uint32_t bytes = sa.outbound.envelope_bytes() + payload_bytes;
      sealing_[i] = {&sa.outbound, esp, i + 1, bytes};
      opening_[i] = {&sa.inbound, esp, i + 1, bytes};
    }
  }

  void Seal() {
    for (unsigned first = 0; first < kPackets; first += kBurst)
      crypto_.Seal(std::span(sealing_).subspan(first, kBurst));
  }
  // The packets of the last Seal; further passes find them changed and the ICV wrong, which costs the same.
  void Open() {
    for (unsigned first = 0; first < kPackets; first += kBurst)
      crypto_.Open(std::span(opening_).subspan(first, kBurst));
  }
  bool AllAuthentic() const {
    return std::all_of(opening_.begin(), opening_.end(), [](const EspRequest& r) { return r.authentic; });
  }

 private:
  EspCrypto& crypto_;
  std::array<EspRequest, kPackets> sealing_, opening_;
};

template <class Work>
double CyclesPerPacket(Work work) {
  const uint64_t begin = __rdtsc();
  work();
  return static_cast<double>(__rdtsc() - begin) / kPackets;
}

// Undisturbed windows: others have the core at times.
double Best(const std::vector<double>& windows) {
  return bench::Percentile(windows, 0.02);
}

bool WantedRow(const std::string& name) {
  return bench::Wanted(only, name.c_str());
}

void Row(const std::string& name, const std::vector<double>& windows) {
  if (WantedRow(name)) bench::PrintRow(name.c_str(), Best(windows), "cycles/packet");
}
void Row(const std::string& name, const std::vector<double>& windows, const std::vector<double>& raw) {
  if (WantedRow(name)) bench::PrintRow(name.c_str(), Best(windows), "cycles/packet", Best(raw));
}

void BesideRaw(EspCrypto& crypto, uint32_t bytes) {
  const std::string size = std::to_string(bytes);
  const std::string names[] = {"esp.raw.gcm128.enc." + size, "esp.seal.gcm128." + size,
                               "esp.raw.gcm128.dec." + size, "esp.open.gcm128." + size};
  if (std::none_of(std::begin(names), std::end(names), WantedRow)) return;
  Association sa(crypto.library(), SuiteOf(EspSuiteId::kAes128Gcm));
  Packets packets, raw_packets;
  RawGcm raw(crypto.library(), sa.outbound_keys, bytes);
  Ours ours(crypto, sa, packets, bytes);
  ours.Seal();
  ours.Open();
  SLUICE_CHECK(ours.AllAuthentic());
  std::vector<double> raw_encrypt, raw_decrypt, seal, open;
  for (unsigned window = 0; window < kWindows; ++window) {
    raw_encrypt.push_back(CyclesPerPacket([&] { raw.Pass<IMB_DIR_ENCRYPT>(raw_packets); }));
    seal.push_back(CyclesPerPacket([&] { ours.Seal(); }));
    raw_decrypt.push_back(CyclesPerPacket([&] { raw.Pass<IMB_DIR_DECRYPT>(raw_packets); }));
    open.push_back(CyclesPerPacket([&] { ours.Open(); }));
  }
  Row(names[0], raw_encrypt);
  Row(names[1], seal, raw_encrypt);
  Row(names[2], raw_decrypt);
  Row(names[3], open, raw_decrypt);
}

void Alone(EspCrypto& crypto, const EspSuite& suite, const std::string& name, uint32_t bytes) {
  const std::string rows[] = {"esp.seal." + name + "." + std::to_string(bytes),
                              "esp.open." + name + "." + std::to_string(bytes)};
  if (std::none_of(std::begin(rows), std::end(rows), WantedRow)) return;
  const uint32_t blocks = (bytes + suite.alignment - 1u) / suite.alignment * suite.alignment;
  Association sa(crypto.library(), suite);
  Packets packets;
  Ours ours(crypto, sa, packets, blocks);
  std::vector<double> seal, open;
  for (unsigned window = 0; window < kWindows / 10; ++window) {
    seal.push_back(CyclesPerPacket([&] { ours.Seal(); }));
    open.push_back(CyclesPerPacket([&] { ours.Open(); }));
    SLUICE_CHECK(ours.AllAuthentic());
  }
  Row(rows[0], seal);
  Row(rows[1], open);
}

void Run() {
  auto crypto = EspCrypto::Create();
  SLUICE_CHECK(crypto.ok());
  std::fprintf(stderr, "%s\n", crypto->library().Describe().c_str());
  constexpr std::pair<EspSuiteId, const char*> kOthers[] = {
      {EspSuiteId::kAes256Gcm, "gcm256"},
      {EspSuiteId::kChaCha20Poly1305, "chacha20poly1305"},
      {EspSuiteId::kAes128CbcSha256, "cbc128-sha256"},
      {EspSuiteId::kAes256CbcSha256, "cbc256-sha256"},
      {EspSuiteId::kAes128Gmac, "gmac128"},
  };
  for (const unsigned size : kSizes) {
    BesideRaw(*crypto, size);
    for (const auto& [id, name] : kOthers) Alone(*crypto, SuiteOf(id), name, size);
  }
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], "--only") == 0) sluice::only = argv[i + 1];
  sluice::Run();
}
