// evenkeel status: what runs, on which plane, and what is wrong.
#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/numbers.h"
#include "tools/evenkeel/shadow_report.h"
#include "tools/evenkeel/table.h"

namespace evenkeel::cli {
namespace {

// The first digits tell two digests apart; --json has all.
std::string Short(const std::string& digest) { return digest.substr(0, 12); }

std::string RenderHead(const v1::StatusReply& status, bool color) {
  const Ink ink = status.state() == "confirmed" ? Ink::kGood : Ink::kDoubtful;
  std::vector<std::pair<std::string, Cell>> fields = {
      {"state", Cell(status.state(), ink)},
      {"revision", std::string(absl::StrCat(status.revision()))},
      {"generation", std::string(absl::StrCat(status.generation()))}};
  if (status.has_trial()) {
    const v1::Trial& trial = status.trial();
    const absl::Duration left = absl::Seconds(std::ceil(trial.seconds_left()));
    fields.push_back(
        {"trial", Cell(absl::StrCat("of revision ", trial.revision(), " on ", trial.base_revision(),
                                    ", by ", trial.who(), ": ", trial.reason()),
                       Ink::kDoubtful)});
    fields.push_back(
        {"ends", absl::StrCat("at ", trial.deadline(), ", ", absl::FormatDuration(left),
                              trial.confirming()
                                  ? " from now; it has been confirmed, and planes are being asked"
                                  : " from now, unless confirmed: evenkeel confirm, or evenkeel "
                                    "rollback")});
    if (trial.has_canary()) {
      const v1::Canary& canary = trial.canary();
      fields.push_back({"canary", absl::StrCat(canary.percent(), "% of the slots",
                                               canary.has_waits_for() ? "; it waits: " : "",
                                               canary.waits_for())});
    }
  }
  return RenderFields(fields, color);
}

Cell GenerationCell(const v1::Plane& plane, const v1::StatusReply& status) {
  const bool behind = plane.generation() != status.generation();
  return Cell(absl::StrCat(plane.generation()), behind ? Ink::kDoubtful : Ink::kPlain);
}

std::string RenderPlanes(const v1::StatusReply& status, bool color) {
  Table planes({{"PLANE"}, {"MODE"}, {"CONNECTED"}, {"GENERATION", Align::kRight}, {"DIGEST"}});
  Table workers({{"PLANE"},
                 {"WORKER", Align::kRight},
                 {"PACKETS", Align::kRight},
                 {"NEW FLOWS", Align::kRight}});
  for (const v1::Plane& plane : status.planes()) {
    planes.Add({plane.kind(), plane.mode(),
                plane.connected() ? Cell("yes", Ink::kGood) : Cell("no", Ink::kBad),
                GenerationCell(plane, status), Short(plane.digest())});
    for (const v1::Worker& worker : plane.workers()) {
      workers.Add({plane.kind(), std::string(absl::StrCat(worker.worker())),
                   FormatCount(worker.packets()), FormatCount(worker.new_flows())});
    }
  }
  Table flows({{"PLANE"},
               {"QUEUE", Align::kRight},
               {"TRACKED", Align::kRight},
               {"ROOM", Align::kRight},
               {"INSERTED", Align::kRight},
               {"EVICTED", Align::kRight},
               {"REFUSED", Align::kRight}});
  for (const v1::Plane& plane : status.planes()) {
    for (const v1::FlowTable& table : plane.flow_tables()) {
      int64_t refused = 0;
      for (const auto& [reason, count] : table.refused()) refused += count;
      flows.Add({plane.kind(), std::string(absl::StrCat(table.queue())),
                 FormatCount(table.occupied()), FormatCount(table.capacity()),
                 FormatCount(table.inserted()), FormatCount(table.evicted()),
                 Cell(FormatCount(refused), refused == 0 ? Ink::kPlain : Ink::kDoubtful)});
    }
  }
  std::string out;
  if (!planes.empty()) absl::StrAppend(&out, "\n", planes.Render(color));
  if (!workers.empty()) absl::StrAppend(&out, "\n", workers.Render(color));
  if (!flows.empty()) absl::StrAppend(&out, "\n", flows.Render(color));
  return out;
}

std::string RenderAlarms(const v1::StatusReply& status, bool color) {
  if (status.alarms().empty()) return "\nno alarms\n";
  Table alarms({{"ALARM"}, {"SERVICE"}, {"BACKEND"}, {"SINCE"}, {"MESSAGE"}});
  for (const v1::Alarm& alarm : status.alarms()) {
    alarms.Add({Cell(alarm.rule(), Ink::kBad), alarm.service(), alarm.backend(), alarm.since(),
                alarm.message()});
  }
  return "\n" + alarms.Render(color);
}

std::string RenderNotes(const v1::StatusReply& status, bool color) {
  if (status.notes().empty()) return "";
  Table notes({{"NOTE"}, {"SERVICE"}, {"BACKEND"}, {"SINCE"}, {"MESSAGE"}});
  for (const v1::Alarm& note : status.notes()) {
    notes.Add({note.rule(), note.service(), note.backend(), note.since(), note.message()});
  }
  return "\n" + notes.Render(color);
}

std::string RenderDrains(const v1::StatusReply& status, bool color) {
  if (status.drains().empty()) return "";
  Table drains({{"DRAINED"}, {"UNTIL"}, {"LEFT", Align::kRight}, {"DONE"}, {"REASON"}});
  for (const v1::Drain& drain : status.drains()) {
    drains.Add({std::string(absl::StrCat(drain.pool(), "/", drain.backend())), drain.until(),
                drain.has_connections_left() ? FormatCount(drain.connections_left()) : "?",
                drain.has_done_at() ? drain.done_at() : "?", drain.reason()});
  }
  return "\n" + drains.Render(color);
}

}  // namespace

ExitStatus RunStatus(const Arguments& arguments, Console& console) {
  Client client(arguments.socket, arguments.timeout);
  v1::StatusReply status;
  if (auto failure = client.Call(v1::StatusRequest(), status)) return console.Fail(*failure);
  if (console.json()) {
    console.PrintJson(ReplyToJson(status));
    return ExitStatus::kDone;
  }
  const bool color = console.terminal().color;
  console.out() << RenderHead(status, color) << RenderPlanes(status, color)
                << RenderAlarms(status, color) << RenderNotes(status, color)
                << RenderDrains(status, color);
  if (status.has_shadow()) console.out() << "\n" << RenderShadow(status.shadow(), color);
  if (status.state() == "empty") {
    console.out() << "\nnothing is published yet: "
                     "evenkeel apply FILE --reason=TEXT\n";
  }
  return ExitStatus::kDone;
}

}  // namespace evenkeel::cli
