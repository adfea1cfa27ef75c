// Configures spdlog.
#include "dataplane/eal/log_setup.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace sluice::dataplane {

void SetUpLog(const std::string& instance, const std::string& level) {
  auto logger = spdlog::stderr_logger_mt("sluice-dataplane");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l " + instance + ": %v");
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace sluice::dataplane
