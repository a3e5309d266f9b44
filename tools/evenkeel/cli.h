// The whole program but for the process: parses, dispatches, and says how it ended.
//
//   Console console(std::cout, std::cerr, DescribeTerminal(STDOUT_FILENO),
//                   DescribeTerminal(STDERR_FILENO));
//   return static_cast<int>(RunCli({argv + 1, argv + argc}, console));
#ifndef TOOLS_EVENKEEL_CLI_H_
#define TOOLS_EVENKEEL_CLI_H_

#include <string>
#include <vector>

#include "tools/evenkeel/console.h"
#include "tools/evenkeel/failure.h"

namespace evenkeel::cli {

// `args` are those after the program's name.
ExitStatus RunCli(const std::vector<std::string>& args, Console& console);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_CLI_H_
