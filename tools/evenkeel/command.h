// What a row of the table of commands says (commands.cc): everything that the parser, --help and
// the dispatcher need to know about a verb.
#ifndef TOOLS_EVENKEEL_COMMAND_H_
#define TOOLS_EVENKEEL_COMMAND_H_

#include <string>
#include <vector>

#include "tools/evenkeel/failure.h"

namespace evenkeel::cli {

class Arguments;
class Console;

// Runs in main's thread, once; prints through the console.
using Handler = ExitStatus (*)(const Arguments& arguments, Console& console);

enum class FlagKind {
  kSwitch,    // --json, --json=true, --json=false
  kText,      // any text but the empty one
  kDuration,  // 10s
  kWhole,     // a plain decimal number, 0 .. 2^63-1
  kInstant,   // 2027-01-31T12:00:00Z
  kDigest,    // 64 lower-case hex digits
};

enum class FlagState { kOptional, kRequired, kRepeated, kNotBuilt };

struct FlagSpec {
  std::string name;  // without dashes
  FlagKind kind = FlagKind::kText;
  std::string value;    // stands for the value in help: "TEXT"; empty for a switch
  std::string summary;  // one line
  FlagState state = FlagState::kOptional;
};

struct OperandSpec {
  std::string name;  // "FILE"
  bool required = true;
};

struct CommandSpec {
  std::string name;
  std::string usage;      // all but the program's name
  std::string summary;    // one sentence
  Handler run = nullptr;  // null: the interface names it and this version lacks it
  std::vector<OperandSpec> operands = {};
  std::vector<FlagSpec> flags = {};

  bool built() const { return run != nullptr; }
};

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_COMMAND_H_
