// Faults of the command line as one plain line each: checks of values that say what
// is accepted, and CLI11's own complaints in our words.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::ctl {

// A whole number from `least` to `most`, decimal.
CLI::Validator WholeNumber(uint64_t least, uint64_t most);
// A number of seconds from `least` to `most`; fractions are fine.
CLI::Validator Seconds(double least, double most);
// One of `words`, spelled so.
CLI::Validator OneOf(std::vector<std::string> words);

// What is wrong with a command line that `app` refused with `error`, without "sluicectl: ".
std::string UsageText(const CLI::App& app, const CLI::ParseError& error);

}  // namespace sluice::ctl
