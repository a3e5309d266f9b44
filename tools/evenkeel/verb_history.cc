// evenkeel history: every revision, who made it, why, and how it ended.
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/table.h"

namespace evenkeel::cli {
namespace {

Ink InkOfRevision(const std::string& state) {
  if (state == "confirmed") return Ink::kGood;
  return state == "trial" || state == "pending" ? Ink::kDoubtful : Ink::kBad;
}

std::string Render(const v1::HistoryReply& history, bool color) {
  Table table({{"REVISION", Align::kRight},
               {"STATE"},
               {"WHEN"},
               {"WHO"},
               {"BASE", Align::kRight},
               {"PLAN"},
               {"REASON"},
               {"OUTCOME"}});
  for (const v1::Revision& revision : history.revisions()) {
    table.Add({std::string(absl::StrCat(revision.revision())),
               Cell(revision.state(), InkOfRevision(revision.state())), revision.when(),
               revision.who(), std::string(absl::StrCat(revision.base_revision())),
               revision.plan_digest().substr(0, 12), revision.reason(), revision.outcome()});
  }
  return table.Render(color);
}

}  // namespace

ExitStatus RunHistory(const Arguments& arguments, Console& console) {
  Client client(arguments.socket, arguments.timeout);
  v1::HistoryReply history;
  if (auto failure = client.Call(v1::HistoryRequest(), history)) return console.Fail(*failure);
  if (console.json()) {
    console.PrintJson(ReplyToJson(history));
  } else if (history.revisions().empty()) {
    console.out() << "no revision yet: evenkeel apply FILE --reason=TEXT makes the first\n";
  } else {
    console.out() << Render(history, console.terminal().color);
  }
  return ExitStatus::kDone;
}

}  // namespace evenkeel::cli
