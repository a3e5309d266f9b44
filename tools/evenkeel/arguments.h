// Reads the command line by the table of commands.
//
// Not by gflags, which the daemons use: it ends the process with status 1 at an unknown flag (the
// interface says 2), knows one set of flags for the whole program while ours belong to verbs, and
// cannot report its errors as JSON. What operators know of it works here too: one dash or two,
// `--flag=value` and `--flag value`, and --flagfile=PATH with the global flags.
//
//   ParsedLine line = ParseArguments({argv + 1, argv + argc}, Commands());
//   if (line.failure) return console.Fail(*line.failure);
//   return line.command->run(line.arguments, console);
#ifndef TOOLS_EVENKEEL_ARGUMENTS_H_
#define TOOLS_EVENKEEL_ARGUMENTS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tools/evenkeel/command.h"
#include "tools/evenkeel/failure.h"
#include "tools/evenkeel/flag_value.h"

namespace evenkeel::cli {

// The values of one call; every one of them has been checked against its FlagSpec.
class Arguments {
 public:
  std::string socket = "/run/evenkeel/control.sock";
  absl::Duration timeout = absl::Seconds(10);
  std::vector<std::string> operands;
  // Of the verb, those that were given; more than one value only of a flag that may be repeated.
  std::multimap<std::string, FlagValue> flags;

  bool Has(const std::string& flag) const { return flags.count(flag) != 0; }
  // Of a switch: given, and not as =false.
  bool IsOn(const std::string& flag) const { return Has(flag) && Get(flag).text == "true"; }
  // Of a flag that was given, or that is required.
  const FlagValue& Get(const std::string& flag) const { return flags.find(flag)->second; }
  // In the order given; empty where the flag is not given.
  std::vector<FlagValue> All(const std::string& flag) const {
    std::vector<FlagValue> values;
    const auto [begin, end] = flags.equal_range(flag);
    for (auto it = begin; it != end; ++it) values.push_back(it->second);
    return values;
  }
};

struct ParsedLine {
  // In order of precedence: what is wrong with the call; a wish for help (on `command`, if set); a
  // verb that is built, and its arguments.
  std::optional<Failure> failure;
  bool help = false;
  const CommandSpec* command = nullptr;
  Arguments arguments;
  bool json = false;  // also when the call is wrong, as far as can be told
};

ParsedLine ParseArguments(const std::vector<std::string>& args,
                          const std::vector<CommandSpec>& commands);

const std::vector<FlagSpec>& GlobalFlags();

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_ARGUMENTS_H_
