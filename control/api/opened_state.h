// A desired state over a real store for tests, as at a start of the process, without a server.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "control/api/desired_state.h"
#include "control/api/fake_dataplane.h"
#include "control/store/audit_rows.h"

namespace sluice::api {

// A directory of its own, removed at the end.
struct StateDirectory {
  StateDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "sluice-state-XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~StateDirectory() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

class OpenedState {
 public:
  // `sink` is told instead of the one in here.
  explicit OpenedState(const std::filesystem::path& directory, ProgrammingSink* sink = nullptr) {
    auto store = store::Store::Open(directory / "gateway.db", directory / "gateway.key");
    INFO(store.status());
    REQUIRE(store.ok());
    store_ = *std::move(store);
    const auto clock = [this] { return clock_us_ += 1000; };
    state_ = std::make_unique<DesiredState>(Surroundings{
        *store_, sink != nullptr ? *sink : sink_, programming_, dataplane_, clock, "instance", "test"});
    REQUIRE(state_->Load().ok());
  }
  DesiredState& state() { return *state_; }
  FakeSink& sink() { return sink_; }
  FakeProgramming& programming() { return programming_; }
  FakeDataplaneState& dataplane() { return dataplane_; }
  size_t audited() { return store::LoadAudit(store_->database(), std::nullopt, 0, 1000).size(); }

 private:
  int64_t clock_us_ = 1'700'000'000'000'000;
  FakeSink sink_;
  FakeProgramming programming_;
  FakeDataplaneState dataplane_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<DesiredState> state_;
};

}  // namespace sluice::api
