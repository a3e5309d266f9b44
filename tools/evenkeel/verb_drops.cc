// evenkeel drops: what became of every packet, and for what reason it was not simply forwarded.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dataplane/forward/reason_name.h"
#include "tools/evenkeel/ask.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/numbers.h"
#include "tools/evenkeel/table.h"

namespace evenkeel::cli {
namespace {

// What a plane of another version counts has no sentence here.
const char* SentenceOf(const std::string& name) {
  for (uint32_t reason = 0; reason < LB_REASON_COUNT; ++reason) {
    if (name == lb_reason_name(reason)) return lb_reason_text(reason);
  }
  return "";
}

std::string RenderReasons(const v1::DropsReply& reply, bool color) {
  std::vector<std::pair<std::string, int64_t>> counted;
  for (const auto& [name, count] : reply.reasons()) {
    if (count != 0) counted.emplace_back(name, count);
  }
  if (counted.empty()) return "";
  std::sort(counted.begin(), counted.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  Table table({{"REASON"}, {"PACKETS", Align::kRight}, {"MEANING"}});
  for (const auto& [name, count] : counted) {
    table.Add({name, FormatCount(count), Cell(SentenceOf(name), Ink::kFaint)});
  }
  return "\n" + table.Render(color);
}

std::string RenderTotals(const v1::DropsReply& reply, bool color) {
  Table table({{"VERDICT"}, {"PACKETS", Align::kRight}, {"MEANING"}});
  const auto add = [&](const char* verdict, int64_t count, const char* meaning, Ink ink) {
    table.Add({Cell(verdict, ink), FormatCount(count), Cell(meaning, Ink::kFaint)});
  };
  add("received", reply.received(), "all packets since the plane's start", Ink::kStrong);
  add("forward", reply.forward(), "to a backend", Ink::kPlain);
  add("reply", reply.reply(), "turned round, to the sender", Ink::kPlain);
  add("pass", reply.pass(), "to the kernel", Ink::kPlain);
  add("drop", reply.drop(), "lost, for a reason below", reply.drop() ? Ink::kBad : Ink::kPlain);
  return table.Render(color);
}

std::string Render(const v1::DropsReply& reply, bool color) {
  return absl::StrCat(RenderTotals(reply, color), RenderReasons(reply, color));
}

}  // namespace

ExitStatus RunDrops(const Arguments& arguments, Console& console) {
  return AskAndShow<v1::DropsReply>(arguments, console, v1::DropsRequest(), Render);
}

}  // namespace evenkeel::cli
