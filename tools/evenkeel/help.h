// The texts of --help, made from the table of commands.
#ifndef TOOLS_EVENKEEL_HELP_H_
#define TOOLS_EVENKEEL_HELP_H_

#include <string>
#include <vector>

#include "tools/evenkeel/command.h"

namespace evenkeel::cli {

std::string ProgramHelp(const std::vector<CommandSpec>& commands);
std::string CommandHelp(const CommandSpec& command);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_HELP_H_
