#include "tools/evenkeel/help.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/evenkeel/arguments.h"

namespace evenkeel::cli {
namespace {

struct Entry {
  std::string term;
  std::string meaning;
};

// Meanings below each other; a long term has a line of its own.
std::string RenderEntries(const std::vector<Entry>& entries) {
  constexpr size_t kTermWidth = 22;
  std::string out;
  for (const Entry& entry : entries) {
    const bool fits = entry.term.size() <= kTermWidth;
    absl::StrAppend(&out, "  ", entry.term,
                    fits ? std::string(kTermWidth - entry.term.size(), ' ')
                         : "\n  " + std::string(kTermWidth, ' '),
                    "  ", entry.meaning, "\n");
  }
  return out;
}

std::string RenderFlags(const std::vector<FlagSpec>& flags) {
  std::vector<Entry> entries;
  for (const FlagSpec& flag : flags) {
    if (flag.state == FlagState::kNotBuilt) continue;
    const std::string value = flag.value.empty() ? "" : "=" + flag.value;
    const char* needed = flag.state == FlagState::kRequired   ? " (required)"
                         : flag.state == FlagState::kRepeated ? " (may be repeated)"
                                                              : "";
    entries.push_back({absl::StrCat("--", flag.name, value), flag.summary + needed});
  }
  return RenderEntries(entries);
}

constexpr char kExitStatus[] =
    "Exit status:\n"
    "  0  done\n"
    "  1  refused or failed, nothing was changed\n"
    "  2  the call is wrong, or names a file that cannot be opened\n"
    "  3  no daemon, or one that is silent for --timeout\n"
    "  4  applied and rolled back\n";

}  // namespace

std::string ProgramHelp(const std::vector<CommandSpec>& commands) {
  std::vector<Entry> built;
  std::vector<std::string> lacking;
  for (const CommandSpec& command : commands) {
    if (command.built()) {
      built.push_back({command.name, command.summary});
    } else {
      lacking.push_back(command.name);
    }
  }
  std::string out = absl::StrCat(
      "evenkeel runs the Evenkeel load balancer of this node.\n\n"
      "usage: evenkeel [FLAGS] VERB ...\n\nVerbs (evenkeel VERB --help says more):\n",
      RenderEntries(built), "\nFlags, before or after the verb:\n", RenderFlags(GlobalFlags()));
  if (!lacking.empty()) {
    absl::StrAppend(&out, "\nNot built in this version:\n  ", absl::StrJoin(lacking, " "), "\n");
  }
  return absl::StrCat(out, "\n", kExitStatus);
}

std::string CommandHelp(const CommandSpec& command) {
  std::string out = absl::StrCat("usage: evenkeel ", command.usage, "\n\n", command.summary, "\n");
  if (!command.built()) return out + "\nNot built in this version.\n";
  if (!command.flags.empty()) absl::StrAppend(&out, "\nFlags:\n", RenderFlags(command.flags));
  std::vector<std::string> lacking;
  for (const FlagSpec& flag : command.flags) {
    if (flag.state == FlagState::kNotBuilt) lacking.push_back("--" + flag.name);
  }
  if (!lacking.empty()) {
    absl::StrAppend(&out, "\nNot built in this version:\n  ", absl::StrJoin(lacking, " "), "\n");
  }
  return absl::StrCat(out, "\nFlags of every verb:\n", RenderFlags(GlobalFlags()));
}

}  // namespace evenkeel::cli
