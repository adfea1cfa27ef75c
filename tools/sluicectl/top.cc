// `top`: the live table, redrawn until Ctrl-C.
#include <unistd.h>

#include "sluice/gateway/v1/diagnostics.grpc.pb.h"
#include "sluice/gateway/v1/gateway.grpc.pb.h"
#include "tools/sluicectl/command.h"
#include "tools/sluicectl/interrupt.h"
#include "tools/sluicectl/tenant_pages.h"
#include "tools/sluicectl/top_text.h"

namespace sluice::ctl {
namespace {

namespace api = ::sluice::gateway::v1;

struct TopOptions {
  double interval_s = 1;
  // 0: until Ctrl-C.
  unsigned rounds = 0;
  size_t lines_max = 20;
};

constexpr unsigned kRoundsMax = 1'000'000;
constexpr unsigned kLinesMax = 10'000;
constexpr const char* kClearScreen = "\033[H\033[2J";

grpc::Status Read(Session& session, GatewayReading& reading) {
  const auto diagnostics = session.Stub<api::DiagnosticsService>();
  grpc::ClientContext for_gateway, for_ports, for_drops;
  for (auto* context : {&for_gateway, &for_ports, &for_drops}) session.LimitTime(*context);
  if (auto s = session.Stub<api::GatewayService>()->GetGateway(&for_gateway, {}, &reading.gateway); !s.ok())
    return s;
  if (auto s = diagnostics->DescribePorts(&for_ports, {}, &reading.ports); !s.ok()) return s;
  if (auto s = diagnostics->ListDrops(&for_drops, {}, &reading.drops); !s.ok()) return s;
  return ListTenants(session, {}, reading.tenants);
}

grpc::Status Top(Session& session, const TopOptions& options) {
  using Clock = std::chrono::steady_clock;
  const std::chrono::milliseconds interval(static_cast<int64_t>(options.interval_s * 1000));
  Interrupt interrupt;
  GatewayReading before;
  if (auto s = Read(session, before); !s.ok()) return s;
  auto read_at = Clock::now();
  for (unsigned round = 1; interrupt.Pause(interval); ++round) {
    GatewayReading now;
    if (auto s = Read(session, now); !s.ok()) return s;
    const auto at = Clock::now();
    const auto between = std::chrono::duration_cast<std::chrono::milliseconds>(at - read_at);
    session.Say((isatty(STDOUT_FILENO) != 0 ? kClearScreen : "") +
                TopText(before, now, between, options.lines_max));
    if (round == options.rounds) break;
    before = std::move(now);
    read_at = at;
  }
  return grpc::Status::OK;
}

}  // namespace

void AddTopCommand(CLI::App& app, Session& session, Action& chosen) {
  auto options = std::make_shared<TopOptions>();
  auto* command = app.add_subcommand("top", "Rates of ports, connections and drops, live");
  command->add_option("-i,--interval", options->interval_s, "seconds between readings")
      ->check(Seconds(0.1, 3600))
      ->capture_default_str();
  command->add_option("-n,--rounds", options->rounds, "end after so many; 0 is never")
      ->check(WholeNumber(0, kRoundsMax));
  command->add_option("--lines", options->lines_max, "connections and drop reasons shown")
      ->check(WholeNumber(1, kLinesMax))
      ->capture_default_str();
  command->callback([&session, &chosen, options] {
    chosen = [&session, options]() -> grpc::Status {
      if (session.output != OutputForm::kTable) {
        return {grpc::StatusCode::INVALID_ARGUMENT,
                "top is for people; programs use get and watch with -o json"};
      }
      return Top(session, *options);
    };
  });
}

}  // namespace sluice::ctl
