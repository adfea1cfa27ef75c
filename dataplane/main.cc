// sluice-dataplane: reads its start-up file, puts the parts together, runs until
// it is told to stop. Composition only.
#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "dataplane/eal/config_file.h"
#include "dataplane/eal/host_facts.h"
#include "dataplane/eal/instance_lock.h"
#include "dataplane/eal/log_setup.h"
#include "dataplane/eal/service_notification.h"
#include "dataplane/forwarding_process.h"
#include "dataplane/graph/worker_graph.h"
#include "dataplane/nodes/nodes.h"

namespace sluice::dataplane {
namespace {

// The one line that an operator gets when a start fails.
int Refuse(const absl::Status& status) {
  std::fprintf(stderr, "sluice-dataplane: %s\n", std::string(status.message()).c_str());
  return 1;
}

// Blocked before any thread exists, so that only WaitForStop sees them.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int RunUntilStopped(const StartupPlan& plan) {
  const sigset_t stop_signals = BlockStopSignals();
  SetUpLog(plan.instance, plan.log_level);
  const auto lock = InstanceLock::Take(plan.instance, plan.grpc_socket);
  if (!lock.ok()) return Refuse(lock.status());
  auto process = ForwardingProcess::Start(plan);
  if (!process.ok()) return Refuse(process.status());

  for (const std::string& remark : plan.remarks) spdlog::warn("{}", remark);
  spdlog::info("ready: {} ports, {} workers, control at {}", plan.ports.size(), plan.worker_cores.size(),
               plan.grpc_socket);
  NotifySupervisor("READY=1");
  int signal = 0;
  sigwait(&stop_signals, &signal);
  NotifySupervisor("STOPPING=1");
  spdlog::info("stopping: {}", signal == SIGTERM ? "SIGTERM" : "SIGINT");
  return 0;
}

int RunWithFile(const std::string& path, bool check_only) {
  const auto config = ReadConfigFile(path);
  if (!config.ok()) return Refuse(config.status());
  const auto plan = PlanStartup(*config, ReadHostFacts());
  if (!plan.ok())
    return Refuse(absl::Status(plan.status().code(), absl::StrCat(path, ": ", plan.status().message())));
  if (!check_only) return RunUntilStopped(*plan);
  for (const std::string& remark : plan->remarks) std::printf("%s: %s\n", path.c_str(), remark.c_str());
  std::printf("%s: fine\n", path.c_str());
  return 0;
}

}  // namespace
}  // namespace sluice::dataplane

int main(int argc, char** argv) {
  using namespace sluice::dataplane;
  std::string config;
  bool check = false;
  bool graph = false;
  CLI::App options("Forwards the packets of many tenants, as sluice-gateway tells it.", "sluice-dataplane");
  auto* const config_option = options.add_option("--config", config, "the start-up file, in JSON");
  options.add_flag("--check", check, "only check the start-up file against this host")->needs(config_option);
  options.add_flag("--graph", graph, "print the packet graph in Graphviz form")->excludes(config_option);
  CLI11_PARSE(options, argc, argv);
  if (graph) {
    std::fputs(DescribeGraph(AllNodes()).c_str(), stdout);
    return 0;
  }
  if (config.empty()) return Refuse(absl::InvalidArgumentError("--config FILE is needed"));
  return RunWithFile(config, check);
}
