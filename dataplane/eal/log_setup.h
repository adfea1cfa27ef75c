// The process's log: one line per event on stderr.
#pragma once

#include <string>

namespace sluice::dataplane {

// `level` is one of spdlog's names.
void SetUpLog(const std::string& instance, const std::string& level);

}  // namespace sluice::dataplane
