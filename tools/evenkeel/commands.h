// The table of commands, and the handlers that its rows name: one file each, verb_NAME.cc.
#ifndef TOOLS_EVENKEEL_COMMANDS_H_
#define TOOLS_EVENKEEL_COMMANDS_H_

#include <vector>

#include "tools/evenkeel/command.h"

namespace evenkeel::cli {

// In the order of --help.
const std::vector<CommandSpec>& Commands();

ExitStatus RunValidate(const Arguments& arguments, Console& console);
ExitStatus RunRules(const Arguments& arguments, Console& console);
ExitStatus RunPlan(const Arguments& arguments, Console& console);
ExitStatus RunTest(const Arguments& arguments, Console& console);
ExitStatus RunSimulate(const Arguments& arguments, Console& console);
ExitStatus RunApply(const Arguments& arguments, Console& console);
ExitStatus RunConfirm(const Arguments& arguments, Console& console);
ExitStatus RunRollback(const Arguments& arguments, Console& console);
ExitStatus RunHistory(const Arguments& arguments, Console& console);
ExitStatus RunShow(const Arguments& arguments, Console& console);
ExitStatus RunDiff(const Arguments& arguments, Console& console);
ExitStatus RunAudit(const Arguments& arguments, Console& console);
ExitStatus RunDrain(const Arguments& arguments, Console& console);
ExitStatus RunUndrain(const Arguments& arguments, Console& console);
ExitStatus RunStatus(const Arguments& arguments, Console& console);
ExitStatus RunServices(const Arguments& arguments, Console& console);
ExitStatus RunBackends(const Arguments& arguments, Console& console);
ExitStatus RunTop(const Arguments& arguments, Console& console);
ExitStatus RunWatch(const Arguments& arguments, Console& console);
ExitStatus RunExplain(const Arguments& arguments, Console& console);
ExitStatus RunDrops(const Arguments& arguments, Console& console);
ExitStatus RunDoctor(const Arguments& arguments, Console& console);
ExitStatus RunDetach(const Arguments& arguments, Console& console);
ExitStatus RunVersion(const Arguments& arguments, Console& console);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_COMMANDS_H_
