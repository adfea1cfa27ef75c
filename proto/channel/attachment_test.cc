// Hand-over, refusal of a second control, wake-ups and deaths, over real sockets
// in one process.
#include <sys/stat.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <string>

#include "proto/channel/channel_client.h"
#include "proto/channel/channel_server.h"
#include "proto/channel/seqpacket.h"

namespace sluice::channel {
namespace {

using namespace std::chrono_literals;
constexpr auto kLongEnough = 5s;

// A server in a directory of its own.
struct Dataplane {
  explicit Dataplane(uint64_t instance = 1) {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-channel-XXXXXX").string();
    directory = mkdtemp(pattern.data());
    path = directory + "/dp.channel";
    Start(instance);
  }
  ~Dataplane() {
    server.reset();
    std::filesystem::remove_all(directory);
  }
  void Start(uint64_t instance) {
    server.reset();
    packets.reset();
    auto created = ChannelMemory::Create(ChannelSizes{}, instance);
    REQUIRE(created.ok());
    memory = std::make_unique<ChannelMemory>(*std::move(created));
    packets = std::make_unique<PacketPort>(*memory);
    auto listening = ChannelServer::Listen(path, *memory, packets.get());
    REQUIRE(listening.ok());
    server = *std::move(listening);
  }
  // Runs Service until the attachment changes, as the agent would.
  ChannelServer::Change Await() {
    AwaitReadable();
    for (;;) {
      const auto change = server->Service();
      if (change != ChannelServer::Change::kNone) return change;
      AwaitReadable();
    }
  }
  void AwaitReadable() {
    const FileDescriptor copy(dup(server->poll_fd()));
    REQUIRE(WaitReadable(copy, kLongEnough));
  }

  std::string directory;
  std::string path;
  std::unique_ptr<ChannelMemory> memory;
  std::unique_ptr<PacketPort> packets;
  std::unique_ptr<ChannelServer> server;
};

auto ConnectAsync(const Dataplane& dataplane, uint64_t instance) {
  return std::async(std::launch::async, [path = dataplane.path, instance] {
    return ChannelClient::Connect(path, instance, kLongEnough);
  });
}

std::unique_ptr<ChannelClient> Attach(Dataplane& dataplane, uint64_t instance = 100) {
  auto client = ConnectAsync(dataplane, instance);
  REQUIRE(dataplane.Await() == ChannelServer::Change::kAttached);
  auto result = client.get();
  REQUIRE(result.ok());
  return *std::move(result);
}

RouteRecord Route(uint32_t group) {
  RouteRecord route{};
  route.header.type = static_cast<uint16_t>(RecordType::kRoute);
  route.group = group;
  return route;
}

TEST_CASE("records arrive in order with sequence and epoch, and are acknowledged with their refusals") {
  Dataplane dataplane;
  auto client = Attach(dataplane);
  CHECK(client->dataplane_instance() == 1);
  CHECK(client->epoch() == dataplane.server->peer().epoch);
  CHECK(dataplane.server->peer().control_instance == 100);
  CHECK(dataplane.server->PrepareToSleep());

  for (uint32_t i = 1; i <= 10; ++i) {
    RouteRecord route = Route(i);
    CHECK(client->TrySend(&route.header, sizeof route) == i);
  }
  client->Flush();
  CHECK(client->PrepareToSleep(10));
  dataplane.AwaitReadable();  // the doorbell of Flush
  CHECK(dataplane.server->Service() == ChannelServer::Change::kNone);
  for (uint32_t i = 1; i <= 10; ++i) {
    std::array<std::byte, kMaxRecordBytes> copy;
    uint32_t bytes = 0;
    REQUIRE(dataplane.server->PopUpdate(copy, &bytes) == RingConsumer::Result::kRecord);
    RouteRecord route;
    REQUIRE(bytes == sizeof route);
    std::memcpy(&route, copy.data(), sizeof route);
    CHECK(route.group == i);
    CHECK(route.header.sequence == i);
    CHECK(route.header.epoch == client->epoch());
    CHECK(route.header.length == sizeof route);
  }
  CHECK(dataplane.server->Refuse({.sequence = 4, .reason = 3, .field_offset = 56, .limit = 0, .value = 4}));
  dataplane.server->Acknowledge(10);
  const FileDescriptor bell(dup(client->poll_fd()));
  CHECK(WaitReadable(bell, kLongEnough));
  CHECK(client->Service().ok());
  CHECK(client->applied_sequence() == 10);
  const auto refusal = client->NextRefusal();
  REQUIRE(refusal.has_value());
  CHECK(refusal->sequence == 4);
  CHECK_FALSE(client->NextRefusal().has_value());
}

TEST_CASE("a second control is refused by the name of the first") {
  Dataplane dataplane;
  auto first = Attach(dataplane, 0xabcd);
  auto second = ConnectAsync(dataplane, 2);
  while (second.wait_for(0s) != std::future_status::ready) {
    (void)WaitReadable(FileDescriptor(dup(dataplane.server->poll_fd())), 10ms);
    CHECK(dataplane.server->Service() == ChannelServer::Change::kNone);
  }
  const auto refused = second.get();
  REQUIRE(absl::IsAlreadyExists(refused.status()));
  CHECK(refused.status().message().find("000000000000abcd") != std::string::npos);
  CHECK(dataplane.server->attached());
}

TEST_CASE("the death of control is seen, what it had published can be taken, the next gets a new epoch") {
  Dataplane dataplane;
  auto client = Attach(dataplane);
  const uint32_t epoch = client->epoch();
  RouteRecord route = Route(5);
  CHECK(client->TrySend(&route.header, sizeof route) == 1);
  client->Flush();
  client.reset();
  CHECK(dataplane.Await() == ChannelServer::Change::kDetached);
  std::array<std::byte, kMaxRecordBytes> copy;
  uint32_t bytes = 0;
  CHECK(dataplane.server->PopUpdate(copy, &bytes) == RingConsumer::Result::kRecord);
  dataplane.server->Acknowledge(1);

  auto next = Attach(dataplane);
  CHECK(next->epoch() != epoch);
  CHECK(next->applied_sequence() == 0);
  CHECK(dataplane.server->PopUpdate(copy, &bytes) == RingConsumer::Result::kEmpty);
}

TEST_CASE("the death of the dataplane is seen, its counters stay readable, the next has another instance") {
  Dataplane dataplane(1);
  auto client = Attach(dataplane);
  dataplane.Start(2);
  const FileDescriptor bell(dup(client->poll_fd()));
  CHECK(WaitReadable(bell, kLongEnough));
  CHECK(absl::IsUnavailable(client->Service()));
  CHECK(client->counters().InterfaceRx(0).packets == 0);
  auto next = Attach(dataplane);
  CHECK(next->dataplane_instance() == 2);
}

TEST_CASE("a hello of another version or of nonsense is refused in words") {
  Dataplane dataplane;
  auto socket = ConnectSeqpacket(dataplane.path);
  REQUIRE(socket.ok());
  HelloRequest request{kHelloMagic, kLayoutVersion, kRecordVersion + 1, 1};
  HelloVerdict expected = HelloVerdict::kVersion;
  SECTION("version") {}
  SECTION("magic") {
    request.magic = 0;
    expected = HelloVerdict::kMalformed;
  }
  REQUIRE(SendMessage(*socket, std::as_bytes(std::span(&request, 1)), {}).ok());
  dataplane.server->Service();
  HelloReply reply{};
  size_t bytes = 0;
  std::vector<FileDescriptor> descriptors;
  REQUIRE(ReceiveMessage(*socket, std::as_writable_bytes(std::span(&reply, 1)), &bytes, &descriptors) ==
          ReceiveResult::kMessage);
  CHECK(static_cast<HelloVerdict>(reply.verdict) == expected);
  CHECK(descriptors.empty());
  CHECK_FALSE(dataplane.server->attached());
}

TEST_CASE("the socket is for its owner only, a living one is not taken over, a dead one is") {
  Dataplane dataplane;
  struct stat status {};
  REQUIRE(stat(dataplane.path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(absl::IsAlreadyExists(ChannelServer::Listen(dataplane.path, *dataplane.memory, nullptr).status()));

  const std::string left_over = dataplane.directory + "/dead";
  { REQUIRE(ListenSeqpacket(left_over).ok()); }  // closed, its path stays
  CHECK(ListenSeqpacket(left_over).ok());
}

TEST_CASE("an update ring full of refusals not read holds the dataplane back, and nothing else") {
  Dataplane dataplane;
  auto client = Attach(dataplane);
  uint64_t taken = 0;
  while (dataplane.server->Refuse(
      {.sequence = taken + 1, .reason = 1, .field_offset = 0, .limit = 0, .value = 0}))
    ++taken;
  dataplane.server->Acknowledge(taken);
  CHECK(taken == (64 << 10) / RingSpace(sizeof(Refusal)));
  for (uint64_t i = 1; i <= taken; ++i) CHECK(client->NextRefusal()->sequence == i);
  CHECK(dataplane.server->Refuse(
      {.sequence = taken + 1, .reason = 1, .field_offset = 0, .limit = 0, .value = 0}));
}

TEST_CASE("a refusal ring that control broke ends the attachment as its death does, and the next is served") {
  Dataplane dataplane;
  const auto client = Attach(dataplane);
  dataplane.memory->Ring(kRefusalRing).indices->read = ~uint64_t{0};
  for (uint64_t i = 1; i <= (64 << 10) / RingSpace(sizeof(Refusal)) + 1; ++i)
    CHECK(dataplane.server->Refuse({.sequence = i, .reason = 1, .field_offset = 0, .limit = 0, .value = 0}));
  CHECK_FALSE(dataplane.server->PrepareToSleep());
  CHECK(dataplane.server->Service() == ChannelServer::Change::kDetached);
  CHECK_FALSE(dataplane.server->attached());
  CHECK(absl::IsUnavailable(client->Service()));

  const auto next = Attach(dataplane, 101);
  CHECK(dataplane.server->Refuse({.sequence = 1, .reason = 1, .field_offset = 0, .limit = 0, .value = 0}));
  dataplane.server->Acknowledge(1);
  CHECK(next->NextRefusal()->sequence == 1);
}

}  // namespace
}  // namespace sluice::channel
