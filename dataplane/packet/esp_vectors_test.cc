// Figures that others published: what they sealed opens, and OpenSSL, which all else is compared
// with, seals the same.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "dataplane/packet/esp_crypto.h"
#include "dataplane/packet/wire.h"
#include "tests/lib/esp_oracle.h"

namespace sluice::dataplane {
namespace {

using testing::Bytes;
using testing::EspOracle;

struct Vector {
  const char* source;
  const char* suite;
  const char* encryption;  // key and salt
  const char* integrity;
  const char* numbers;  // SPI and sequence number; of twelve bytes it is an extended one
  const char* iv;
  const char* plaintext;   // with padding and trailer
  const char* ciphertext;  // empty: as the plaintext
  const char* icv;         // empty: the source has none, and OpenSSL's is taken
};

// Keys of the HMACs in RFC 4868 section 2.7.2.
#define KEY_0B "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"
#define KEY_JEFE "4a6566654a6566654a6566654a656665"
#define KEY_AA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DATA_HI "4869205468657265"
#define DATA_WHAT "7768617420646f20"
#define DATA_YA "79612077616e7420666f72206e6f7468696e673f"
#define DATA_DD8 "dddddddddddddddd"
#define DATA_DD42 DATA_DD8 DATA_DD8 DATA_DD8 DATA_DD8 DATA_DD8 "dddd"

constexpr Vector kVectors[] = {
    {"draft-mcgrew-gcm-test-01 case 1", "aes128gcm16", "4c80cdefbb5d10da906ac73c3613a6342e443b68", "",
     "000043218765432100000000", "4956ed7e3b244cfe",
     "45000048699a000080114db7c0a80102c0a801010a9bf15638d301000001000000000000045f736970045f7564700373697009"
     "63796265726369747902646b000021000101020201",
     "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3cf65925bf1f4a13c5d15b21e"
     "1884f5ff6247aeabb786b93bce61bc17d768fd9732",
     "459018148f6cbe722fd04796562dfdb4"},
    {"the same, case 2", "aes128gcm16", "feffe9928665731c6d6a8f9467308308cafebabe", "", "0000a5f80000000a",
     "facedbaddecaf888",
     "4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d0010000010000000000000373697009637962657263"
     "69747902646b00000100010001",
     "deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c3de81827c10e9a4f51330d0eec416642cfbb85"
     "a5b47e48a4ec3b9ba95d918bd1",
     "83b70d3aa8bc6ee4c309e9d85a41ad4a"},
    {"the same, 192 bits", "aes192gcm16", "feffe9928665731c6d6a8f9467308308feffe9928665731ccafebabe", "",
     "0000a5f80000000a", "facedbaddecaf888",
     "45000028a4ad4000400678800a01038f0a010612802306b8cb712602dd6bb03e501016d075680001",
     "a5b1f8066029aea40e598b8122de02420938b3ab33f828e687b8858b5bfbdbd0315b27452144cc77",
     "95457b9652037f5318027b5b4cd7a636"},
    {"the same, 256 bits", "aes256gcm16",
     "abbccddef00112233445566778899aababbccddef00112233445566778899aab11223344", "", "4a2cbfe300000002",
     "0102030405060708",
     "4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee0000000007002400020bf0000020405b401010402010202"
     "01",
     "ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763748a637985771d347f0545659f14e99def842d"
     "8e",
     "b335f4eecfdbf831824b4c4915956c96"},
    {"the same, 256 bits, ESN", "aes256gcm16",
     "abbccddef00112233445566778899aababbccddef00112233445566778899aab73616c74", "",
     "17405e67156f3126dd0db99b", "616e640169766563",
     "45080028732c00004006e9f90a0106120a01038f06b88023dd6bafbecb71260250101f646d540001",
     "f2d69ecdbd5a0d5b8d5ef38bad4da58d1f278fde98ef67549d524a3018d9a57ff4d3a31ce673119e",
     "451626c2415771e3b7eebca614c89b35"},
    {"the same, no packet but padding", "aes128gcm16", "7d773d00c144c525ac619d18c84a3f47d9664267", "",
     "335467aeffffffff", "43457e9182443bc6", "01020201", "437f866b", "cb3f699fe9b0822bac961c4504bef270"},
    {"the same, the last number", "aes256gcm16",
     "6c6567616c697a656d6172696a75616e61616e64646f69746265666f726569617475726e", "",
     "796b6963ffffffffffffffff", "333021696765746d",
     "45000030da3a00008001df3bc0a80005c0a800010800c6cd020007006162636465666768696a6b6c6d6e6f7071727374010202"
     "01",
     "f97ab2aa356d8edce17644ac8c78e25dd24dedbb29ebf1b64a274b39b49c3a864cd3d78ca4ae68a32b42458fb57dbe821dcc63"
     "b9",
     "d0937ba2945f669368661a329fb4c053"},
    {"the same, RFC 4543's transform, as the Linux kernel tests it", "aes128gmac",
     "4c80cdefbb5d10da906ac73c3613a63422433c64", "", "0000432100000007", "0000000000000000",
     "45000030da3a00008001df3bc0a80005c0a800010800c6cd020007006162636465666768696a6b6c6d6e6f7071727374010202"
     "01",
     "", "f2a9a836e155106aa8dcd618e4099aaa"},
    {"RFC 7634 appendix A", "chacha20poly1305",
     "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3", "", "0102030400000005",
     "1011121314151617",
     "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec100007362708090a0b0c0d0e0f10111213141516"
     "1718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363701020204",
     "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61aa95dfab4c02f72aa71e"
     "7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da9165b82829f641e0",
     "76aaa8266b7fb0f7b11b369907e1ad43"},
    {"RFC 3602 section 4 case 1", "aes128-sha1", "06a9214036b8a15b512e03d534120006", KEY_0B "0b0b0b0b",
     "0000432100000001", "3dafba429d9eb430b422da802c9fac41", "53696e676c6520626c6f636b206d7367",
     "e353779c1079aeb82708942dbe77181a", ""},
    {"RFC 3602 section 4 case 5", "aes128-sha256", "90d382b410eeba7ad938c46cec1a82bf", KEY_0B KEY_0B,
     "0000432100000001", "e96e8c08ab465763fd098d45dd3ff893",
     "08000ebda70a00008e9c083db95b070008090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a"
     "2b2c2d2e2f30313233343536370102030405060708090a0b0c0d0e0e01",
     "f663c25d325c18c6a9453e194e120849a4870b66cc6b9965330013b4898dc856a4699e523a55db080b59ec3a8e4b7e52775b07"
     "d1db34ed9c538ab50c551b874aa269add047ad2d5913ac19b7cfbad4a6",
     ""},
    {"NIST SP 800-38A F.2.3", "aes192-sha384", "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
     KEY_0B KEY_0B KEY_0B, "0000432100000001", "000102030405060708090a0b0c0d0e0f",
     "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f24"
     "45df4f9b17ad2b417be66c3710",
     "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a571b242012fb7ae07fa9baac3df102e008b0e2"
     "7988598881d920a9e64f5615cd",
     ""},
    {"NIST SP 800-38A F.2.5", "aes256-sha512",
     "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", KEY_0B KEY_0B KEY_0B KEY_0B,
     "0000432100000001", "000102030405060708090a0b0c0d0e0f",
     "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f24"
     "45df4f9b17ad2b417be66c3710",
     "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d39f23369a9d9bacfa530e26304231461b2eb05"
     "e2c39be9fcda6c19078c6a9d1b",
     ""},
    {"OpenSSL's evpciph_des.txt", "3des-sha1", "0123456789abcdeff1e0d3c2b5a49786fedcba9876543210",
     KEY_0B "0b0b0b0b", "0000432100000001", "fedcba9876543210",
     "37363534333231204e6f77206973207468652074696d6520666f722000000000",
     "3fe301c962ac01d02213763c1cbd4cdc799657c064ecf5d41c673812cfde9675", ""},
    // The HMACs' messages as if they were packets: eight bytes of header, then payload.
    {"RFC 2202 section 3 case 1", "null-sha1", "", KEY_0B "0b0b0b0b", DATA_HI, "", "", "",
     "b617318655057264e28bc0b6"},
    {"RFC 2202 section 3 case 3", "null-sha1", "", KEY_AA "aaaaaaaa", DATA_DD8, "", DATA_DD42, "",
     "125d7342b9ac11cd91a39af4"},
    {"RFC 4868 AUTH256-1", "null-sha256", "", KEY_0B KEY_0B, DATA_HI, "", "", "",
     "198a607eb44bfbc69903a0f1cf2bbdc5"},
    {"RFC 4868 AUTH256-2", "null-sha256", "", KEY_JEFE KEY_JEFE, DATA_WHAT, "", DATA_YA, "",
     "167f928588c5cc2eef8e3093caa0e87c"},
    {"RFC 4868 AUTH256-3", "null-sha256", "", KEY_AA KEY_AA, DATA_DD8, "", DATA_DD42, "",
     "cdcb1220d1ecccea91e53aba3092f962"},
    {"RFC 4868 AUTH384-1", "null-sha384", "", KEY_0B KEY_0B KEY_0B, DATA_HI, "", "", "",
     "b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee973"},
    {"RFC 4868 AUTH384-2", "null-sha384", "", KEY_JEFE KEY_JEFE KEY_JEFE, DATA_WHAT, "", DATA_YA, "",
     "2c7353974f1842fd66d53c452ca42122b28c0b594cfb184d"},
    {"RFC 4868 AUTH384-3", "null-sha384", "", KEY_AA KEY_AA KEY_AA, DATA_DD8, "", DATA_DD42, "",
     "809f439be00274321d4a538652164b53554a508184a0c316"},
    {"RFC 4868 AUTH512-1", "null-sha512", "", KEY_0B KEY_0B KEY_0B KEY_0B, DATA_HI, "", "", "",
     "637edc6e01dce7e6742a99451aae82df23da3e92439e590e43e761b33e910fb8"},
    {"RFC 4868 AUTH512-2", "null-sha512", "", KEY_JEFE KEY_JEFE KEY_JEFE KEY_JEFE, DATA_WHAT, "", DATA_YA, "",
     "cb370917ae8a7ce28cfd1d8f4705d6141c173b2a9362c15df235dfb251b15454"},
    {"RFC 4868 AUTH512-3", "null-sha512", "", KEY_AA KEY_AA KEY_AA KEY_AA, DATA_DD8, "", DATA_DD42, "",
     "2ee7acd783624ca9398710f3ee05ae41b9f9b0510c87e49e586cc9bf961733d8"},
};

Bytes FromHex(std::string_view hex) {
  const std::string raw = absl::HexStringToBytes(std::string(hex));
  return {raw.begin(), raw.end()};
}

}  // namespace

TEST_CASE("published packets and messages open, and OpenSSL seals the same") {
  auto crypto = EspCrypto::Create();
  REQUIRE(crypto.ok());
  for (const Vector& row : kVectors) {
    INFO(row.source);
    const auto suite = FindEspSuite(row.suite, LegacySuites::kAllowed);
    REQUIRE(suite.ok());
    const Bytes numbers = FromHex(row.numbers), plaintext = FromHex(row.plaintext), icv = FromHex(row.icv);
    const Bytes ciphertext = *row.ciphertext != 0 ? FromHex(row.ciphertext) : plaintext;
    const bool esn = numbers.size() == 12;
    const uint64_t sequence = esn ? LoadBe64(numbers.data() + 4) : LoadBe32(numbers.data() + 4);
    const EspOracle oracle{**suite, FromHex(row.encryption), FromHex(row.integrity), esn};

    const Bytes sealed = oracle.Seal(LoadBe32(numbers.data()), sequence, FromHex(row.iv), plaintext);
    const auto payload = sealed.begin() + 8 + (*suite)->iv_bytes;
    REQUIRE(sealed.end() - payload == static_cast<std::ptrdiff_t>(ciphertext.size() + (*suite)->icv_bytes));
    CHECK(std::equal(ciphertext.begin(), ciphertext.end(), payload));
    CHECK(std::equal(icv.begin(), icv.end(), sealed.end() - (*suite)->icv_bytes));

    const auto keys = std::make_unique<EspKeys>();
    const auto transform =
        ExpandEspKeys(crypto->library(), **suite, EspDirection::kInbound, esn, oracle.material(), *keys);
    REQUIRE(transform.ok());
    Bytes memory(4 + sealed.size());
    std::copy(sealed.begin(), sealed.end(), memory.begin() + 4);
    EspRequest request{&*transform, memory.data() + 4, sequence, static_cast<uint32_t>(sealed.size())};
    crypto->Open({&request, 1});
    CHECK(request.authentic);
    CHECK(std::equal(plaintext.begin(), plaintext.end(), memory.begin() + 12 + (*suite)->iv_bytes));
  }
}

}  // namespace sluice::dataplane
