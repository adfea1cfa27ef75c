// sluice-gateway: composition of store, API, RIB, programming and the link to the
// dataplane. See docs/architecture.md; the start-up file is GatewayConfig in JSON.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "control/api/connection_liveness.h"
#include "control/api/desired_state.h"
#include "control/api/seed.h"
#include "control/api/server.h"
#include "control/io/dataplane_calls.h"
#include "control/io/dataplane_link.h"
#include "control/io/event_loop.h"
#include "control/io/gateway_config.h"
#include "control/io/live_state.h"
#include "control/io/process.h"
#include "control/io/programming_answers.h"
#include "control/io/programming_loop.h"
#include "control/io/socket_lock.h"
#include "control/metrics/gateway_metrics.h"
#include "control/programming/sender.h"
#include "control/store/store.h"

namespace sluice {
namespace {

using gateway::v1::GatewayConfig;
using std::chrono::milliseconds;

int64_t MicrosecondsNow() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

void StartLog(const GatewayConfig& config) {
  auto log = spdlog::stderr_logger_mt("sluice-gateway");
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  log->set_level(spdlog::level::from_str(config.log_level()));
  spdlog::set_default_logger(std::move(log));
}

absl::Status StartPrivileges(const GatewayConfig& config) {
  const auto is_low = [](const std::string& address) {
    const auto port = io::ListenPort(address);
    return port && *port > 0 && *port < 1024;
  };
  return io::ShedPrivileges(
      {is_low(config.listen_tcp().address()) || is_low(config.metrics_listen()), config.has_run_as_user()});
}

std::vector<metrics::TenantNames> NamesOf(api::DesiredState& state) {
  std::vector<metrics::TenantNames> names;
  for (const auto& [name, record] : state.tenants()) {
    metrics::TenantNames& tenant = names.emplace_back();
    tenant.tenant = name;
    tenant.vrf = record->row.numbers.vrf;
    for (const auto& [subnet, interface] : record->row.numbers.subnets)
      tenant.subnets.push_back({subnet.virtual_network, subnet.subnet, interface});
    for (const auto& [connection, numbers] : record->row.numbers.connections) {
      tenant.connections.emplace_back(connection, numbers.interface);
    }
    for (const auto& wanted : record->row.spec.connections()) {
      const auto liveness = api::LivenessOf(*record, wanted, state.gateway_record(), state.surroundings());
      if (liveness.state == gateway::v1::CONNECTION_STATE_DISABLED) continue;
      tenant.up.emplace_back(wanted.name(), liveness.carries_packets());
    }
  }
  return names;
}

std::vector<metrics::UnderlayNames> UnderlayOf(api::DesiredState& state) {
  std::vector<metrics::UnderlayNames> names;
  for (const auto& [interface, number] : state.gateway().underlay_numbers)
    names.push_back(
        {interface, number,
         api::UnderlayLivenessOf(state.gateway_record(), interface, state.surroundings()).carries_packets()});
  return names;
}

absl::Status OfSeedFile(const GatewayConfig& config, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrFormat("seed_file %s: %s", config.seed_file(), std::string(status.message())));
}

// What an empty store is filled with; absent when there is nothing to fill, or nothing to fill it with.
absl::StatusOr<std::optional<gateway::v1::Resources>> ReadSeed(const GatewayConfig& config,
                                                               const api::DesiredState& state) {
  if (!config.has_seed_file()) return std::nullopt;
  if (!state.empty()) {
    spdlog::info("the store is not empty: seed file {} is ignored, sluicectl changes what is stored",
                 config.seed_file());
    return std::nullopt;
  }
  const auto text = io::ReadText(config.seed_file());
  if (!text.ok()) return text.status();
  auto resources = api::ParseResources(*text);
  if (!resources.ok()) return OfSeedFile(config, resources.status());
  return *std::move(resources);
}

// Everything of the process, in order of construction; it ends in the reverse.
class Gateway {
 public:
  Gateway(const GatewayConfig& config, std::unique_ptr<store::Store> store)
      : config_(config),
        instance_(io::MakeInstance()),
        store_(std::move(store)),
        desired_({*store_, programming_, answers_, live_, MicrosecondsNow,
                  absl::StrFormat("%016x", instance_), SLUICE_VERSION}),
        link_(config.dataplane_socket(), config.channel_socket(), instance_, loop_, programming_),
        calls_(link_),
        metrics_({loop_, sender_, live_, programming_, calls_, [this] { return NamesOf(desired_); },
                  [this] { return UnderlayOf(desired_); }, SLUICE_VERSION}) {
    programming_.SetLink(link_);
    programming_.SetObserver([this] { desired_.Refresh(); },
                             [this](std::span<const uint32_t> vrfs) { desired_.Refresh(vrfs); });
    // In small steps, because urgent changes wait behind each.
    constexpr size_t kRefreshParts = 10;
    loop_.Every(milliseconds(50), [this] { desired_.RefreshPart(kRefreshParts); });
    loop_.Every(milliseconds(1000), [this] { live_.Sample(std::chrono::steady_clock::now()); });
  }

  absl::Status Run() {
    if (auto status = desired_.Load(); !status.ok()) return status;
    const auto seed = ReadSeed(config_, desired_);
    if (!seed.ok()) return seed.status();
    std::promise<void> terminated;
    loop_.OnTermination([&] { terminated.set_value(); });
    auto server = api::Server::Start(config_, loop_, desired_, calls_);
    // A start that fails leaves an empty store empty, so that the next one reads the file again. Who
    // calls already waits for the loop.
    absl::Status status = server.ok() ? Settle() : server.status();
    if (status.ok() && *seed) status = SeedStore(**seed);
    if (!status.ok()) loop_.Stop();
    std::thread core([this] { loop_.Run(); });
    if (status.ok()) Serve(terminated.get_future());
    // The API's calls need the core thread to the last.
    if (server.ok()) server->reset();
    loop_.Stop();
    core.join();
    return status;
  }

 private:
  // What else must be had beside the API's sockets.
  absl::Status Settle() {
    absl::Status status;
    if (config_.has_metrics_listen()) status = metrics_.Listen(config_.metrics_listen());
    if (status.ok() && config_.has_run_as_user()) status = io::BecomeUser(config_.run_as_user());
    if (status.ok() && config_.has_run_as_user())
      status = io::CheckDataplaneAccess(config_.dataplane_socket(), config_.run_as_user());
    return status;
  }

  absl::Status SeedStore(const gateway::v1::Resources& resources) {
    const auto seeded = api::Seed(desired_, resources);
    if (!seeded.ok()) return OfSeedFile(config_, seeded.status());
    if (*seeded) spdlog::info("store seeded from {}", config_.seed_file());
    return absl::OkStatus();
  }

  void Serve(std::future<void> terminated) {
    link_.Start();
    spdlog::info("ready: instance {:016x}, {} tenants", instance_, desired_.tenants().size());
    io::NotifySupervisor("READY=1");
    terminated.wait();
    spdlog::info("stopping");
    io::NotifySupervisor("STOPPING=1");
  }

  const GatewayConfig& config_;
  const uint64_t instance_;
  io::EventLoop loop_;
  programming::Sender sender_;
  io::LiveState live_{sender_};
  io::ProgrammingLoop programming_{loop_, sender_, live_};
  io::ProgrammingAnswers answers_{sender_};
  std::unique_ptr<store::Store> store_;
  api::DesiredState desired_;
  io::DataplaneLink link_;
  io::DataplaneCalls calls_;
  metrics::GatewayMetrics metrics_;
};

absl::Status ForgetSecrets(const std::string& config_file) {
  const auto config = io::ReadStartupConfig(config_file);
  if (!config.ok()) return config.status();
  const auto forgotten = store::Store::ForgetSecrets(config->state_database(), config->key_file());
  if (forgotten.ok())
    std::printf("%lld secrets removed; give them again\n", static_cast<long long>(*forgotten));
  return forgotten.status();
}

absl::Status Start(const std::string& config_file) {
  const auto config = io::ReadStartupConfig(config_file);
  if (!config.ok()) return config.status();
  if (auto status = StartPrivileges(*config); !status.ok()) return status;
  StartLog(*config);
  std::optional<io::SocketLock> socket;
  if (!config->listen_unix().empty()) {
    auto lock = io::SocketLock::Take(config->listen_unix());
    if (!lock.ok()) return lock.status();
    socket.emplace(*std::move(lock));
  }
  auto store = store::Store::Open(config->state_database(), config->key_file());
  if (!store.ok()) return store.status();
  Gateway gateway(*config, *std::move(store));
  return gateway.Run();
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  CLI::App app("Control process of the Sluice gateway.");
  std::string config_file;
  app.add_option("--config", config_file, "start-up file, GatewayConfig in JSON form")->required();
  bool forget_secrets = false;
  app.add_flag("--forget-secrets", forget_secrets,
               "after the loss of the key file: remove what it sealed, make a new key, and end");
  app.set_version_flag("--version", SLUICE_VERSION);
  CLI11_PARSE(app, argc, argv);
  // gRPC would write its own words beside ours; what matters reaches us as a status.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  const absl::Status status =
      forget_secrets ? sluice::ForgetSecrets(config_file) : sluice::Start(config_file);
  if (status.ok()) return 0;
  // One line, also where a library's message draws a picture over several.
  const auto line =
      absl::StrJoin(absl::StrSplit(status.message(), absl::ByAnyChar("\r\n"), absl::SkipWhitespace()), " ");
  std::fprintf(stderr, "sluice-gateway: %s\n", line.c_str());
  return 1;
}
