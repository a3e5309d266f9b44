// evenkeel drops: what became of every packet, and for what reason it was not simply forwarded.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "dataplane/forward/verdict.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/numbers.h"
#include "tools/evenkeel/table.h"

namespace evenkeel::cli {
namespace {

struct Reason {
  const char* name;
  lb_verdict verdict;
  const char* sentence;
};

constexpr Reason kReasons[] = {
#define REASON(name, verdict, sentence) {#name, verdict, sentence},
    LB_REASONS(REASON)
#undef REASON
};

// What a plane of another version counts has no sentence here.
const char* SentenceOf(const std::string& name) {
  const auto* found = std::find_if(std::begin(kReasons), std::end(kReasons),
                                   [&](const Reason& reason) { return name == reason.name; });
  return found == std::end(kReasons) ? "" : found->sentence;
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

}  // namespace

ExitStatus RunDrops(const Arguments& arguments, Console& console) {
  Client client(arguments.socket, arguments.timeout);
  v1::DropsReply reply;
  if (auto failure = client.Call(v1::DropsRequest(), reply)) return console.Fail(*failure);
  if (console.json()) {
    console.PrintJson(ReplyToJson(reply));
  } else {
    const bool color = console.terminal().color;
    console.out() << RenderTotals(reply, color) << RenderReasons(reply, color);
  }
  return ExitStatus::kDone;
}

}  // namespace evenkeel::cli
