// evenkeel simulate: recorded packets through the real core with the candidate's tables.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/publish/key_file.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/numbers.h"
#include "tools/evenkeel/offline_core.h"
#include "tools/evenkeel/plan_files.h"
#include "tools/evenkeel/printable.h"
#include "tools/evenkeel/simulate_capture.h"
#include "tools/evenkeel/simulate_run.h"
#include "tools/evenkeel/table.h"

namespace evenkeel::cli {
namespace {

Failure Refusal(const absl::Status& status, const std::string& hint) {
  return {ExitStatus::kRefused, "invalid", std::string(status.message()), hint};
}

std::variant<std::unique_ptr<OfflineCore>, Failure> MakeCore(const Config& config) {
  const std::string& path = config.cluster.key_file;
  const absl::StatusOr<ClusterKey> key = ReadKey(path);
  if (!key.ok()) {
    return Refusal(key.status(),
                   absl::StrCat("simulate hashes by the cluster's own key: cluster.key_file "
                                "must name a copy of it (",
                                path, ")"));
  }
  absl::StatusOr<std::unique_ptr<OfflineCore>> core = OfflineCore::Make(config, *key);
  if (!core.ok()) return Refusal(core.status(), "evenkeel validate says more");
  return *std::move(core);
}

std::string RenderService(const v1::SimulateService& service, bool color) {
  std::string out =
      absl::StrCat("\n", Paint(Printable(service.service()), Ink::kStrong, color), "  pool ",
                   Printable(service.pool()), ", ", FormatCount(service.packets()), " packets, ",
                   FormatCount(service.flows()), " flows");
  if (service.has_flows_moved()) {
    absl::StrAppend(&out, ", ", FormatCount(service.flows_moved()), " move");
  }
  out += "\n";
  Table table({{"BACKEND"},
               {"PACKETS", Align::kRight},
               {"SHARE", Align::kRight},
               {"EXPECTED", Align::kRight},
               {"FLOWS", Align::kRight}});
  for (const v1::SimulateBackend& backend : service.backends()) {
    table.Add({Cell(backend.name(), Ink::kStrong), FormatCount(backend.packets()),
               FormatShare(backend.share()), FormatShare(backend.share_expected()),
               FormatCount(backend.flows())});
  }
  return out + table.Render(color);
}

std::string RenderHitters(const std::string& title,
                          const google::protobuf::RepeatedPtrField<v1::HeavyHitter>& hitters,
                          bool color) {
  Table table({{title}, {"PACKETS", Align::kRight}, {"SHARE", Align::kRight}});
  for (const v1::HeavyHitter& hitter : hitters) {
    table.Add({hitter.who(), FormatCount(hitter.packets()), FormatShare(hitter.share())});
  }
  return table.empty() ? "" : "\n" + table.Render(color);
}

std::string Render(const v1::SimulateReply& reply, bool color) {
  std::vector<std::pair<std::string, Cell>> fields = {
      {"packets", FormatCount(reply.packets())},
      {"forward", FormatCount(reply.forward())},
      {"reply", FormatCount(reply.reply())},
      {"pass", FormatCount(reply.pass())},
      {"drop", Cell(FormatCount(reply.drop()), reply.drop() == 0 ? Ink::kPlain : Ink::kBad)},
      {"flows", FormatCount(reply.flows())}};
  if (reply.has_flows_moved())
    fields.emplace_back("flows that move", FormatCount(reply.flows_moved()));
  if (reply.cut_short() != 0) fields.emplace_back("cut short", FormatCount(reply.cut_short()));
  std::string out = RenderFields(fields, color);
  std::vector<std::string> idle;
  for (const v1::SimulateService& service : reply.services()) {
    if (service.packets() != 0 || service.flows_moved() != 0) {
      out += RenderService(service, color);
    } else {
      idle.push_back(Printable(service.service()));
    }
  }
  if (!idle.empty()) absl::StrAppend(&out, "\nno packets for: ", absl::StrJoin(idle, ", "), "\n");
  Table reasons({{"NOT FORWARDED"}, {"WHY"}, {"PACKETS", Align::kRight}});
  for (const auto& [reason, count] :
       std::map<std::string, int64_t>(reply.drops().begin(), reply.drops().end())) {
    reasons.Add({Cell("drop", Ink::kBad), reason, FormatCount(count)});
  }
  for (const auto& [reason, count] :
       std::map<std::string, int64_t>(reply.passes().begin(), reply.passes().end())) {
    reasons.Add({Cell("pass"), reason, FormatCount(count)});
  }
  if (!reasons.empty()) absl::StrAppend(&out, "\n", reasons.Render(color));
  out += RenderHitters("TOP SOURCES", reply.top_sources(), color);
  out += RenderHitters("TOP FLOWS", reply.top_flows(), color);
  return out;
}

}  // namespace

ExitStatus RunSimulate(const Arguments& arguments, Console& console) {
  std::variant<Config, ExitStatus> candidate = ReadCandidate(arguments.operands[0], console);
  if (auto* status = std::get_if<ExitStatus>(&candidate)) return *status;
  const std::string& traffic = arguments.Get("traffic").text;
  absl::StatusOr<std::unique_ptr<Capture>> capture = Capture::Open(traffic);
  if (!capture.ok()) {
    const std::string why(capture.status().message());
    return console.Fail(absl::IsUnavailable(capture.status())
                            ? UsageFailure(why, "--traffic names a pcap or pcapng file")
                            : Refusal(capture.status(), "record it with tcpdump -w"));
  }
  auto core = MakeCore(std::get<Config>(candidate));
  if (auto* failure = std::get_if<Failure>(&core)) return console.Fail(*failure);
  std::unique_ptr<OfflineCore> base_core;
  if (arguments.Has("base")) {
    std::variant<Config, Failure> base = ReadBase(arguments.Get("base").text);
    if (auto* failure = std::get_if<Failure>(&base)) return console.Fail(*failure);
    auto made = MakeCore(std::get<Config>(base));
    if (auto* failure = std::get_if<Failure>(&made)) return console.Fail(*failure);
    base_core = std::get<std::unique_ptr<OfflineCore>>(std::move(made));
  }

  Simulation simulation(*std::get<std::unique_ptr<OfflineCore>>(core), base_core.get());
  Frame frame;
  int64_t cut_short = 0;
  while ((*capture)->Next(&frame)) {
    cut_short += frame.cut_short;
    simulation.Add(frame.begin, frame.end);
  }
  v1::SimulateReply reply = simulation.Result();
  reply.set_cut_short(cut_short);
  if (!(*capture)->error().empty()) {
    // What a recorder leaves that was killed: all that came before is as good as ever.
    const std::string what = absl::StrCat(traffic, " ends early: ", (*capture)->error());
    if (reply.packets() == 0) {
      return console.Fail({ExitStatus::kRefused, "invalid", what, "record it again"});
    }
    console.err() << "evenkeel: " << Printable(what) << "\n";
  }
  if (console.json()) {
    console.PrintJson(ToJson(reply));
  } else {
    console.out() << Render(reply, console.terminal().color);
  }
  return ExitStatus::kDone;
}

}  // namespace evenkeel::cli
