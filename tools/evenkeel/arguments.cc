#include "tools/evenkeel/arguments.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/config/suggest.h"
#include "tools/evenkeel/flag_value.h"
#include "tools/evenkeel/flagfile.h"
#include "tools/evenkeel/printable.h"

namespace evenkeel::cli {
namespace {

template <typename Spec>
const Spec* Find(const std::vector<Spec>& specs, absl::string_view name) {
  const auto found = std::find_if(specs.begin(), specs.end(),
                                  [name](const Spec& spec) { return spec.name == name; });
  return found == specs.end() ? nullptr : &*found;
}

template <typename Spec>
std::vector<absl::string_view> Names(const std::vector<Spec>& specs) {
  std::vector<absl::string_view> names;
  for (const Spec& spec : specs) names.push_back(spec.name);
  return names;
}

// A flag as written: "--socket=x" is {"socket", "x"}, "-h" is {"h", nothing}. As everywhere in
// gflags, --confirm_within is --confirm-within.
struct WrittenFlag {
  std::string name;
  std::optional<std::string> value;
};

// A lone dash is an operand.
bool LooksLikeFlag(absl::string_view token) { return token.size() > 1 && token[0] == '-'; }

WrittenFlag SplitFlag(absl::string_view token) {
  token.remove_prefix(token.substr(0, 2) == "--" ? 2 : 1);
  const size_t equals = token.find('=');
  std::string name(token.substr(0, equals));
  std::replace(name.begin(), name.end(), '_', '-');
  if (equals == absl::string_view::npos) return {std::move(name), std::nullopt};
  return {std::move(name), std::string(token.substr(equals + 1))};
}

std::string UsageHint(const CommandSpec& command) {
  return absl::StrCat("usage: evenkeel ", command.usage);
}

using FlagValues = std::multimap<std::string, FlagValue>;

class Parser {
 public:
  Parser(const std::vector<std::string>& args, const std::vector<CommandSpec>& commands)
      : args_(args), commands_(commands) {}

  ParsedLine Parse() {
    Glance();
    if (!line_.help) line_.failure = ParseAll();
    return std::move(line_);
  }

 private:
  // What holds wherever it stands: a call that is wrong answers as JSON too, and --help needs
  // nothing else to be right.
  void Glance() {
    for (const std::string& token : args_) {
      if (token == "--") break;
      if (!LooksLikeFlag(token)) {
        if (line_.command == nullptr) line_.command = Find(commands_, token);
        continue;
      }
      const WrittenFlag flag = SplitFlag(token);
      const bool on = flag.value.value_or("true") == "true";
      if (flag.name == "json") line_.json = on;
      if ((flag.name == "help" || flag.name == "h") && on) line_.help = true;
    }
    if (!line_.help) line_.command = nullptr;
  }

  std::optional<Failure> ParseAll() {
    bool flags_ended = false;
    while (next_ < args_.size()) {
      const std::string& token = args_[next_++];
      if (!flags_ended && token == "--") {
        flags_ended = true;
        continue;
      }
      const bool is_flag = !flags_ended && LooksLikeFlag(token);
      if (auto failure = is_flag ? TakeFlag(token) : TakeOperand(token)) return failure;
    }
    if (auto failure = TakeFlagfile()) return failure;
    if (auto failure = TakeGlobals()) return failure;
    return CheckComplete();
  }

  std::optional<Failure> TakeOperand(const std::string& token) {
    if (line_.command == nullptr) return TakeVerb(token);
    const CommandSpec& command = *line_.command;
    if (line_.arguments.operands.size() == command.operands.size()) {
      return UsageFailure(
          absl::StrCat(command.name, ": unexpected argument \"", Printable(token), "\""),
          UsageHint(command));
    }
    line_.arguments.operands.push_back(token);
    return std::nullopt;
  }

  std::optional<Failure> TakeVerb(const std::string& token) {
    line_.command = Find(commands_, token);
    if (line_.command == nullptr) {
      const absl::string_view closest = NearestWord(token, Names(commands_));
      return UsageFailure(absl::StrCat("unknown verb \"", Printable(token), "\""),
                          closest.empty() ? "evenkeel --help lists the verbs"
                                          : absl::StrCat("did you mean ", closest, "?"));
    }
    if (!line_.command->built()) return NotBuilt(absl::StrCat("verb ", line_.command->name));
    return std::nullopt;
  }

  std::optional<Failure> TakeFlag(const std::string& token) {
    WrittenFlag written = SplitFlag(token);
    const FlagSpec* flag = Find(GlobalFlags(), written.name);
    FlagValues* values = &globals_;
    if (flag == nullptr && line_.command != nullptr) {
      flag = Find(line_.command->flags, written.name);
      values = &line_.arguments.flags;
    }
    if (flag == nullptr) return UnknownFlag(written.name);
    const std::string name = absl::StrCat("--", flag->name);
    if (flag->state == FlagState::kNotBuilt) {
      return NotBuilt(absl::StrCat(name, " of ", line_.command->name));
    }
    if (!written.value && flag->kind == FlagKind::kSwitch) written.value = "true";
    if (!written.value) {
      if (next_ == args_.size() || LooksLikeFlag(args_[next_])) {
        return UsageFailure(absl::StrCat(name, " needs a value"),
                            absl::StrCat("write ", name, "=", flag->value));
      }
      written.value = args_[next_++];
    }
    if (values->count(flag->name) != 0 && flag->state != FlagState::kRepeated) {
      return UsageFailure(absl::StrCat(name, " is given twice"), "give it once");
    }
    return Store(*flag, *written.value, *values);
  }

  std::optional<Failure> Store(const FlagSpec& flag, const std::string& text, FlagValues& values) {
    FlagValue value{.text = text};
    if (auto right = ReadFlagValue(flag.kind, value)) {
      return UsageFailure(absl::StrCat("--", flag.name, "=", Printable(text), " is malformed"),
                          *std::move(right));
    }
    values.emplace(flag.name, std::move(value));
    return std::nullopt;
  }

  std::optional<Failure> UnknownFlag(const std::string& name) {
    const std::string flag = absl::StrCat("--", Printable(name));
    std::vector<absl::string_view> known = Names(GlobalFlags());
    if (line_.command == nullptr) {
      const bool of_a_verb = std::any_of(commands_.begin(), commands_.end(), [&](const auto& c) {
        return Find(c.flags, name) != nullptr;
      });
      if (of_a_verb) {
        return UsageFailure(absl::StrCat(flag, " stands before the verb"),
                            "write the verb first, then its own flags");
      }
    } else {
      const std::vector<absl::string_view> own = Names(line_.command->flags);
      known.insert(known.end(), own.begin(), own.end());
    }
    const absl::string_view closest = NearestWord(name, known);
    const std::string verb = line_.command ? line_.command->name + " " : "";
    return UsageFailure(absl::StrCat("unknown flag ", flag),
                        closest.empty() ? absl::StrCat("evenkeel ", verb, "--help lists the flags")
                                        : absl::StrCat("did you mean --", closest, "?"));
  }

  // What the command line says goes before what the file says.
  std::optional<Failure> TakeFlagfile() {
    const auto path = globals_.find("flagfile");
    if (path == globals_.end()) return std::nullopt;
    const auto lines = ReadFlagfile(path->second.text);
    if (!lines.ok()) {
      return UsageFailure(std::string(lines.status().message()), "check --flagfile");
    }
    FlagValues values;
    for (const FlagfileLine& line : *lines) {
      const std::string place = absl::StrCat(path->second.text, ":", line.line, ": ");
      const WrittenFlag written =
          LooksLikeFlag(line.flag) ? SplitFlag(line.flag) : WrittenFlag{line.flag, std::nullopt};
      const FlagSpec* flag = Find(GlobalFlags(), written.name);
      if (flag == nullptr || flag->name == "flagfile" || !LooksLikeFlag(line.flag)) {
        return UsageFailure(
            absl::StrCat(place, Printable(line.flag), " is not a flag of the whole program"),
            "a flagfile holds --socket, --timeout and --json, one a line");
      }
      const std::string fallback = flag->kind == FlagKind::kSwitch ? "true" : "";
      if (auto failure = Store(*flag, written.value.value_or(fallback), values)) {
        failure->message = place + failure->message;
        return failure;
      }
    }
    for (auto& [name, value] : values) {
      if (globals_.count(name) == 0) globals_.emplace(name, std::move(value));
    }
    return std::nullopt;
  }

  std::optional<Failure> TakeGlobals() {
    for (const auto& [name, value] : globals_) {
      if (name == "socket") line_.arguments.socket = value.text;
      if (name == "json") line_.json = value.text == "true";
      if (name == "timeout") {
        if (value.duration <= absl::ZeroDuration() || value.duration > absl::Hours(24)) {
          return UsageFailure(absl::StrCat("--timeout=", value.text, " is out of bounds"),
                              "write a duration from 1ms to 24h");
        }
        line_.arguments.timeout = value.duration;
      }
    }
    return std::nullopt;
  }

  std::optional<Failure> CheckComplete() const {
    if (line_.command == nullptr) {
      return UsageFailure("no verb is given", "evenkeel --help lists the verbs");
    }
    const CommandSpec& command = *line_.command;
    for (size_t i = line_.arguments.operands.size(); i < command.operands.size(); ++i) {
      if (!command.operands[i].required) continue;
      return UsageFailure(absl::StrCat(command.name, " needs ", command.operands[i].name),
                          UsageHint(command));
    }
    for (const FlagSpec& flag : command.flags) {
      if (flag.state != FlagState::kRequired || line_.arguments.Has(flag.name)) continue;
      return UsageFailure(absl::StrCat(command.name, " needs --", flag.name), UsageHint(command));
    }
    return std::nullopt;
  }

  const std::vector<std::string>& args_;
  const std::vector<CommandSpec>& commands_;
  size_t next_ = 0;
  FlagValues globals_;
  ParsedLine line_;
};

}  // namespace

const std::vector<FlagSpec>& GlobalFlags() {
  static const std::vector<FlagSpec> flags = {
      {"socket", FlagKind::kText, "PATH", "evenkeeld's socket (/run/evenkeel/control.sock)"},
      {"json", FlagKind::kSwitch, "", "print one JSON object, also on failure"},
      {"timeout", FlagKind::kDuration, "D", "how long to wait for evenkeeld (10s)"},
      {"flagfile", FlagKind::kText, "PATH", "read --socket, --json and --timeout from a file"},
      {"help", FlagKind::kSwitch, "", "say how evenkeel, or the verb, is used; also -h"},
  };
  return flags;
}

ParsedLine ParseArguments(const std::vector<std::string>& args,
                          const std::vector<CommandSpec>& commands) {
  return Parser(args, commands).Parse();
}

}  // namespace evenkeel::cli
