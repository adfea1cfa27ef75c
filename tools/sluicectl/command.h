// What every command has in common: it adds itself to the command line, and
// when it was chosen, leaves the action that main() runs after opening the session.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "tools/sluicectl/command_line.h"
#include "tools/sluicectl/session.h"

namespace sluice::ctl {

using Action = std::function<grpc::Status()>;

// Each adds one group of commands. `session` and `chosen` outlive the parse and the action.
void AddReadCommands(CLI::App& app, Session& session, Action& chosen);       // get, describe
void AddApplyCommand(CLI::App& app, Session& session, Action& chosen);       // apply
void AddDeleteCommand(CLI::App& app, Session& session, Action& chosen);      // delete
void AddOperateCommands(CLI::App& app, Session& session, Action& chosen);    // reset, drain
void AddWatchCommand(CLI::App& app, Session& session, Action& chosen);       // watch
void AddRouteCommands(CLI::App& app, Session& session, Action& chosen);      // route lookup, route explain
void AddMappingCommands(CLI::App& app, Session& session, Action& chosen);    // mapping replace, update, list
void AddPacketCommands(CLI::App& app, Session& session, Action& chosen);     // trace, capture
void AddDiagnoseCommands(CLI::App& app, Session& session, Action& chosen);   // drops, doctor
void AddTopCommand(CLI::App& app, Session& session, Action& chosen);         // top
void AddCompletionCommand(CLI::App& app, Session& session, Action& chosen);  // completion

}  // namespace sluice::ctl
