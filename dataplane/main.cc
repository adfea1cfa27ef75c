// sluice-dataplane: reads its start-up file, puts the parts together, runs until
// it is told to stop. Composition only.
#include <pthread.h>
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "dataplane/eal/config_file.h"
#include "dataplane/eal/eal_runtime.h"
#include "dataplane/eal/host_facts.h"
#include "dataplane/eal/instance_lock.h"
#include "dataplane/eal/packet_pool.h"
#include "dataplane/eal/port.h"
#include "dataplane/eal/service_notification.h"
#include "dataplane/eal/startup_plan.h"

namespace sluice::dataplane {
namespace {

// The one line that an operator gets when a start fails.
int Refuse(const absl::Status& status) {
  std::fprintf(stderr, "sluice-dataplane: %s\n", std::string(status.message()).c_str());
  return 1;
}

void SetUpLog(const StartupPlan& plan) {
  auto logger = spdlog::stderr_logger_mt("sluice-dataplane");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l " + plan.instance + " %v");
  logger->set_level(spdlog::level::from_str(plan.log_level));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

int Run(const StartupPlan& plan) {
  SetUpLog(plan);
  auto lock = InstanceLock::Take(plan.instance, plan.grpc_socket);
  if (!lock.ok()) return Refuse(lock.status());
  auto eal = EalRuntime::Start(plan);
  if (!eal.ok()) return Refuse(eal.status());
  auto pool = CreatePacketPool("packets", plan.pool, kPoolCachePerWorker);
  if (!pool.ok()) return Refuse(pool.status());
  std::vector<std::unique_ptr<Port>> ports;
  for (const PortPlan& port_plan : plan.ports) {
    std::vector<std::string> remarks;
    auto port = Port::Open(port_plan, **pool, remarks);
    if (port.ok()) {
      const absl::Status started = (*port)->Start(remarks);
      if (!started.ok()) port = started;
    }
    if (!port.ok())
      return Refuse(absl::Status(port.status().code(),
                                 "port \"" + port_plan.name + "\": " + std::string(port.status().message())));
    for (const std::string& remark : remarks) spdlog::warn("{}", remark);
    spdlog::info("port {}: {} {} mac {} link {} flow {}", port_plan.name, (*port)->driver(),
                 (*port)->plan().devargs, (*port)->mac().ToString(), (*port)->Link().up, (*port)->flow_api());
    ports.push_back(*std::move(port));
  }
  for (const std::string& remark : plan.remarks) spdlog::warn("{}", remark);
  NotifySupervisor("READY=1");
  spdlog::info("started");
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int received = 0;
  sigwait(&signals, &received);
  return 0;
}

}  // namespace
}  // namespace sluice::dataplane

int main(int argc, char** argv) {
  using namespace sluice::dataplane;
  std::string config_path;
  bool check = false;
  CLI::App options("Forwards packets of many tenants; programmed by sluice-gateway.", "sluice-dataplane");
  options.add_option("--config", config_path,
                     "start-up file (JSON form of sluice.dataplane.v1.DataplaneConfig)");
  options.add_flag("--check", check, "only check the start-up file against this host");
  CLI11_PARSE(options, argc, argv);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  auto config = ReadConfigFile(config_path);
  if (!config.ok()) return Refuse(config.status());
  const auto plan = PlanStartup(*config, ReadHostFacts());
  if (!plan.ok()) return Refuse(plan.status());
  if (check) return 0;
  return Run(*plan);
}
