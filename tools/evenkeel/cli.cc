#include "tools/evenkeel/cli.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/help.h"

namespace evenkeel::cli {
namespace {

ExitStatus Help(const CommandSpec* command, Console& console) {
  const std::string text = command != nullptr ? CommandHelp(*command) : ProgramHelp(Commands());
  if (console.json()) {
    console.PrintJson({{"help", text}});
  } else {
    console.out() << text;
  }
  return ExitStatus::kDone;
}

}  // namespace

ExitStatus RunCli(const std::vector<std::string>& args, Console& console) {
  const ParsedLine line = ParseArguments(args, Commands());
  console.set_json(line.json);
  if (line.failure) return console.Fail(*line.failure);
  if (line.help) return Help(line.command, console);
  const ExitStatus status = line.command->run(line.arguments, console);
  // Whoever reads a half-written answer as a whole one would act on it.
  if (!console.out().flush()) {
    console.err() << "evenkeel: cannot write to standard output; is the disk full?\n";
    return status == ExitStatus::kDone ? ExitStatus::kRefused : status;
  }
  return status;
}

}  // namespace evenkeel::cli
