#include "tools/evenkeel/watch_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "tools/evenkeel/ink.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/printable.h"
#include "tools/evenkeel/top_view.h"

namespace evenkeel::cli {
namespace {

using Json = nlohmann::ordered_json;

// Words of `text` in lines of at most `columns`, those after the first one indented.
std::vector<std::string> Wrap(const std::string& text, size_t columns) {
  constexpr absl::string_view kIndent = "    ";
  std::vector<std::string> lines(1);
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const size_t taken = DisplayWidth(lines.back());
    if (taken > 0 && taken + 1 + DisplayWidth(std::string(word)) > columns) {
      lines.push_back(absl::StrCat(kIndent, word));
    } else {
      absl::StrAppend(&lines.back(), taken > 0 ? " " : "", word);
    }
  }
  return lines;
}

std::string SentenceOf(const v1::Alarm& alarm) {
  return absl::StrCat(alarm.rule(), " since ", alarm.since(), ": ", alarm.message());
}

std::string SentenceOf(const v1::Trial& trial) {
  return absl::StrFormat(
      "revision %d is on trial for %.0f s more, then revision %d runs again: evenkeel confirm, or "
      "evenkeel rollback",
      trial.revision(), trial.seconds_left(), trial.base_revision());
}

}  // namespace

Json WatchToJson(const TopSample& before, const TopSample& now) {
  const TopFrame frame = MakeTopFrame(&before, now);
  Json object;
  object["time"] = ToJson(frame)["time"];
  object.update(ReplyToJson(now.status));
  Json& services = object["services"] = Json::array();
  for (const TopService& service : frame.services) {
    Json& row = services.emplace_back();
    row["name"] = service.name;
    row["new_flows_per_second"] =
        service.rates.new_flows ? Json(*service.rates.new_flows) : Json(nullptr);
    Json& backends = row["backends"] = Json::array();
    for (const TopBackend& backend : service.backends) {
      backends.push_back({{"name", backend.name},
                          {"pool", backend.pool},
                          {"state", backend.state},
                          {"share_expected", backend.share_expected},
                          {"share_observed", backend.share_observed ? Json(*backend.share_observed)
                                                                    : Json(nullptr)}});
    }
  }
  return object;
}

std::vector<std::string> RenderWatch(const TopSample* before, const TopSample& now,
                                     const std::string& notice, TerminalSize size,
                                     const Terminal& terminal) {
  const size_t columns = static_cast<size_t>(std::max(size.columns, 1));
  const size_t rows = static_cast<size_t>(std::max(size.rows, 1));
  std::vector<std::string> words;
  const auto add = [&](const std::string& sentence, Ink ink) {
    for (const std::string& line : Wrap(Printable(sentence), columns)) {
      words.push_back(Paint(Truncated(line, columns), ink, terminal.color));
    }
  };
  if (now.status.has_trial()) add(SentenceOf(now.status.trial()), Ink::kStrong);
  for (const v1::Alarm& alarm : now.status.alarms()) add(SentenceOf(alarm), Ink::kBad);
  if (now.status.alarms().empty()) add("no alarm", Ink::kGood);
  for (const v1::Alarm& note : now.status.notes()) {
    add(absl::StrCat("note: ", SentenceOf(note)), Ink::kPlain);
  }

  // Shares keep half of the screen, however many alarms there are.
  words.resize(std::min(words.size(), std::max<size_t>(rows / 2, 1)));
  TopFrame frame = MakeTopFrame(before, now);
  frame.alarms.clear();
  frame.notes.clear();
  size.rows = static_cast<int>(rows - std::min(words.size(), rows - 1));
  std::vector<std::string> lines = RenderTop(frame, notice, size, terminal);
  lines.insert(lines.begin() + 1, words.begin(), words.end());
  lines.resize(std::min(lines.size(), rows));
  return lines;
}

}  // namespace evenkeel::cli
