// The store: what was committed is there, also after kill -9, and nothing else.
#include "control/store/store.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "control/store/audit_rows.h"
#include "control/store/number_rows.h"
#include "control/store/secret_rows.h"
#include "control/store/static_route_rows.h"
#include "control/store/tenant_rows.h"
#include "control/tenant/static_route_set.h"

namespace sluice::store {
namespace {

// A directory of its own, removed at the end.
struct Place {
  Place() {
    std::string pattern = std::filesystem::temp_directory_path() / "sluice-store-XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    directory = pattern;
  }
  ~Place() { std::filesystem::remove_all(directory); }
  std::string database() const { return directory / "gateway.db"; }
  std::string key() const { return directory / "gateway.key"; }

  std::filesystem::path directory;
};

std::unique_ptr<Store> Open(const Place& place) {
  auto store = Store::Open(place.database(), place.key());
  INFO(store.status());
  REQUIRE(store.ok());
  return *std::move(store);
}

TenantRow Contoso() {
  TenantRow row;
  row.name = "contoso";
  row.generation = 1;
  row.manager = "controller";
  row.numbers.vrf = 1;
  (*row.spec.mutable_labels())["tier"] = "gold";
  for (const char* name : {"b", "a"}) {
    row.spec.add_connections()->set_name(name);
    row.numbers.connections[name] = {1, 2, 3, 4};
  }
  return row;
}

tenant::StaticRoute Route(uint32_t address, uint8_t length = 24) {
  return {net::Prefix(net::Ipv4Address{address}, length), 1, {{net::Ipv4Address{0x0f000001}, "", 1}}};
}

mode_t ModeOf(const std::string& path) {
  struct stat facts {};
  REQUIRE(stat(path.c_str(), &facts) == 0);
  return facts.st_mode & 0777;
}

TEST_CASE("database and key are private files, and the key stays the same") {
  Place place;
  Open(place);
  CHECK(ModeOf(place.database()) == 0600);
  CHECK(ModeOf(place.key()) == 0600);
  Open(place);
}

TEST_CASE("what is not our store is refused by name") {
  Place place;
  Open(place);
  SECTION("another key") {
    std::ofstream(place.key(), std::ios::trunc) << std::string(Sealing::kKeyBytes, 'x');
    CHECK(Store::Open(place.database(), place.key()).status().code() ==
          absl::StatusCode::kFailedPrecondition);
  }
  SECTION("without its key, and no other one is made") {
    std::filesystem::remove(place.key());
    for (int attempt = 0; attempt < 2; ++attempt) {
      const auto status = Store::Open(place.database(), place.key()).status();
      CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
      CHECK_THAT(std::string(status.message()),
                 Catch::Contains(place.key() + " is not there") && Catch::Contains("--forget-secrets"));
      CHECK_FALSE(std::filesystem::exists(place.key()));
    }
  }
  SECTION("a key that others may read") {
    chmod(place.key().c_str(), 0644);
    CHECK(Store::Open(place.database(), place.key()).status().code() == absl::StatusCode::kPermissionDenied);
  }
  SECTION("a newer schema") {
    {
      auto database = Database::Open(place.database());
      REQUIRE(database.ok());
      (*database)->Execute("PRAGMA user_version=99");
    }
    const auto status = Store::Open(place.database(), place.key()).status();
    CHECK_THAT(std::string(status.message()), Catch::Contains("has schema 99"));
  }
  SECTION("a file in use") {
    auto store = Open(place);
    const auto status = Store::Open(place.database(), place.key()).status();
    CHECK_THAT(std::string(status.message()), Catch::Contains("in use by another process"));
  }
  SECTION("a file that is no database") {
    const std::string path = place.directory / "text";
    std::ofstream(path) << std::string(5000, 'x');
    CHECK(Store::Open(path, place.key()).status().code() == absl::StatusCode::kDataLoss);
  }
}

TEST_CASE("a database of an older schema is brought to this one, and a newer one is refused") {
  Place place;
  {
    auto store = Open(place);
    // What schema 1 was.
    store->database().Execute(
        "DROP TABLE underlay_interface; DROP TABLE virtual_network; DROP TABLE virtual_subnet; "
        "DROP TABLE mapping_set; DROP TABLE mapping; PRAGMA user_version=1");
    REQUIRE(store->database().error().ok());
  }
  {
    auto store = Open(place);
    GatewayRow row;
    row.generation = 3;
    row.underlay_numbers = {{"tor-a", 7}};
    Transaction transaction(store->database());
    SaveGateway(store->database(), row);
    REQUIRE(transaction.Commit().ok());
  }
  {
    auto store = Open(place);
    const auto row = LoadGateway(store->database());
    REQUIRE(row);
    CHECK((row->underlay_numbers == tenant::UnderlayNumbers{{"tor-a", 7}}));
    store->database().Execute("PRAGMA user_version=99");
  }
  CHECK_THAT(std::string(Store::Open(place.database(), place.key()).status().message()),
             Catch::Contains("has schema 99; this program knows 1 to 3"));
}

TEST_CASE("a tenant comes back as it was saved, connections in their order") {
  Place place;
  TenantRow row = Contoso();
  {
    auto store = Open(place);
    Transaction transaction(store->database());
    SaveTenant(store->database(), row, nullptr);
    REQUIRE(transaction.Commit().ok());
  }
  CHECK(row.uid != 0);
  auto store = Open(place);
  auto rows = LoadTenants(store->database());
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].spec.connections(0).name() == "b");
  CHECK(rows[0].spec.SerializeAsString() == row.spec.SerializeAsString());
  CHECK((rows[0].numbers == row.numbers));

  SECTION("a change writes parts, and a removed connection is gone") {
    TenantRow after = rows[0];
    after.spec.mutable_connections()->DeleteSubrange(0, 1);
    after.numbers.connections.erase("b");
    after.generation = 2;
    Transaction transaction(store->database());
    SaveTenant(store->database(), after, &rows[0]);
    REQUIRE(transaction.Commit().ok());
    const auto again = LoadTenants(store->database());
    CHECK(again[0].generation == 2);
    CHECK(again[0].spec.connections_size() == 1);
  }
  SECTION("without commit nothing happened") {
    {
      Transaction transaction(store->database());
      DeleteTenant(store->database(), rows[0]);
    }
    CHECK(LoadTenants(store->database()).size() == 1);
  }
  SECTION("the uid of a deleted tenant is not used again") {
    Transaction transaction(store->database());
    DeleteTenant(store->database(), rows[0]);
    TenantRow next = Contoso();
    SaveTenant(store->database(), next, nullptr);
    REQUIRE(transaction.Commit().ok());
    CHECK(next.uid > rows[0].uid);
  }
}

TEST_CASE("numbers are small, rest after release, and come back") {
  Place place;
  auto store = Open(place);
  Database& database = store->database();
  Transaction transaction(database);
  CHECK(AllocateNumber(database, NumberKind::kVrf, 0, 0).value() == 1);
  CHECK(AllocateNumber(database, NumberKind::kVrf, 0, 0).value() == 2);
  CHECK(AllocateNumber(database, NumberKind::kInterface, 0, 0).value() == 1);
  ReleaseNumber(database, NumberKind::kVrf, 1, 1000);
  CHECK(AllocateNumber(database, NumberKind::kVrf, 1000 + kNumberRestUs, 0).value() == 3);
  CHECK(AllocateNumber(database, NumberKind::kVrf, 1001 + kNumberRestUs, 0).value() == 1);
  CHECK(AllocateNumber(database, NumberKind::kVrf, 1001 + kNumberRestUs, 0).value() == 4);
  REQUIRE(transaction.Commit().ok());
}

TEST_CASE("no number above the dataplane's limit is handed out: the longest rested comes back early") {
  Place place;
  auto store = Open(place);
  Database& database = store->database();
  Transaction transaction(database);
  const auto allocate = [&](int64_t now_us) { return AllocateNumber(database, NumberKind::kVrf, now_us, 4); };
  for (uint32_t number = 1; number <= 3; ++number) CHECK(allocate(0).value() == number);
  const absl::Status full = allocate(0).status();
  CHECK(full.code() == absl::StatusCode::kResourceExhausted);
  CHECK_THAT(std::string(full.message()), Catch::Contains("limit vrfs (4)"));
  ReleaseNumber(database, NumberKind::kVrf, 3, 1000);
  ReleaseNumber(database, NumberKind::kVrf, 2, 2000);
  // Its old owner may still be on its way out of the dataplane.
  CHECK(allocate(2001).status().code() == absl::StatusCode::kResourceExhausted);
  CHECK(allocate(2001 + kNumberShortRestUs).value() == 3);
  CHECK(allocate(2001 + kNumberShortRestUs).value() == 2);
  // A dataplane that takes fewer than are in use.
  ReleaseNumber(database, NumberKind::kVrf, 3, 0);
  CHECK(AllocateNumber(database, NumberKind::kVrf, 2 * kNumberRestUs, 3).status().code() ==
        absl::StatusCode::kResourceExhausted);
  REQUIRE(transaction.Commit().ok());
}

TEST_CASE("after the loss of its key a store gives up its secrets and nothing else") {
  Place place;
  TenantRow row = Contoso();
  {
    auto store = Open(place);
    Transaction transaction(store->database());
    SaveTenant(store->database(), row, nullptr);
    SaveSecret(*store, row.uid, "connections/a/ipsec.pre_shared_key", "staple");
    REQUIRE(transaction.Commit().ok());
  }
  CHECK(Store::ForgetSecrets(place.database(), place.key()).status().code() ==
        absl::StatusCode::kFailedPrecondition);
  std::filesystem::remove(place.key());
  CHECK(Store::ForgetSecrets(place.database(), place.key()).value() == 1);
  auto store = Open(place);
  CHECK(SecretVersions(store->database(), row.uid).empty());
  CHECK(LoadTenants(store->database()).size() == 1);
  CHECK(SaveSecret(*store, row.uid, "connections/a/ipsec.pre_shared_key", "staple"));
  CHECK(LoadSecret(*store, row.uid, "connections/a/ipsec.pre_shared_key") == "staple");
  CHECK(SecretVersions(store->database(), row.uid).at("connections/a/ipsec.pre_shared_key") == 3);
}

TEST_CASE("secrets are sealed, versioned, bound to their place and gone when removed") {
  Place place;
  auto store = Open(place);
  TenantRow row = Contoso();
  {
    Transaction transaction(store->database());
    SaveTenant(store->database(), row, nullptr);
    CHECK(SaveSecret(*store, row.uid, "connections/a/ipsec.pre_shared_key", "correct horse battery"));
    CHECK_FALSE(SaveSecret(*store, row.uid, "connections/a/ipsec.pre_shared_key", "correct horse battery"));
    CHECK(SaveSecret(*store, row.uid, "connections/a/ipsec.pre_shared_key", "staple"));
    REQUIRE(transaction.Commit().ok());
  }
  CHECK(LoadSecret(*store, row.uid, "connections/a/ipsec.pre_shared_key") == "staple");
  CHECK(SecretVersions(store->database(), row.uid).at("connections/a/ipsec.pre_shared_key") == 2);

  const std::string sealed = store->sealing().Seal("x", "here");
  CHECK(store->sealing().Unseal(sealed, "here") == "x");
  CHECK_FALSE(store->sealing().Unseal(sealed, "there"));
  for (size_t length = 0; length < sealed.size(); ++length)
    CHECK_FALSE(store->sealing().Unseal(sealed.substr(0, length), "here"));

  {
    Transaction transaction(store->database());
    CHECK(RemoveSecret(*store, row.uid, "connections/a/ipsec.pre_shared_key"));
    CHECK_FALSE(RemoveSecret(*store, row.uid, "connections/a/ipsec.pre_shared_key"));
    REQUIRE(transaction.Commit().ok());
  }
  CHECK_FALSE(LoadSecret(*store, row.uid, "connections/a/ipsec.pre_shared_key"));
  store.reset();
  for (const auto& entry : std::filesystem::directory_iterator(place.directory)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    CHECK(bytes.find("correct horse") == std::string::npos);
    CHECK(bytes.find("staple") == std::string::npos);
  }
}

TEST_CASE("static routes come back in order, and abandoned sets are collected") {
  Place place;
  auto store = Open(place);
  Database& database = store->database();
  TenantRow row = Contoso();
  std::vector<tenant::StaticRoute> routes{Route(0x0a000000), Route(0x0a000000, 25)};
  routes.push_back(
      {*net::Prefix::Parse("2001:db8::/32"),
       7,
       {{*net::Address::Parse("2001:db8::1"), "a", 256}, {*net::Address::Parse("2001:db8::2"), "", 1}}});
  int64_t abandoned = 0;
  {
    Transaction transaction(database);
    SaveTenant(database, row, nullptr);
    row.static_set = CreateStaticSet(database, row.uid);
    PutStaticRoutes(database, row.static_set, routes);
    abandoned = CreateStaticSet(database, row.uid);
    PutStaticRoutes(database, abandoned, routes);
    SaveTenant(database, row, &row);
    REQUIRE(transaction.Commit().ok());
  }
  const auto load = [&](int64_t set) {
    std::vector<tenant::StaticRoute> loaded;
    CHECK(LoadStaticRoutes(database, set,
                           [&](tenant::StaticRoute route) { loaded.push_back(std::move(route)); }) == 0);
    return loaded;
  };
  CHECK((load(row.static_set) == routes));

  const int64_t filling[] = {abandoned};
  CHECK_FALSE(CollectStaticSets(database, filling, 2).value());
  CHECK(CollectStaticSets(database, {}, 2).value());
  CHECK(load(abandoned).size() == 1);
  CHECK(CollectStaticSets(database, {}, 2).value());
  CHECK_FALSE(CollectStaticSets(database, {}, 2).value());
  CHECK(load(row.static_set).size() == 3);

  Transaction transaction(database);
  const net::Prefix gone[] = {routes[0].prefix};
  RemoveStaticRoutes(database, row.static_set, gone);
  REQUIRE(transaction.Commit().ok());
  CHECK(load(row.static_set).size() == 2);
}

TEST_CASE("a set tells what leads to another") {
  tenant::StaticRouteSet before;
  tenant::StaticRouteSet after;
  for (uint32_t i = 0; i < 4; ++i) before.Put(Route(i << 8));
  after.Put(Route(1 << 8));
  auto other = Route(2 << 8);
  other.next_hops[0].weight = 2;
  after.Put(other);
  after.Put(Route(9 << 8));
  std::vector<net::Prefix> put;
  std::vector<net::Prefix> removed;
  const auto counts = ForEachDifference(
      before, after, [&](const tenant::StaticRoute& route) { put.push_back(route.prefix); },
      [&](const net::Prefix& prefix) { removed.push_back(prefix); });
  CHECK(counts.removed == 2);
  CHECK(counts.added == 1);
  CHECK(counts.changed == 1);
  CHECK((put == std::vector{other.prefix, Route(9 << 8).prefix}));
  CHECK((removed == std::vector{Route(0).prefix, Route(3 << 8).prefix}));
  CHECK(after.RoutesOf(0) == 2);
  CHECK(after.Remove(other.prefix));
  CHECK_FALSE(after.Remove(other.prefix));
  CHECK_FALSE(after.InUse(1));
}

TEST_CASE("the audit trail is read newest first, by tenant") {
  Place place;
  auto store = Open(place);
  Transaction transaction(store->database());
  for (int i = 1; i <= 3; ++i)
    SaveAudit(store->database(),
              {0, i * 10, "me", "PutTenant", "tenants/t", i == 2 ? "other" : "t", {"a", "b"}, "OK", false});
  REQUIRE(transaction.Commit().ok());
  const auto all = LoadAudit(store->database(), std::nullopt, 0, 2);
  REQUIRE(all.size() == 2);
  CHECK(all[0].time_us == 30);
  CHECK(all[0].changes.size() == 2);
  CHECK(LoadAudit(store->database(), "t", 0, 10).size() == 2);
  CHECK(LoadAudit(store->database(), std::nullopt, 20, 10).size() == 2);
}

// Commits tenants t1, t2, … and says each number after it was acknowledged.
[[noreturn]] void CommitForever(const Place& place, int out) {
  auto store = Store::Open(place.database(), place.key());
  if (!store.ok()) _exit(1);
  for (uint32_t i = 1;; ++i) {
    TenantRow row = Contoso();
    row.name = absl::StrCat("t", i);
    row.static_version = i;
    Transaction transaction((*store)->database());
    SaveTenant((*store)->database(), row, nullptr);
    row.static_set = CreateStaticSet((*store)->database(), row.uid);
    const tenant::StaticRoute routes[] = {Route(i << 8), Route((i + 1) << 8)};
    PutStaticRoutes((*store)->database(), row.static_set, routes);
    SaveTenant((*store)->database(), row, &row);
    if (!transaction.Commit().ok() || write(out, &i, sizeof(i)) != sizeof(i)) _exit(2);
  }
}

TEST_CASE("what was acknowledged is there after kill -9") {
  Place place;
  uint32_t acknowledged = 0;
  for (int round = 0; round < 3; ++round) {
    std::filesystem::remove(place.database());
    std::filesystem::remove(place.database() + "-wal");
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) CommitForever(place, ends[1]);
    close(ends[1]);
    for (int i = 0; i < 20 + round * 7; ++i)
      REQUIRE(read(ends[0], &acknowledged, sizeof(acknowledged)) == sizeof(acknowledged));
    REQUIRE(kill(child, SIGKILL) == 0);
    waitpid(child, nullptr, 0);
    // What was written to the pipe before the kill counts as acknowledged, too.
    while (read(ends[0], &acknowledged, sizeof(acknowledged)) == sizeof(acknowledged)) {
    }
    close(ends[0]);

    auto store = Open(place);
    const auto rows = LoadTenants(store->database());
    CHECK(rows.size() >= acknowledged);
    for (const TenantRow& row : rows) {
      // Each is whole: with its connections and its routes.
      CHECK(row.spec.connections_size() == 2);
      size_t routes = 0;
      LoadStaticRoutes(store->database(), row.static_set, [&](const tenant::StaticRoute&) { ++routes; });
      CHECK(routes == 2);
    }
  }
}

TEST_CASE("a million static routes are stored and loaded in seconds", "[.][bench]") {
  Place place;
  auto store = Open(place);
  std::vector<tenant::StaticRoute> routes;
  for (uint32_t i = 0; i < 1'000'000; ++i) routes.push_back(Route(i << 8));
  const auto start = std::chrono::steady_clock::now();
  int64_t set = 0;
  for (size_t at = 0; at < routes.size(); at += 10'000) {
    Transaction transaction(store->database());
    if (set == 0) set = CreateStaticSet(store->database(), 1);
    PutStaticRoutes(store->database(), set, std::span(routes).subspan(at, 10'000));
    REQUIRE(transaction.Commit().ok());
  }
  const auto stored = std::chrono::steady_clock::now();
  tenant::StaticRouteSet loaded;
  LoadStaticRoutes(store->database(), set, [&](const tenant::StaticRoute& route) { loaded.Put(route); });
  const auto end = std::chrono::steady_clock::now();
  CHECK(loaded.size() == routes.size());
  const auto ms = [](auto duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  };
  WARN("stored in " << ms(stored - start) << " ms, loaded in " << ms(end - stored) << " ms, file "
                    << std::filesystem::file_size(place.database()) / 1048576 << " MiB");
}

TEST_CASE("a transaction inside another fails alone and lasts only with it") {
  Place place;
  const auto save = [](Store& store, const char* name) {
    TenantRow row = Contoso();
    row.name = name;
    SaveTenant(store.database(), row, nullptr);
  };
  {
    const auto store = Open(place);
    Transaction outer(store->database());
    save(*store, "kept");
    {
      Transaction inner(store->database());
      save(*store, "abandoned");
    }
    {
      Transaction inner(store->database());
      save(*store, "inner");
      REQUIRE(inner.Commit().ok());
    }
    REQUIRE(outer.Commit().ok());
  }
  {
    const auto store = Open(place);
    Transaction outer(store->database());
    {
      Transaction inner(store->database());
      save(*store, "lost");
      REQUIRE(inner.Commit().ok());
    }
  }
  const auto store = Open(place);
  std::set<std::string> names;
  for (const TenantRow& row : LoadTenants(store->database())) names.insert(row.name);
  CHECK((names == std::set<std::string>{"inner", "kept"}));
}

}  // namespace
}  // namespace sluice::store
