// The bash completion script, made from the command line's own description so
// that it never lags behind.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace sluice::ctl {

// Completes commands, options, kinds of objects, and names of tenants and
// connections by asking the gateway (quietly, half a second at most).
std::string BashCompletion(const CLI::App& app);

}  // namespace sluice::ctl
